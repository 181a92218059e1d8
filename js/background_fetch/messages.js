// What the engine tells this realm.

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_event_handled,
  op_bgfetch_next_message,
  op_bgfetch_take_updates,
} = core.ops;
const {
  BackgroundFetchEvent,
  BackgroundFetchUpdateUIEvent,
} = core.loadExtScript("ext:background_fetch/background_fetch/events.js");
const { dispatchAndWait } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_event.js",
);
const { getInstance, updateInstances } = core.loadExtScript(
  "ext:background_fetch/background_fetch/registration.js",
);
const { reportException } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const { internal, newTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);

/** Reads messages forever, and keeps no event loop alive by doing so. */
async function receiveMessages(global) {
  while (true) {
    const next = internal(op_bgfetch_next_message());
    core.unrefOpPromise(next);
    const event = await next;
    // A new task, as the text wants it: when `fetch()` resolves in the same
    // turn of the event loop, its caller continues first, and finds the
    // background fetch as it was when it was registered.
    await newTask();
    if (event === null) catchUp();
    else fireFunctionalEvent(global, event);
  }
}

/**
 * Brings every instance up to date: anyone who is told by a message that a
 * background fetch has settled finds it settled.
 */
function catchUp() {
  const updates = op_bgfetch_take_updates();
  for (let i = 0; i < updates.length; i++) {
    // What goes wrong with one keeps no other from being told.
    try {
      updateInstances(updates[i]);
    } catch (error) {
      reportException(error);
    }
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
async function fireFunctionalEvent(global, { name, lease, backgroundFetch }) {
  try {
    const event = new constructors[name](name, {
      __proto__: null,
      registration: getInstance(backgroundFetch),
    });
    await dispatchAndWait(event, global);
  } catch (error) {
    reportException(error);
  } finally {
    // A handler that throws has handled the event all the same.
    op_bgfetch_event_handled(lease);
  }
}

return {
  catchUp,
  receiveMessages,
};
})();
