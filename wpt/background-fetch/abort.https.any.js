// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// abort().
// https://wicg.github.io/background-fetch/#background-fetch-registration-abort

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.3, abort.3.4, abort.3.5
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, "/common/slow.py");
  assert_true(await bgFetch.abort());
  assert_false(await bgFetch.abort());
  assert_equals(await backgroundFetch.get(id), undefined);
  await ended;
}, "a background fetch is aborted once");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.6, complete.14.2, perform.8.10.1, perform.8.10.2
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, "/common/slow.py");
  await bgFetch.abort();
  const { type, event, value } = await ended;
  assert_failure({ type, bgFetch }, "aborted");
  assert_equals(event.kind, "BackgroundFetchEvent");
  // steps: records.2.9.3
  assert_hidden(value[0], "AbortError");
  assert_true(value[0].error instanceof DOMException);
}, "the event of an abort, and what becomes of a record that has not arrived");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.9.2
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, [pieces(), "/common/slow.py"]);
  const [record] = await bgFetch.matchAll(pieces());
  assert_equals(await (await record.responseReady).text(), LETTERS);
  assert_true(await bgFetch.abort());
  const { value } = await ended;
  assert_equals(value[0].text, LETTERS);
  assert_hidden(value[1], "AbortError");
}, "what had arrived before the abort can be read");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.8.4.3
  const id = uniqueId();
  const ended = eventOf(id);
  const url = pieces({ repeat: 100, pipe: "trickle(26:d3:r2)" });
  const bgFetch = await backgroundFetch.fetch(id, url);
  const [record] = await bgFetch.matchAll();
  const reader = (await record.responseReady).body.getReader();
  assert_equals((await reader.read()).value.length, 26);
  assert_true(await bgFetch.abort());
  await promise_rejects_dom(t, "AbortError", reader.read());
  await ended;
}, "an abort errors a body that is being read");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.3
  const { bgFetch } = await fetchAll(backgroundFetch, pieces());
  assert_false(await bgFetch.abort());
  assert_equals(bgFetch.result, "success");
}, "what has settled cannot be aborted");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: contains.3
  const id = uniqueId();
  const first = eventOf(id);
  const old = await backgroundFetch.fetch(id, "/common/slow.py");
  assert_true(await old.abort());
  await first;
  const second = eventOf(id);
  const next = await backgroundFetch.fetch(id, pieces());
  assert_false(await old.abort(), "it is not the one with this id any more");
  assert_success(await second);
}, "an old object does not abort a new background fetch of the same id");
