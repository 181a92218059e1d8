// What the engine tells this realm.

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_event_handled,
  op_bgfetch_next_message,
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
const { isWaiting, setOnWaiting } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_calls.js",
);
const { handleServiceWorkerMessage } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_messages.js",
);

/**
 * Reads messages forever, one after the other: what has happened first is heard
 * of first. That keeps the event loop alive as long as a script waits for an
 * answer, and no longer.
 */
async function receiveMessages(global, container) {
  while (true) {
    const next = internal(op_bgfetch_next_message());
    setOnWaiting(() => core.refOpPromise(next));
    if (!isWaiting()) core.unrefOpPromise(next);
    const message = await next;
    setOnWaiting(() => {});
    // A new task, as the text wants it: when `fetch()` resolves in the same
    // turn of the event loop, its caller continues first, and finds the
    // background fetch as it was when it was registered. An answer is one that
    // its caller waits for.
    if (message.kind !== "serviceWorker" || message.message.kind === "message") {
      await newTask();
    }
    try {
      handle(message, global, container);
    } catch (error) {
      reportException(error);
    }
  }
}

function handle(message, global, container) {
  switch (message.kind) {
    case "updates":
      updateAll(message.updates);
      break;
    case "functionalEvent":
      fireFunctionalEvent(global, message);
      break;
    case "serviceWorker":
      handleServiceWorkerMessage(message, global, container);
      break;
  }
}

function updateAll(updates) {
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

return { receiveMessages };
})();
