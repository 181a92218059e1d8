// META: global=serviceworker
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What happens at the end of the origin's storage. No browser lets a test set
// where that is.
// https://wicg.github.io/background-fetch/#complete-a-record-algorithm

// steps: fetch.8.9
promise_test(() => test_driver.set_quota(2600), "the origin may store 2600 bytes");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.6.3
  const ended = await fetchAll(backgroundFetch, pieces({ repeat: 101 }));
  assert_failure(ended, "quota-exceeded");
  assert_hidden(ended.value[0]);
  assert_less_than_equal(ended.bgFetch.downloaded, 2600);
}, "a download that no space is left for fails in its middle");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.6.2
  const { bgFetch } = await fetchAll(backgroundFetch, pieces({ repeat: 90 }));
  assert_equals(bgFetch.result, "success");
  await t.step_wait(() => !bgFetch.recordsAvailable, "the event is over");
}, "what has failed before holds no space");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.9
  await promise_rejects_quotaexceedederror(
    t, backgroundFetch.fetch(uniqueId(), pieces(), { downloadTotal: 2601 }),
    2600, (requested) => requested >= 2601);
  assert_array_equals(await backgroundFetch.getIds(), []);
}, "what cannot fit is refused, and the error says how much would");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.9, fetch.8.6
  const body = new Uint8Array(2601);
  await promise_rejects_quotaexceedederror(
    t, backgroundFetch.fetch(uniqueId(), new Request(
      resource("upload.py"), { method: "POST", body })),
    2600, (requested) => requested >= 2601);
}, "an upload that cannot be stored is refused");
