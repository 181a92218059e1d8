// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What fetch() refuses, and what it accepts.
// https://wicg.github.io/background-fetch/#background-fetch-manager-fetch

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.5
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch(uniqueId(), []));
  // Web IDL: both arguments are required.
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch());
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch(uniqueId()));
}, "fetch() wants an id and at least one request");

// steps: fetch.8.12
backgroundFetchTest(async (t, backgroundFetch) => {
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch("", "x"));
}, "fetch() refuses an empty id");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.6.1
  for (const url of ["https://a:b@web-platform.test/", "https://[", "//"]) {
    await promise_rejects_js(t, TypeError, backgroundFetch.fetch(uniqueId(), url), url);
  }
}, "fetch() rejects with what the Request constructor throws");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.6.1
  const used = new Request(resource("upload.py"), { method: "POST", body: "x" });
  await used.text();
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch(uniqueId(), used));
}, "fetch() refuses a request whose body was read");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.6.2
  const request = new Request(pieces(), { mode: "no-cors" });
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch(uniqueId(), request));
  await promise_rejects_js(
    t, TypeError, backgroundFetch.fetch(uniqueId(), [pieces(), request]),
    "also when it is not the first");
}, "fetch() refuses requests with the mode no-cors");

for (const url of [
  "wss://web-platform.test/",
  "file:///etc/hosts",
  "data:text/plain,x",
  "blob:https://web-platform.test/0",
  "unknown:x",
]) {
  // steps: fetch.6.1
  backgroundFetchTest(async (t, backgroundFetch) => {
    await promise_rejects_js(t, TypeError, backgroundFetch.fetch(uniqueId(), url));
    assert_array_equals(await backgroundFetch.getIds(), []);
  }, `fetch() refuses the scheme of ${url}`);
}

// steps: fetch.6.1
backgroundFetchTest(async (t, backgroundFetch) => {
  for (const port of [22, 25, 587, 6667]) {
    const url = `https://web-platform.test:${port}/`;
    await promise_rejects_js(t, TypeError, backgroundFetch.fetch(uniqueId(), url), url);
  }
}, "fetch() refuses bad ports");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.5
  const id = uniqueId();
  const ended = eventOf(id);
  const both = await Promise.allSettled([
    backgroundFetch.fetch(id, pieces({ n: 1 })),
    backgroundFetch.fetch(id, pieces({ n: 2 })),
  ]);
  assert_array_equals(both.map(({ status }) => status), ["fulfilled", "rejected"]);
  assert_equals(both[1].reason.constructor, TypeError);
  assert_success(await ended);
}, "an id is given once at a time");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.3
  const id = uniqueId();
  let first = eventOf(id);
  const one = await backgroundFetch.fetch(id, pieces());
  assert_success(await first);
  let second = eventOf(id);
  const two = await backgroundFetch.fetch(id, pieces());
  assert_not_equals(one, two);
  assert_success(await second);
}, "an id is free again once the background fetch has settled");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.9
  const options = { downloadTotal: Number.MAX_SAFE_INTEGER };
  await promise_rejects_quotaexceedederror(
    t, backgroundFetch.fetch(uniqueId(), pieces(), options),
    (quota) => quota === null || quota >= 0,
    (requested) => requested === null || requested > 0);
}, "fetch() refuses a download that cannot fit");

// steps: fetch.8.12
backgroundFetchTest(async (t, backgroundFetch) => {
  const total = async (downloadTotal) => {
    const id = uniqueId();
    const ended = eventOf(id);
    const bgFetch = await backgroundFetch.fetch(id, pieces(), { downloadTotal });
    await ended;
    return bgFetch.downloadTotal;
  };
  assert_equals(await total(undefined), 0);
  assert_equals(await total("26"), 26);
  assert_equals(await total(26.9), 26);
  assert_equals(await total(NaN), 0);
  assert_equals(await total(Infinity), 0);
  await promise_rejects_quotaexceedederror(
    t, backgroundFetch.fetch(uniqueId(), pieces(), { downloadTotal: -1 }),
    () => true, () => true);
}, "downloadTotal is converted as an unsigned long long");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.12, fetch.8.14.1
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, pieces(), {
    title: "A title",
    icons: [{ src: "icon.png", sizes: "16x16", type: "image/png", label: "I" }],
    downloadTotal: 26,
  });
  assert_class_string(bgFetch, "BackgroundFetchRegistration");
  assert_equals(bgFetch.id, id);
  assert_equals(bgFetch.downloadTotal, 26);
  assert_equals(bgFetch.uploadTotal, 0);
  assert_equals(bgFetch.uploaded, 0);
  assert_equals(bgFetch.result, "");
  assert_equals(bgFetch.failureReason, "");
  assert_true(bgFetch.recordsAvailable);
  assert_success(await ended);
  assert_equals(bgFetch.downloaded, 26);
}, "the attributes of a background fetch from its start to its end");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.4, fetch.6.1
  const ended = await fetchAll(backgroundFetch, "");
  assert_success(ended);
  assert_equals(ended.value[0].response.url, location.href);
}, "the empty URL is the worker's own");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.4
  const iterable = new Set([pieces({ n: 1 }), new Request(pieces({ n: 2 }))]);
  const ended = await fetchAll(backgroundFetch, iterable);
  assert_success(ended);
  assert_array_equals(
    ended.value.map(({ response }) => response.url),
    [pieces({ n: 1 }), pieces({ n: 2 })]);
}, "requests may come from any iterable, as URLs and as Requests");

// steps: fetch.6.6, perform.5.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(backgroundFetch, [pieces(), pieces(), pieces()]);
  assert_success(ended);
  assert_array_equals(ended.value.map(({ text }) => text), [LETTERS, LETTERS, LETTERS]);
  assert_equals(ended.bgFetch.downloaded, 3 * 26);
}, "the same URL may be fetched several times at once");
