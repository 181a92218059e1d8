// META: global=serviceworker
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// A permission that is asked for: the background fetch waits, paused, for what
// the user does with it.
// https://wicg.github.io/background-fetch/#permissions

const descriptor = { name: "background-fetch" };
const act = (id, action) => test_driver.background_fetch(id, action);

/** Begins one while the permission is `state`, which then is granted again. */
async function beginWith(t, state, backgroundFetch, requests = pieces()) {
  t.add_cleanup(() => test_driver.set_permission(descriptor, "granted"));
  await test_driver.set_permission(descriptor, state);
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, requests);
  return { id, ended, bgFetch };
}

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.1, display.11, ids.2
  const { id, ended, bgFetch } = await beginWith(t, "prompt", backgroundFetch);
  assert_equals(await backgroundFetch.get(id), bgFetch);
  assert_array_equals(await backgroundFetch.getIds(), [id]);
  assert_equals(bgFetch.result, "");
  assert_true(await act(id, "resume"));
  const { type, value } = await ended;
  assert_success({ type, bgFetch });
  assert_equals(value[0].text, LETTERS);
}, "what waits for the user is active, and continues when the user says so");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: display.11, display.7, complete.14.2
  const { ended, bgFetch } = await beginWith(t, "prompt", backgroundFetch);
  assert_true(await bgFetch.abort());
  const { type, value } = await ended;
  assert_failure({ type, bgFetch }, "aborted");
  assert_hidden(value[0], "AbortError");
  assert_equals(bgFetch.downloaded, 0);
}, "what waits for the user can be aborted, and nothing was fetched");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: display.11, display.8
  const upload = new Request(resource("upload.py"), { method: "POST", body: "body" });
  const { id, ended, bgFetch } = await beginWith(t, "prompt", backgroundFetch, upload);
  assert_equals(bgFetch.uploaded, 0);
  assert_equals(bgFetch.uploadTotal, 4);
  assert_true(await act(id, "resume"));
  const { type, value } = await ended;
  assert_success({ type, bgFetch });
  assert_equals(value[0].text, "body");
}, "an upload waits for the user, too");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.1
  const { id, ended, bgFetch } = await beginWith(t, "prompt", backgroundFetch);
  await test_driver.set_permission(descriptor, "denied");
  assert_equals(bgFetch.result, "", "it was registered before");
  assert_true(await act(id, "resume"));
  assert_success(await ended);
}, "a permission that is withdrawn later is none of what was registered");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.2
  await promise_rejects_dom(
    t, "NotAllowedError", beginWith(t, "denied", backgroundFetch));
  await test_driver.set_permission(descriptor, "granted");
  const ended = await fetchAll(backgroundFetch, pieces());
  assert_success(ended);
}, "who was denied may fetch when the permission is given");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.1, fetch.8.2
  t.add_cleanup(() => test_driver.set_permission(descriptor, "granted"));
  await test_driver.set_permission(descriptor, "denied");
  assert_array_equals(await backgroundFetch.getIds(), []);
  assert_equals(await backgroundFetch.get("nobody"), undefined);
}, "without the permission one may still ask");
