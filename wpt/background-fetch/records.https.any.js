// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// Records: their requests, responses and bodies.
// https://wicg.github.io/background-fetch/#create-record-objects

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.4
  const request = new Request(pieces(), {
    headers: { "X-Kind": "a" },
    credentials: "omit",
    redirect: "error",
    referrer: ORIGIN + "/elsewhere",
    referrerPolicy: "origin",
    cache: "no-store",
  });
  const { value: [{ request: kept }] } = await fetchAll(backgroundFetch, request);
  assert_class_string(kept, "Request");
  assert_not_equals(kept, request);
  for (const name of ["url", "method", "credentials", "redirect", "mode"]) {
    assert_equals(kept[name], request[name], name);
  }
  assert_equals(kept.headers.get("x-kind"), "a");
}, "a record's request is a copy of what was asked for");

// steps: records.2.9.2.6.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const { value: [{ request, response }] } = await fetchAll(backgroundFetch, pieces());
  assert_equals(response.url, pieces());
  assert_equals(response.type, "basic");
  assert_true(response.ok);
  assert_false(response.redirected);
  assert_true(response.headers instanceof Headers);
  assert_throws_js(TypeError, () => response.headers.set("a", "b"));
}, "the response is the network's, and its headers cannot be changed");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.9.2.2, records.2.9.2.3
  const url = pieces({ pipe: "header(X-Other,kept)" });
  const { value: [{ response }] } = await fetchAll(backgroundFetch, url);
  assert_equals(response.headers.get("Content-Length"), null);
  assert_equals(response.headers.get("Content-Range"), null);
  assert_equals(response.headers.get("X-Other"), "kept");
}, "Content-Length and Content-Range are taken out of the response");

// steps: records.2.5, records.2.3
backgroundFetchTest(async (t, backgroundFetch) => {
  const id = uniqueId();
  const ended = eventOf(id, async (bgFetch) => {
    const [record] = await bgFetch.matchAll();
    assert_equals(record.request, record.request);
    assert_equals(record.responseReady, record.responseReady);
    assert_readonly(record, "request");
    const response = await record.responseReady;
    const copy = response.clone();
    assert_equals(await response.text(), LETTERS);
    assert_equals(await copy.text(), LETTERS);
    await promise_rejects_js(t, TypeError, response.text(), "a body is read once");
  });
  await backgroundFetch.fetch(id, pieces());
  await ended;
}, "a record's attributes keep their values");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.8.1, records.2.8.3, records.2.8.4.2
  const id = uniqueId();
  const ended = eventOf(id);
  const url = pieces({ pipe: "trickle(10:d0.3:10:d0.3)" });
  const bgFetch = await backgroundFetch.fetch(id, url);
  const [record] = await bgFetch.matchAll();
  const reader = (await record.responseReady).body.getReader();
  let text = "";
  let chunks = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    assert_true(value instanceof Uint8Array);
    text += new TextDecoder().decode(value);
    if (chunks++ === 0) assert_equals(bgFetch.result, "", "it still arrives");
  }
  assert_equals(text, LETTERS);
  assert_greater_than(chunks, 1);
  assert_success(await ended);
}, "a body is read while it arrives");

// steps: records.2.8.4.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const { value: [{ response, text }] } = await fetchAll(
    backgroundFetch, pieces({ pipe: "slice(0,0)" }));
  assert_equals(response.status, 200);
  assert_equals(text, "");
}, "an empty body is a body");

// steps: records.2.9.2.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const { bgFetch, value: [{ response }], type } = await fetchAll(
    backgroundFetch, pieces({ pipe: "slice(0,0)|status(204)" }));
  assert_success({ bgFetch, type });
  assert_equals(response.status, 204);
  assert_equals(response.body, null);
}, "a status that has no body gives none");

// steps: complete.11.response.6.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = pieces({ repeat: 100, pipe: "gzip" });
  const ended = await fetchAll(backgroundFetch, url);
  assert_success(ended);
  assert_equals(ended.value[0].text, LETTERS.repeat(100));
  assert_equals(ended.bgFetch.downloaded, 2600, "decoded bytes count");
}, "a content encoding is undone, and what it held is counted");

// steps: complete.11.response.8.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = pieces({ pipe: "header(Content-Encoding,gzip)" });
  const ended = await fetchAll(backgroundFetch, url);
  assert_failure(ended, "fetch-error");
}, "a content encoding that is none is a failure");
