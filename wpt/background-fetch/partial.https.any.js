// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// Responses that come in parts.
// https://wicg.github.io/background-fetch/#complete-a-record-algorithm

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.8, complete.11.response.8.1, complete.11.response.7.1.2
  const ended = await fetchAll(backgroundFetch, pieces({ cut: 10, etag: "v1" }));
  assert_success(ended);
  assert_equals(ended.value[0].text, LETTERS);
  assert_equals(ended.value[0].response.status, 200, "the first one's status");
  assert_equals(ended.bgFetch.downloaded, 26);
}, "a connection that breaks is taken up where it broke");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.15
  const ended = await fetchAll(
    backgroundFetch, pieces({ cut: 5, part: 4, etag: "v1" }));
  assert_success(ended);
  assert_equals(ended.value[0].text, LETTERS);
}, "a server may give less than it was asked for, as often as it likes");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.3
  const url = pieces({ cut: 20, "ignore-range": "", etag: "v1" });
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, url);
  t.add_cleanup(() => bgFetch.abort());
  // Every answer is cut at the same place: no attempt comes any further.
  await t.step_wait(() => bgFetch.result !== "", "an end", 8000);
  const { type, value } = await ended;
  assert_failure({ type, bgFetch }, "fetch-error");
  assert_hidden(value[0]);
}, "a server without ranges is asked again from the start, not for ever");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.2.1.1
  const url = pieces({ cut: 10, etag: "v1", "other-etag": "v2" });
  const ended = await fetchAll(backgroundFetch, url);
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
}, "a part of another version is an error");

for (const range of [
  "bytes 0-25/26",
  "bytes 11-25/26",
  "bytes 10-25",
  "letters 10-25/26",
  "",
]) {
  backgroundFetchTest(async (t, backgroundFetch) => {
    // steps: complete.11.response.2.1.1
    const url = pieces({ cut: 10, etag: "v1", "content-range": range });
    const ended = await fetchAll(backgroundFetch, url);
    assert_failure(ended, "fetch-error");
    assert_hidden(ended.value[0]);
  }, `a part that says it is "${range}" is an error`);
}

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.2
  const url = pieces({ pipe: "status(206)|header(Content-Range,bytes 0-25/26)" });
  const ended = await fetchAll(backgroundFetch, url);
  assert_success(ended);
  assert_equals(ended.value[0].text, LETTERS);
  assert_equals(ended.value[0].response.headers.get("Content-Range"), null);
}, "a part that was not asked for is good when it is all there is");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.2.1.1
  const ended = await fetchAll(backgroundFetch, pieces({ pipe: "status(206)" }));
  assert_failure(ended, "fetch-error");
}, "a part that does not say which is an error");
