// META: global=serviceworker
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What a user does to a background fetch. No browser lets a test do that.
// https://wicg.github.io/background-fetch/#display

const act = (id, action) => test_driver.background_fetch(id, action);
const slowly = () => pieces({ etag: "v1", pipe: "trickle(10:d0.5:r5)" });

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.3, complete.14.4, display.8
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, slowly());
  await t.step_wait(() => bgFetch.downloaded > 0, "the first bytes");
  assert_true(await act(id, "pause"));
  assert_equals(bgFetch.result, "");
  assert_true(await act(id, "resume"));
  const { type, value } = await ended;
  assert_success({ type, bgFetch });
  assert_equals(value[0].text, LETTERS);
}, "what was paused continues, and is whole");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.8, complete.15
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const url = pieces({ repeat: 3, etag: "v1", pipe: "trickle(26:d0.5:r5)" });
  const bgFetch = await backgroundFetch.fetch(id, url);
  const [record] = await bgFetch.matchAll();
  const { body } = await record.responseReady;
  await t.step_wait(() => bgFetch.downloaded > 0, "the first bytes");
  await act(id, "pause");
  await act(id, "resume");
  assert_equals(await new Response(body).text(), LETTERS.repeat(3));
  await ended;
}, "a body that is being read outlasts a pause");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: display.8
  const id = uniqueId();
  const ended = eventOf(id);
  await backgroundFetch.fetch(id, slowly());
  assert_true(await act(id, "pause"));
  assert_false(await act(id, "pause"), "it is paused");
  assert_true(await act(id, "resume"));
  assert_false(await act(id, "resume"), "it is not paused");
  await ended;
}, "what is paused is not paused again");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.6, complete.14.2
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, slowly());
  await act(id, "pause");
  assert_true(await bgFetch.abort());
  assert_failure(await ended, "aborted");
}, "what is paused can be aborted");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: display.7, complete.14.2, perform.8.10.1, ids.2
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, slowly());
  await t.step_wait(() => bgFetch.downloaded > 0, "the first bytes");
  assert_true(await act(id, "abort"));
  const { type, value } = await ended;
  assert_failure({ type, bgFetch }, "aborted");
  assert_hidden(value[0], "AbortError");
  assert_equals(await backgroundFetch.get(id), undefined);
  assert_array_equals(await backgroundFetch.getIds(), []);
  assert_false(await act(id, "abort"), "there is nothing left to abort");
}, "what the user aborts is told as aborted, and its id is free");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: display.8
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, slowly());
  await act(id, "pause");
  const { downloaded } = bgFetch;
  await new Promise((resolve) => t.step_timeout(resolve, 1500));
  assert_equals(bgFetch.downloaded, downloaded, "nothing comes while it is paused");
  await act(id, "resume");
  assert_success(await ended);
  assert_equals(bgFetch.downloaded, 26);
}, "while it is paused, nothing is fetched");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: display.8
  const id = uniqueId();
  const ended = eventOf(id);
  const upload = new Request(slowly(), { method: "POST", body: "x" });
  const bgFetch = await backgroundFetch.fetch(id, upload);
  await t.step_wait(() => bgFetch.downloaded > 0, "the upload has begun");
  assert_false(await act(id, "pause"));
  assert_success(await ended);
}, "an upload that has begun is not paused");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: get.2, ids.2
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, slowly());
  await act(id, "pause");
  assert_equals(await backgroundFetch.get(id), bgFetch);
  assert_array_equals(await backgroundFetch.getIds(), [id]);
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch(id, pieces()));
  await act(id, "resume");
  await ended;
}, "what is paused is active, and keeps its id");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: click.1, automation.7, display.9
  const id = uniqueId();
  const ended = eventOf(id);
  const clicked = new Promise((resolve) =>
    addEventListener("backgroundfetchclick", resolve, { once: true }));
  const bgFetch = await backgroundFetch.fetch(id, slowly());
  assert_true(await act(id, "click"));
  const event = await clicked;
  assert_equals(event.registration, bgFetch);
  assert_true(event.isTrusted);
  assert_true(event instanceof BackgroundFetchEvent);
  assert_false(event instanceof BackgroundFetchUpdateUIEvent);
  await ended;
}, "a click is told with the background fetch");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.1, display.11
  const descriptor = { name: "background-fetch" };
  t.add_cleanup(() => test_driver.set_permission(descriptor, "granted"));
  await test_driver.set_permission(descriptor, "prompt");
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, pieces());
  assert_equals(bgFetch.downloaded, 0);
  assert_true(await act(id, "resume"), "it has begun paused");
  assert_success(await ended);
}, "as long as the permission is asked for, nothing is fetched");
