// What the engine tells this realm.

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_event_handled,
  op_bgfetch_next_message,
  op_bgfetch_report_error,
  op_bgfetch_take_updates,
} = core.ops;
const {
  BackgroundFetchEvent,
  BackgroundFetchUpdateUIEvent,
} = core.loadExtScript("ext:background_fetch/events.js");
const { dispatchAndWait } = core.loadExtScript(
  "ext:background_fetch/extendable_event.js",
);
const { getInstance, updateInstances } = core.loadExtScript(
  "ext:background_fetch/registration.js",
);
const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { defer } = core.loadExtScript("ext:deno_web/02_timers.js");
const {
  ObjectPrototypeIsPrototypeOf,
  Promise,
  String,
  StringPrototypeStartsWith,
  uncurryThis,
} = primordials;

// Taken now: a script may replace them later.
const addEventListener = uncurryThis(EventTarget.prototype.addEventListener);
const removeEventListener = uncurryThis(
  EventTarget.prototype.removeEventListener,
);

const isEventTarget = (object) =>
  ObjectPrototypeIsPrototypeOf(EventTarget.prototype, object) &&
  object[webidl.brand] === webidl.brand;

/** Reads messages for ever, and keeps no event loop alive by doing so. */
async function receiveMessages(global) {
  while (true) {
    const next = op_bgfetch_next_message();
    core.unrefOpPromise(next);
    const event = await next;
    // A new task, as the text wants it: when `fetch()` resolves in the same
    // turn of the event loop, its caller goes on first, and finds the
    // background fetch as it was when it was registered.
    await new Promise(defer);
    if (event === null) catchUp(global);
    else fireFunctionalEvent(global, event);
  }
}

/**
 * Brings every instance up to date: whoever is told by a message that a
 * background fetch has settled finds it settled.
 */
function catchUp(global) {
  const updates = op_bgfetch_take_updates();
  for (let i = 0; i < updates.length; i++) {
    reportingErrors(global, () => updateInstances(updates[i]));
  }
}

// The constructors that perform.8.8 to perform.8.13 of
// https://wicg.github.io/background-fetch/#perform-a-background-fetch-algorithm
// and https://wicg.github.io/background-fetch/#fire-a-background-fetch-click-event-algorithm
// name.
const constructors = {
  __proto__: null,
  backgroundfetchabort: BackgroundFetchEvent,
  backgroundfetchclick: BackgroundFetchEvent,
  backgroundfetchfail: BackgroundFetchUpdateUIEvent,
  backgroundfetchsuccess: BackgroundFetchUpdateUIEvent,
};

// https://w3c.github.io/ServiceWorker/#fire-functional-event-algorithm
async function fireFunctionalEvent(global, { name, delivery, backgroundFetch }) {
  const event = new constructors[name](name, {
    registration: getInstance(backgroundFetch),
  });
  await reportingErrors(global, () => dispatchAndWait(event, global, report));
  op_bgfetch_event_handled(delivery);
}

// A handler that throws has handled the event all the same, and takes no other
// background fetch down with it: what is thrown while events are dispatched is
// reported, and does not end the event loop as other uncaught errors do.
function reportingErrors(global, dispatch) {
  // The global object of an embedder need not be one; it sees to errors then.
  if (!isEventTarget(global)) return dispatch();
  const onerror = (errorEvent) => {
    if (errorEvent.defaultPrevented) return;
    errorEvent.preventDefault();
    report(errorEvent.error);
  };
  addEventListener(global, "error", onerror);
  try {
    return dispatch();
  } finally {
    removeEventListener(global, "error", onerror);
  }
}

function report(error) {
  let text;
  try {
    text = String(error?.stack || error);
    const heading = String(error);
    // QuickJS leaves the message out of the stack.
    if (error?.stack && !StringPrototypeStartsWith(text, heading)) {
      text = `${heading}\n${text}`;
    }
  } catch {
    text = "a value that cannot be shown";
  }
  op_bgfetch_report_error(text);
}

return {
  catchUp,
  receiveMessages,
  report,
  reportingErrors,
};
})();
