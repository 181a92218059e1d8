// The commands of testdriver that tests of background fetches use, on the
// runner's realms. In a browser they do nothing: there, a person is asked.
(() => {
  "use strict";
  const host = globalThis[Symbol.for("wpt.host")];
  const internal = globalThis.test_driver_internal;

  internal.set_permission = async ({ descriptor, state }) => {
    host?.setPermission(descriptor.name, state);
  };
  if (host !== undefined) {
    internal.background_fetch = (id, action) => host.display(id, action);
    internal.restarts = host.restarts;
    internal.restart = () => {
      host.restart();
      return new Promise(() => {});
    };
    internal.set_quota = async (bytes) => host.setQuota(bytes);
  }
  internal.click = async (element) => {
    element.dispatchEvent(new Event("click"));
  };
})();
