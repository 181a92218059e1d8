// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// A server that goes away, and comes back.
// https://wicg.github.io/background-fetch/#temporarily-unavailable

/** The numbered requests for it get no answer. */
const away = (numbers, parameters = {}) =>
  pieces({ away: numbers, token: Math.random(), ...parameters });

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.1
  const ended = await fetchAll(backgroundFetch, away("1-2"));
  assert_success(ended);
  assert_equals(ended.value[0].text, LETTERS);
}, "a server that does not answer at first is asked again");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.8.1, complete.8
  const url = away("2-3", { cut: 10, etag: "v1" });
  const ended = await fetchAll(backgroundFetch, url);
  assert_success(ended);
  assert_equals(ended.value[0].text, LETTERS);
  assert_equals(ended.bgFetch.downloaded, 26);
}, "a server that goes away in the middle is taken up where it was");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.8.1, complete.11.response.3
  const url = away("2-2", { cut: 10, etag: "v1", "other-etag": "v2" });
  const ended = await fetchAll(backgroundFetch, url);
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
}, "a server that comes back with another version is an error");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.2, complete.11.response.1.3
  const ended = await fetchAll(backgroundFetch, away("1-1000"));
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
}, "a server that stays away is given up");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.2, perform.6
  const ended = await fetchAll(backgroundFetch, [away("1-1000"), pieces()]);
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
  assert_equals(ended.value[1].text, LETTERS);
}, "one server's absence is not another's");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.1
  const request = new Request(away("1-1"), { method: "POST", body: "x" });
  const ended = await fetchAll(backgroundFetch, request);
  assert_failure(ended, "fetch-error");
}, "an upload that got no answer is not sent again");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.1, abort.3.6
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, [away("1-2"), "/common/slow.py"]);
  assert_true(await bgFetch.abort());
  const { type, value } = await ended;
  assert_failure({ type, bgFetch }, "aborted");
  assert_hidden(value[0], "AbortError");
}, "what waits for its server can be aborted");
