// https://html.spec.whatwg.org/multipage/system-state.html#navigator.online

(function () {
const { core } = __bootstrap;
const { op_navigator_is_online, op_navigator_online_other_than } = core.ops;
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");

const { Event } = core.loadExtScript("ext:deno_web/02_event.js");

/** Fires `online` and `offline`, and keeps no event loop alive by doing so. */
async function fireOnlineEvents(global) {
  let online = op_navigator_is_online();
  while (true) {
    const next = op_navigator_online_other_than(online);
    core.unrefOpPromise(next);
    online = await internal(next);
    fireEvent(global, new Event(online ? "online" : "offline"));
  }
}

return { fireOnlineEvents };
})();
