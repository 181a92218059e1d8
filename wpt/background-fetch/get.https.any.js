// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// get(), getIds() and the identity of their objects.
// https://wicg.github.io/background-fetch/#background-fetch-manager-get

// steps: get.2
backgroundFetchTest(async (t, backgroundFetch) => {
  await promise_rejects_js(t, TypeError, backgroundFetch.get());
  await promise_rejects_js(t, TypeError, backgroundFetch.get(""));
}, "get() wants an id");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: get.3
  assert_equals(await backgroundFetch.get("nobody"), undefined);
}, "get() of an id that nobody has is undefined");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: get.4.1.1, instance.2
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, ["/common/slow.py", pieces()]);
  bgFetch.mark = "left by the script";
  const again = await backgroundFetch.get(id);
  assert_equals(again, bgFetch);
  assert_equals(again.mark, "left by the script");
  assert_equals((await ended).bgFetch, bgFetch);
}, "fetch(), get() and the event have one object");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: ids.2, perform.8.3
  assert_array_equals(await backgroundFetch.getIds(), []);
  const ids = ["b", "a", "ä\u{1F600}\0"];
  const ended = Promise.all(ids.map((id) => eventOf(id)));
  for (const id of ids) await backgroundFetch.fetch(id, "/common/slow.py");
  assert_array_equals(await backgroundFetch.getIds(), ids, "in their order");
  await ended;
  assert_array_equals(await backgroundFetch.getIds(), []);
  assert_equals(await backgroundFetch.get("a"), undefined);
}, "getIds() lists what is active");

// steps: get.1
backgroundFetchTest(async (t, backgroundFetch, registration) => {
  assert_equals(registration.backgroundFetch, backgroundFetch);
  assert_class_string(backgroundFetch, "BackgroundFetchManager");
  assert_readonly(registration, "backgroundFetch");
}, "a registration has one manager");

// steps: instance.3, records.2.2
test(() => {
  for (const name of [
    "BackgroundFetchManager", "BackgroundFetchRegistration", "BackgroundFetchRecord",
  ]) {
    assert_throws_js(TypeError, () => new self[name](), name);
  }
}, "no script constructs what only the user agent can");
