// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// How a background fetch settles.
// https://wicg.github.io/background-fetch/#perform-a-background-fetch-algorithm

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.6, perform.8.12.1, perform.8.12.2, perform.8.13
  const ended = await fetchAll(backgroundFetch, pieces());
  assert_success(ended);
  assert_equals(ended.event.kind, "BackgroundFetchUpdateUIEvent");
  assert_true(ended.event.isTrusted);
  assert_false(ended.event.bubbles);
  assert_false(ended.event.cancelable);
}, "a success is told by backgroundfetchsuccess");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.7.2, perform.5.3.2, perform.8.11.1, perform.8.11.2
  const url = pieces({ pipe: "status(404)" });
  const ended = await fetchAll(backgroundFetch, url);
  assert_failure(ended, "bad-status");
  assert_equals(ended.event.kind, "BackgroundFetchUpdateUIEvent");
  const [{ response, text }] = ended.value;
  assert_equals(response.status, 404);
  assert_equals(text, LETTERS, "the body of a bad status can be read");
}, "a status that is not ok is a failure whose response is there");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.6
  const urls = [pieces({ pipe: "status(500)" }), pieces()];
  const ended = await fetchAll(backgroundFetch, urls);
  assert_failure(ended, "bad-status");
  assert_array_equals(ended.value.map(({ text }) => text), [LETTERS, LETTERS]);
}, "one failure ends no other record");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.6.1, perform.5.5, perform.7
  const urls = [pieces({ repeat: 10 }), "/common/slow.py"];
  const ended = await fetchAll(backgroundFetch, urls, { downloadTotal: 26 });
  assert_failure(ended, "download-total-exceeded");
  ended.value.forEach((record) => assert_hidden(
    record, record.request.url.endsWith("slow.py") ? "AbortError" : "TypeError"));
  assert_less_than_equal(ended.bgFetch.downloaded, 26);
}, "more than downloadTotal is a failure, at once");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.6.1
  const ended = await fetchAll(
    backgroundFetch, [pieces(), pieces()], { downloadTotal: 52 });
  assert_success(ended);
}, "exactly downloadTotal is a success");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.2
  const ended = await fetchAll(backgroundFetch, [ORIGIN, INSECURE_ORIGIN]);
  assert_failure(ended, "fetch-error");
  assert_equals(ended.value[0].response.status, 200);
  assert_hidden(ended.value[1]);
}, "mixed content is a failure");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.1, perform.8.13.2, perform.8.13.3
  const id = uniqueId();
  let finish;
  const ended = eventOf(id, () => ({ wait: new Promise((r) => finish = r) }));
  const bgFetch = await backgroundFetch.fetch(id, pieces());
  await ended;
  await t.step_wait(() => !bgFetch.recordsAvailable, "the flag is unset");
  await promise_rejects_dom(t, "InvalidStateError", bgFetch.matchAll());
  await promise_rejects_dom(t, "InvalidStateError", bgFetch.match(pieces()));
}, "when the event is over the records are gone");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.1
  const id = uniqueId();
  const still = [];
  const ended = eventOf(id, async (bgFetch) => {
    await new Promise((resolve) => step_timeout(resolve, 100));
    still.push(bgFetch.recordsAvailable);
    return contents(bgFetch);
  });
  await backgroundFetch.fetch(id, pieces());
  const { value } = await ended;
  assert_array_equals(still, [true]);
  assert_equals(value[0].text, LETTERS);
}, "the records stay as long as waitUntil() says");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: update.6.10
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, pieces({ repeat: 100 }));
  const seen = [];
  bgFetch.onprogress = (event) => {
    assert_true(event.isTrusted);
    assert_equals(event.target, bgFetch);
    seen.push([bgFetch.downloaded, bgFetch.result]);
  };
  assert_success(await ended);
  const downloaded = seen.map(([bytes]) => bytes);
  assert_array_equals(downloaded, [...downloaded].sort((a, b) => a - b));
  assert_array_equals(seen.at(-1), [2600, "success"]);
}, "progress never goes back, and the last one tells the result");
