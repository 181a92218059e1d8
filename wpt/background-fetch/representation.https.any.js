// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What is asked of a server that broke off, and what its answer may do to the
// bytes that are there.
// https://wicg.github.io/background-fetch/#complete-a-record-algorithm

const MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT";

/** Fetches what `pieces.py` makes of `parameters`; `seen` is what it was asked. */
async function fetchPieces(backgroundFetch, parameters) {
  const token = `representation ${Math.random()}`;
  const ended = await fetchAll(backgroundFetch, pieces({ ...parameters, token }));
  const seen = await fetch(told("seen.py", { of: token }));
  return { ...ended, seen: await seen.json(), text: ended.value[0].text };
}

function assert_asked(request, range, ifRange) {
  assert_equals(request.range, range, "Range");
  assert_equals(request.ifRange, ifRange, "If-Range");
}

for (const [what, parameters, condition] of [
  ["an ETag", { etag: "v1" }, '"v1"'],
  ["a date", { modified: MODIFIED }, MODIFIED],
  ["an ETag and a date", { etag: "v1", modified: MODIFIED }, '"v1"'],
]) {
  backgroundFetchTest(async (t, backgroundFetch) => {
    // steps: complete.8, complete.11.response.8.1
    const ended = await fetchPieces(backgroundFetch, { cut: 16, ...parameters });
    assert_success(ended);
    assert_equals(ended.text, LETTERS);
    assert_equals(ended.seen.length, 2);
    assert_asked(ended.seen[0], null, null);
    assert_asked(ended.seen[1], "bytes=16-", condition);
  }, `the rest of what has ${what} is asked for on that condition`);
}

for (const [what, parameters] of [
  ["no validator", {}],
  ["a weak ETag", { etag: "v1", weak: "" }],
]) {
  backgroundFetchTest(async (t, backgroundFetch) => {
    // steps: complete.7, complete.8, complete.11.response.3
    const ended = await fetchPieces(
      backgroundFetch, { cut: 10, cuts: "1-1", ...parameters });
    assert_success(ended);
    assert_equals(ended.text, LETTERS);
    assert_equals(ended.bgFetch.downloaded, 26);
    assert_equals(ended.seen.length, 2);
    assert_asked(ended.seen[1], null, null);
  }, `the whole is asked for again of what has ${what}`);
}

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.3, complete.11.response.3.1
  const ended = await fetchPieces(backgroundFetch, {
    cut: 10, cuts: "1-1", etag: "v1", "later-etag": "v2", "ignore-range": "" });
  assert_success(ended);
  assert_equals(ended.text, LETTERS.toUpperCase(), "of the later one alone");
  assert_equals(ended.bgFetch.downloaded, 26);
  assert_equals(ended.value[0].response.headers.get("ETag"), '"v2"');
  assert_asked(ended.seen[1], "bytes=10-", '"v1"');
}, "a whole answer of another version replaces what is there");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.3, complete.11.response.8.1
  const ended = await fetchPieces(
    backgroundFetch, { cut: 16, etag: "v1", login: "2-2" });
  assert_success(ended);
  assert_equals(ended.text, LETTERS);
  assert_equals(ended.value[0].response.headers.get("ETag"), '"v1"');
  assert_asked(ended.seen[2], "bytes=16-", '"v1"');
}, "a page without the validator replaces nothing");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.2, complete.11.response.3
  const ended = await fetchPieces(
    backgroundFetch, { cut: 16, etag: "v1", login: "2-1000" });
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
  assert_asked(ended.seen.at(-1), "bytes=16-", '"v1"');
}, "a page without the validator is not the resource, however often it comes");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.8, complete.11.response.7.1.2
  const ended = await fetchPieces(
    backgroundFetch, { cut: 26, etag: "v1", unsized: "" });
  assert_success(ended);
  assert_equals(ended.text, LETTERS);
  assert_equals(ended.value[0].response.status, 200, "the first one's status");
  assert_asked(ended.seen[1], "bytes=26-", '"v1"');
}, "a 416 that knows of no more bytes confirms those that are there");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.8, complete.11.response.3
  const ended = await fetchPieces(backgroundFetch, {
    cut: 26, cuts: "1-1", etag: "v1", unsized: "", "content-range": "bytes */30" });
  assert_success(ended);
  assert_equals(ended.text, LETTERS);
  assert_asked(ended.seen[1], "bytes=26-", '"v1"');
  assert_asked(ended.seen[2], null, null);
}, "after a 416 that knows of more bytes the whole is asked for");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.8, complete.11.response.3
  const ended = await fetchPieces(
    backgroundFetch, { cut: 10, cuts: "1-1", etag: "v1", gzip: "" });
  assert_success(ended);
  assert_equals(ended.text, LETTERS);
  assert_equals(ended.bgFetch.downloaded, 26);
  const [first, second] = ended.seen;
  assert_true(first.acceptEncoding.includes("gzip"), first.acceptEncoding);
  assert_asked(second, null, null);
  assert_equals(second.acceptEncoding, "identity");
}, "what has a content coding is asked for again without one");
