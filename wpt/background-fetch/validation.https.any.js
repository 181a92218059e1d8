// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// Which parts go together.
// https://wicg.github.io/background-fetch/#validate-a-partial-response

const MODIFIED = "Mon, 01 Jan 2024 00:00:00 GMT";
const LATER = "Tue, 02 Jan 2024 00:00:00 GMT";

for (const [what, parameters] of [
  ["have the same ETag", { cut: 10, etag: "v1" }],
  ["have the same date", { cut: 10, modified: MODIFIED }],
  // An equal strong ETag is proof enough: RFC 9110, 15.3.7.
  ["have the same ETag, and dates that differ", {
    cut: 13, etag: "v1", modified: MODIFIED, "other-modified": LATER }],
  ["do not say how much there is until the last", {
    cut: 20, part: 10, etag: "v1" }],
  ["start with a part that says how much there is", {
    cut: 10, etag: "v1", "first-range": "bytes 0-25/26" }],
  ["start with a part that does not say how much there is", {
    cut: 10, etag: "v1", "first-range": "bytes 0-25/*" }],
  ["have a second validator that only the later one carries", {
    cut: 10, etag: "v1", "other-modified": MODIFIED }],
  ["say their unit in capitals", {
    cut: 13, etag: "v1", "content-range": "BYTES 13-25/26" }],
  ["say how much there is in the first part alone", {
    cut: 13, etag: "v1", "first-range": "bytes 0-25/26",
    "content-range": "bytes 13-25/*" }],
  ["have an equals sign in their range, as a request has it", {
    cut: 13, etag: "v1", "content-range": "bytes=13-25/26" }],
]) {
  // steps: validate.5, validate.4.1.1, validate.4.2.2
  backgroundFetchTest(async (t, backgroundFetch) => {
    const ended = await fetchAll(backgroundFetch, pieces(parameters));
    assert_success(ended);
    assert_equals(ended.value[0].text, LETTERS);
    assert_equals(ended.bgFetch.downloaded, 26);
  }, `parts are put together that ${what}`);
}

// An answer that is cut has half of the letters: the one that follows is the
// last, and good if nothing is wrong with it.
for (const [what, parameters] of [
  ["another ETag", { etag: "v1", "other-etag": "v2" }],
  ["another date", { modified: MODIFIED, "other-modified": LATER }],
  ["no validator, as the first part", {}],
  ["another complete length than the first part", {
    etag: "v1", "first-range": "bytes 0-25/26", "content-range": "bytes 13-25/27" }],
  ["a first byte that was there already", {
    etag: "v1", "content-range": "bytes 12-25/26" }],
  ["a last byte in front of the first", {
    etag: "v1", "content-range": "bytes 13-12/26" }],
  ["a last byte behind the end", { etag: "v1", "content-range": "bytes 13-26/26" }],
  ["two ranges", { etag: "v1", "content-range": "bytes 13-15/26, 16-25/26" }],
  ["a negative first byte", { etag: "v1", "content-range": "bytes -13-25/26" }],
  ["a first byte that is no number", { etag: "v1", "content-range": "bytes x-25/26" }],
  ["no unit", { etag: "v1", "content-range": "13-25/26" }],
  ["a range that could not be satisfied", { etag: "v1", "content-range": "bytes */26" }],
]) {
  // steps: validate.2, validate.3, validate.4.1.1, extract.3
  backgroundFetchTest(async (t, backgroundFetch) => {
    const ended = await fetchAll(backgroundFetch, pieces({ cut: 13, ...parameters }));
    assert_failure(ended, "fetch-error");
    assert_hidden(ended.value[0]);
  }, `a part is refused that has ${what}`);
}

for (const range of [
  "bytes 1-25/26", "bytes 5-9/10", "bytes", "bytes 0-25", "",
]) {
  // steps: validate.3, extract.1
  backgroundFetchTest(async (t, backgroundFetch) => {
    const ended = await fetchAll(backgroundFetch, pieces({ "first-range": range }));
    assert_failure(ended, "fetch-error");
    assert_hidden(ended.value[0]);
  }, `a first answer is refused that says it is the part ${JSON.stringify(range)}`);
}

// steps: complete.11.response.7.1.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(backgroundFetch, pieces({
    cut: 1, part: 1, repeat: 1, etag: "v1" }));
  assert_success(ended);
  assert_equals(ended.value[0].text, LETTERS);
}, "a resource may come byte by byte");

// steps: records.2.9.2.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(backgroundFetch, pieces({
    cut: 10, etag: "v1", "first-range": "bytes 0-25/26" }));
  const { response } = ended.value[0];
  assert_equals(response.status, 206, "the first answer's status");
  assert_equals(response.headers.get("Content-Range"), null);
  assert_equals(response.headers.get("ETag"), '"v1"');
}, "the response of several parts is the first one's, without its range");
