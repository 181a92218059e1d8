// Shared by the tests in a service worker's own scope.

const ORIGIN = self.location.origin;
const REMOTE_ORIGIN = "https://{{domains[www1]}}:{{ports[https][0]}}";
const OTHER_SITE = "https://{{hosts[alt][]}}:{{ports[https][0]}}";
const INSECURE_ORIGIN = "http://{{host}}:{{ports[http][0]}}";
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

const EVENTS = [
  "backgroundfetchsuccess",
  "backgroundfetchfail",
  "backgroundfetchabort",
];

let ids = 0;
const uniqueId = () => `id ${++ids}`;

/** The URL of a helper's answer, absolute. */
const resource = (path, origin = ORIGIN) =>
  new URL(`/background-fetch/resources/${path}`, origin).href;

/** A resource that comes as `pieces.py` is told. */
const pieces = (parameters) =>
  resource(`pieces.py?${new URLSearchParams(parameters)}`);

const installed = new Promise((resolve) =>
  addEventListener("install", resolve, { once: true })
);

/** Resolves when the worker is active: before, nothing can be fetched. */
async function activated() {
  const { installing, waiting, active } = registration;
  // Some show no worker before its installation begins.
  if ((installing ?? waiting ?? active) === null) await installed;
  while (registration.active?.state !== "activated") {
    const worker = registration.installing ?? registration.waiting ??
      registration.active;
    await new Promise((resolve) =>
      worker.addEventListener("statechange", resolve, { once: true })
    );
  }
}

function backgroundFetchTest(f, name) {
  promise_test(async (t) => {
    await activated();
    return f(t, registration.backgroundFetch);
  }, name);
}

/**
 * Waits for the event of the background fetch `id`. `inspect` is called while
 * the records are there; what it resolves with becomes `value`.
 */
function eventOf(id, inspect = () => undefined) {
  return new Promise((resolve, reject) => {
    const listener = (event) => {
      if (event.registration.id !== id) return;
      for (const type of EVENTS) removeEventListener(type, listener);
      const { type, registration: bgFetch } = event;
      const inspected = (async () => inspect(bgFetch, event))();
      inspected.then(
        (value) => resolve({ type, event, bgFetch, value }),
        reject,
      );
      event.waitUntil(inspected.catch(() => {}));
    };
    for (const type of EVENTS) addEventListener(type, listener);
  });
}

/** Every record's response (or the rejection) and text, in order. */
async function contents(bgFetch) {
  const records = await bgFetch.matchAll();
  return Promise.all(records.map(async (record) => {
    const { request } = record;
    let response;
    try {
      response = await record.responseReady;
    } catch (error) {
      return { request, error };
    }
    return { request, response, text: await response.text() };
  }));
}

/** Fetches, and waits for the end; `value` is what `contents` gives. */
async function fetchAll(backgroundFetch, requests, options) {
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const started = await backgroundFetch.fetch(id, requests, options);
  const { type, event, bgFetch, value } = await ended;
  assert_equals(bgFetch, started, "the event has the same object");
  return { type, event, bgFetch, value };
}

function assert_success({ type, bgFetch }) {
  assert_equals(type, "backgroundfetchsuccess");
  assert_equals(bgFetch.result, "success");
  assert_equals(bgFetch.failureReason, "");
}

function assert_failure({ type, bgFetch }, reason) {
  assert_equals(bgFetch.failureReason, reason);
  assert_equals(bgFetch.result, "failure");
  assert_equals(
    type,
    reason === "aborted" ? "backgroundfetchabort" : "backgroundfetchfail",
  );
}

/** A record that a script may not see. */
function assert_hidden({ response, error }, name = "TypeError") {
  assert_equals(response, undefined, "there is no response");
  assert_equals(error.name, name);
}
