// META: timeout=long
// META: script=resources/window.js
"use strict";

// What a page and its worker see of the same background fetch.
// https://wicg.github.io/background-fetch/#update-background-fetch-instances-algorithm

const url = "resources/pieces.py";
const slow = "/common/slow.py";

/** Starts one that ends with the test. */
async function begin(t, { backgroundFetch }, id, requests = slow) {
  const bgFetch = await backgroundFetch.fetch(id, requests);
  t.add_cleanup(() => bgFetch.abort());
  return bgFetch;
}

for (const title of [undefined, "A title"]) {
  // steps: fetch.8.12, fetch.8.14.1
  windowTest(async (t, registration) => {
    const told = nextMessage("event");
    await registration.backgroundFetch.fetch("id", url, { title });
    assert_equals((await told).type, "backgroundfetchsuccess");
  }, `a page's background fetch ends with a success, with the title ${title}`);
}

// steps: fetch.8.5
windowTest(async (t, registration) => {
  await begin(t, registration, "id");
  await promise_rejects_js(
    t, TypeError, registration.backgroundFetch.fetch("id", url));
}, "a page cannot take an id that is in use");

// steps: ids.2
windowTest(async (t, registration) => {
  await begin(t, registration, "one");
  await begin(t, registration, "two");
  const ids = await registration.backgroundFetch.getIds();
  assert_array_equals([...ids].sort(), ["one", "two"]);
}, "a page lists what it has begun");

// steps: get.3
windowTest(async (t, registration) => {
  const bgFetch = await begin(t, registration, "id");
  assert_true(await bgFetch.abort());
  assert_equals(await registration.backgroundFetch.get("id"), undefined);
}, "a page does not get what it has aborted");

// steps: contains.3, fetch.1
windowTest(async (t, registration) => {
  await begin(t, registration, "id");
  const other = await register(t);
  await becomes(other.installing ?? other.active, "activated");
  assert_array_equals(await other.backgroundFetch.getIds(), []);
  await begin(t, other, "id");
  assert_equals((await other.backgroundFetch.get("id")).id, "id");
}, "each registration has ids of its own");

// steps: update.6.10
windowTest(async (t, registration) => {
  const bgFetch = await begin(t, registration, "id", [url, slow]);
  const progress = new Promise((resolve) => bgFetch.onprogress = resolve);
  if (bgFetch.downloaded === 0) {
    const event = await progress;
    assert_true(event.isTrusted);
    assert_equals(event.constructor, Event);
    assert_false(event.bubbles);
  }
  await t.step_wait(() => bgFetch.downloaded === 26, "all that comes at once");
}, "a page is told of progress");

// steps: fetch.5
windowTest(async (t, { backgroundFetch }) => {
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch("id", []));
}, "a page cannot fetch nothing");

// steps: fetch.6.2
windowTest(async (t, { backgroundFetch }) => {
  const request = new Request(url, { mode: "no-cors" });
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch("id", request));
}, "a page cannot fetch without CORS");

// steps: instance.3
windowTest(async (t, registration) => {
  const bgFetch = await begin(t, registration, "id");
  for (const [name, value] of Object.entries({
    id: "id", uploadTotal: 0, uploaded: 0, downloadTotal: 0, result: "",
    failureReason: "", recordsAvailable: true,
  })) {
    assert_equals(bgFetch[name], value, name);
  }
}, "the attributes of a background fetch that has just begun, in a page");

// steps: fetch.8.6
windowTest(async (t, registration) => {
  const request = new Request("resources/upload.py", { method: "POST", body: "body" });
  const told = nextMessage("event");
  const bgFetch = await registration.backgroundFetch.fetch("id", request);
  assert_equals(bgFetch.uploadTotal, 4);
  assert_equals((await told).type, "backgroundfetchsuccess");
}, "a page uploads");

// steps: matchAll.3.2.1
windowTest(async (t, registration) => {
  const bgFetch = await begin(t, registration, "id", [url, slow]);
  assert_equals((await bgFetch.matchAll(url)).length, 1);
  assert_equals((await bgFetch.matchAll()).length, 2);
  assert_equals(await bgFetch.match("other"), undefined);
}, "a page finds the records of what is active");

// steps: perform.8.11.1
windowTest(async (t, registration) => {
  const told = nextMessage("event");
  await registration.backgroundFetch.fetch("id", `${url}?pipe=status(404)`);
  const { type, result, failureReason } = await told;
  assert_equals(type, "backgroundfetchfail");
  assert_equals(result, "failure");
  assert_equals(failureReason, "bad-status");
}, "a worker is told that a page's background fetch has failed");
