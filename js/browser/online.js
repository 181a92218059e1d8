// https://html.spec.whatwg.org/multipage/system-state.html#navigator.online

(function () {
const { core } = __bootstrap;
const { op_navigator_is_online, op_navigator_online_other_than } = core.ops;
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { watch } = core.loadExtScript("ext:background_fetch/common/tasks.js");

const { Event } = core.loadExtScript("ext:deno_web/02_event.js");

/** Fires `online` and `offline` from now on. */
function fireOnlineEvents(global) {
  watch(op_navigator_is_online, op_navigator_online_other_than, (online) => {
    fireEvent(global, new Event(online ? "online" : "offline"));
  });
}

return { fireOnlineEvents };
})();
