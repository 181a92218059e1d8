// META: script=resources/window.js
"use strict";

// A page that starts background fetches, and the worker that hears of their
// end.

const letters = "abcdefghijklmnopqrstuvwxyz";
const url = "resources/pieces.py";

promise_test(async (t) => {
  // steps: fetch.8.4
  const { backgroundFetch, installing } = await register(t);
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch("id", url));
  assert_array_equals(await backgroundFetch.getIds(), []);
  assert_equals(await backgroundFetch.get("id"), undefined);
  await becomes(installing, "activated");
}, "without an active worker nothing is fetched, and asking is allowed");

windowTest(async (t, { backgroundFetch }) => {
  // steps: perform.8.7, perform.8.13
  const told = nextMessage("event");
  const bgFetch = await backgroundFetch.fetch("id", url);
  assert_equals(bgFetch.result, "");
  assert_object_equals(await told, {
    what: "event",
    type: "backgroundfetchsuccess",
    id: "id",
    result: "success",
    failureReason: "",
    downloaded: 26,
    texts: [letters],
  });
  assert_equals(bgFetch.result, "success", "the page knew before");
  assert_equals(bgFetch.downloaded, 26);
  await t.step_wait(() => !bgFetch.recordsAvailable, "the event is over");
}, "the worker is told, and the page's object shows it by then");

windowTest(async (t, { backgroundFetch }) => {
  // steps: abort.3.5, perform.8.10.1
  const told = nextMessage("event");
  const bgFetch = await backgroundFetch.fetch("id", [url, "/common/slow.py"]);
  const record = await bgFetch.match(url);
  assert_equals(await (await record.responseReady).text(), letters);
  assert_true(await bgFetch.abort());
  const { type, failureReason, texts } = await told;
  assert_equals(type, "backgroundfetchabort");
  assert_equals(failureReason, "aborted");
  assert_array_equals(texts, [letters, "AbortError"]);
}, "a page aborts, and the worker is told");

windowTest(async (t, registration) => {
  // steps: instance.2
  const { backgroundFetch } = registration;
  const told = nextMessage("event");
  const bgFetch = await backgroundFetch.fetch("id", "/common/slow.py");
  assert_equals(await backgroundFetch.get("id"), bgFetch);
  const same = await navigator.serviceWorker.getRegistration(registration.scope);
  assert_equals(same, registration);
  assert_equals(same.backgroundFetch, backgroundFetch);
  await told;
}, "a page has one object for a background fetch");
