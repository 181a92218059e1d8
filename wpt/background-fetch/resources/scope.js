// Where a test runs: in a page, or in a service worker's own scope. Both give
// it the same three things: a registration whose worker is active, the end of
// a background fetch with its records still there, and the object it has.
"use strict";

const EVENTS = /** @type {const} */ ([
  "backgroundfetchsuccess",
  "backgroundfetchfail",
  "backgroundfetchabort",
]);

/** How long a test may take, in milliseconds: one that hangs ends alone. */
const ENOUGH = 20_000;

/** Those who wait for the end of a background fetch, by its id. */
const waiting = new Map();

async function becomes(worker, state) {
  while (worker.state !== state) {
    await new Promise((resolve) =>
      worker.addEventListener("statechange", resolve, { once: true })
    );
  }
}

/**
 * Waits for the event of the background fetch `id`. `inspect` is called with
 * the background fetch and the event (in a page: what can be said of it) while
 * the records are there; what it resolves with becomes `value`.
 * @param {string} id
 * @param {(bgFetch: BackgroundFetchRegistration, event?: any) => unknown} inspect
 */
function eventOf(id, inspect = () => undefined) {
  return new Promise((resolve, reject) => {
    waiting.set(id, async (bgFetch, event, original) => {
      waiting.delete(id);
      try {
        const value = await inspect(bgFetch, original);
        resolve({ type: event.type, event, original, bgFetch, value });
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** In a service worker, everything is at hand. */
const scopeOfWorker = () => {
  const installed = new Promise((resolve) =>
    addEventListener("install", resolve, { once: true })
  );
  for (const type of EVENTS) {
    addEventListener(type, (event) => {
      const { registration: bgFetch } = event;
      const inspect = waiting.get(bgFetch.id);
      event.waitUntil(inspect?.(bgFetch, describeEvent(event), event));
    });
  }
  // Before its worker is active, nothing can be fetched.
  return async () => {
    const { installing, waiting, active } = registration;
    // Some show no worker before its installation begins.
    if ((installing ?? waiting ?? active) === null) await installed;
    await becomes(
      registration.installing ?? registration.waiting ?? registration.active,
      "activated");
    return registration;
  };
};

/** A page registers a worker that tells it of events and waits for it. */
const scopeOfPage = () => {
  const container = navigator.serviceWorker;
  const scope = `resources/scope-of-${location.pathname.slice(1)}`;
  const calls = [];

  /** The object that fetch() gave for the youngest with that id. */
  async function startedAs(id) {
    const results = await Promise.allSettled(calls);
    return results
      .map((result) => "value" in result ? result.value : undefined)
      .findLast((bgFetch) => bgFetch?.id === id);
  }

  async function register() {
    await (await container.getRegistration(scope))?.unregister();
    const made = await container.register("resources/reporter.js", { scope });
    add_completion_callback(() => made.unregister());
    container.addEventListener("message", async ({ data, source }) => {
      if (data.scope !== made.scope) return;
      const inspect = waiting.get(data.id);
      if (inspect !== undefined) {
        await inspect(await startedAs(data.id), data.event, data.event);
      }
      source.postMessage({ handled: data.number });
    });
    container.startMessages();
    const { backgroundFetch } = made;
    const { fetch } = backgroundFetch;
    backgroundFetch.fetch = function (...args) {
      const started = fetch.apply(this, args);
      calls.push(started);
      return started;
    };
    await becomes(made.installing ?? made.waiting ?? made.active, "activated");
    return made;
  }
  let registered = null;
  return () => registered ??= register();
};

/** What can be said of an event in another realm. */
const describeEvent = ({ type, isTrusted, bubbles, cancelable, constructor }) =>
  ({ type, isTrusted, bubbles, cancelable, kind: constructor.name });

const theRegistration = GLOBAL.isWindow() ? scopeOfPage() : scopeOfWorker();

/** What one test leaves behind would take time and space from the next. */
async function abortAll({ backgroundFetch }) {
  for (const id of await backgroundFetch.getIds()) {
    await (await backgroundFetch.get(id))?.abort();
  }
}

/** `f` gets the test, and a registration's manager and the registration. */
function backgroundFetchTest(f, name) {
  promise_test(async (t) => {
    const registration = await theRegistration();
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("it takes too long")), ENOUGH);
    });
    t.add_cleanup(async () => {
      clearTimeout(timer);
      await abortAll(registration);
    });
    await Promise.race([f(t, registration.backgroundFetch, registration), late]);
  }, name);
}
