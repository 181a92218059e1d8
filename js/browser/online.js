// https://html.spec.whatwg.org/multipage/system-state.html#navigator.online

(function () {
const { core, primordials } = __bootstrap;
const { op_navigator_is_online, op_navigator_online_other_than } = core.ops;
const { uncurryThis } = primordials;

const { Event, EventTarget, setIsTrusted } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);

// Taken now: a script may replace it later.
const dispatchEvent = uncurryThis(EventTarget.prototype.dispatchEvent);

/** Fires `online` and `offline`, and keeps no event loop alive by doing so. */
async function fireOnlineEvents(global) {
  let online = op_navigator_is_online();
  while (true) {
    const next = op_navigator_online_other_than(online);
    core.unrefOpPromise(next);
    online = await next;
    const event = new Event(online ? "online" : "offline");
    setIsTrusted(event, true);
    dispatchEvent(global, event);
  }
}

return { fireOnlineEvents };
})();
