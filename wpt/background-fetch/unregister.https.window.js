// META: timeout=long
// META: script=resources/window.js
"use strict";

// A registration that goes while its background fetches are active: they go
// with it, without an event.
// https://wicg.github.io/background-fetch/#privacy-and-security

const url = "resources/pieces.py";
const slow = "/common/slow.py";

const messages = [];
navigator.serviceWorker.addEventListener("message", ({ data }) => messages.push(data));

// steps: abort.3.3, ids.2
windowTest(async (t, registration) => {
  const { backgroundFetch } = registration;
  const bgFetch = await backgroundFetch.fetch("gone", [url, slow]);
  assert_true(await registration.unregister());
  await t.step_wait(() => registration.active === null, "the end of its worker");
  assert_array_equals(await backgroundFetch.getIds(), []);
  assert_equals(await backgroundFetch.get("gone"), undefined);
  assert_false(await bgFetch.abort());
}, "what was active is not there any more");

// steps: fetch.8.4
windowTest(async (t, registration) => {
  await registration.unregister();
  await t.step_wait(() => registration.active === null, "the end of its worker");
  await promise_rejects_js(
    t, TypeError, registration.backgroundFetch.fetch("late", url));
}, "without a registration nothing is fetched");

// steps: contains.2, perform.8.13
windowTest(async (t, registration) => {
  await registration.backgroundFetch.fetch("id", [url, slow]);
  const { scope } = registration;
  await registration.unregister();
  await t.step_wait(() => registration.active === null, "the end of its worker");
  const next = await navigator.serviceWorker.register("resources/worker.js", { scope });
  t.add_cleanup(() => next.unregister());
  await becomes(next.installing ?? next.active, "activated");
  const ready = nextMessage("ready");
  next.active.postMessage("hello");
  await ready;
  assert_array_equals(await next.backgroundFetch.getIds(), []);
  messages.length = 0;
  const told = nextMessage("event");
  await next.backgroundFetch.fetch("id", url);
  assert_equals((await told).type, "backgroundfetchsuccess");
  assert_equals(messages.length, 1, "nobody is told of the one that is gone");
}, "a new registration of the same scope has nothing of the old one");
