// The commands that this project's own tests give to whoever runs them.
globalThis.test_driver_internal = {
  set_permission: () => Promise.reject(new Error("nobody can set it")),
  click: () => Promise.reject(new Error("nobody can click")),
};
globalThis.test_driver = {
  set_permission: (descriptor, state) =>
    globalThis.test_driver_internal.set_permission({ descriptor, state }),
  click: (element) => globalThis.test_driver_internal.click(element),
};
