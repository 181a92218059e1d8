// The commands that this project's own tests give to whoever runs them.
globalThis.test_driver_internal = {
  set_permission: () => Promise.reject(new Error("nobody can set it")),
  click: () => Promise.reject(new Error("nobody can click")),
  background_fetch: () => Promise.reject(new Error("nobody has its display")),
  set_quota: () => Promise.reject(new Error("nobody can set it")),
  restart: () => Promise.reject(new Error("nobody can restart it")),
  restarts: 0,
};
globalThis.test_driver = {
  set_permission: (descriptor, state) =>
    globalThis.test_driver_internal.set_permission({ descriptor, state }),
  click: (element) => globalThis.test_driver_internal.click(element),
  // What a user does to a background fetch: "pause", "resume" or "click".
  // Resolves with whether it could be done. No browser has this.
  background_fetch: (id, action) =>
    globalThis.test_driver_internal.background_fetch(id, action),
  // Ends the engine, as the end of a process does, and the page with it; then
  // both start anew. Never resolves.
  restart: () => globalThis.test_driver_internal.restart(),
  // How often that has happened.
  get restarts() {
    return globalThis.test_driver_internal.restarts;
  },
  // How much the origin may store, in bytes; before it stores anything.
  set_quota: (bytes) => globalThis.test_driver_internal.set_quota(bytes),
};
