// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// abort() while something else happens: the edit queue decides.
// https://wicg.github.io/background-fetch/#background-fetch-registration-abort

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3, abort.3.3, abort.3.5
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, "/common/slow.py");
  const answers = await Promise.all([bgFetch.abort(), bgFetch.abort(), bgFetch.abort()]);
  assert_array_equals(answers, [true, false, false]);
  assert_failure(await ended, "aborted");
}, "of several aborts at once, the first one counts");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.4, abort.3.3, perform.8.10.1, perform.8.12.1
  for (let round = 0; round < 8; round++) {
    const id = uniqueId();
    const ended = eventOf(id);
    const bgFetch = await backgroundFetch.fetch(id, pieces());
    // Later in every round, until it is too late.
    await new Promise((resolve) => step_timeout(resolve, round * 15));
    const aborted = await bgFetch.abort();
    const end = await ended;
    if (aborted) {
      assert_failure(end, "aborted");
    } else {
      assert_success(end);
    }
  }
}, "an abort that says true is an abort, one that says false is none");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.4, fetch.8, fetch.8.5
  const id = uniqueId();
  const bgFetch = await backgroundFetch.fetch(id, "/common/slow.py");
  const aborted = bgFetch.abort();
  const next = backgroundFetch.fetch(id, "/common/slow.py");
  assert_true(await aborted);
  assert_not_equals(await next, bgFetch);
  assert_array_equals(await backgroundFetch.getIds(), [id]);
}, "the id is free for a fetch() right after the abort()");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.4, get.3, ids.2
  const id = uniqueId();
  const bgFetch = await backgroundFetch.fetch(id, "/common/slow.py");
  const ended = eventOf(id);
  const aborted = bgFetch.abort();
  const [got, ids] = [backgroundFetch.get(id), backgroundFetch.getIds()];
  assert_true(await aborted);
  await Promise.all([got, ids]);
  assert_equals(await backgroundFetch.get(id), undefined);
  assert_array_equals(await backgroundFetch.getIds(), []);
  await ended;
}, "what asks during an abort is answered, and afterwards there is nothing");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.6, complete.14.2, perform.7
  const urls = Array.from({ length: 40 }, (_, n) => `/common/slow.py?${n}`);
  const id = uniqueId();
  const ended = eventOf(id, contents);
  const bgFetch = await backgroundFetch.fetch(id, urls);
  assert_true(await bgFetch.abort());
  const { type, value } = await ended;
  assert_failure({ type, bgFetch }, "aborted");
  assert_equals(value.length, 40);
  for (const record of value) assert_hidden(record, "AbortError");
}, "an abort ends every record");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.3
  const id = uniqueId();
  const ended = eventOf(id, (bgFetch) => bgFetch.abort());
  await backgroundFetch.fetch(id, pieces());
  const end = await ended;
  assert_false(end.value);
  assert_success(end);
}, "an abort in the event is too late");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: update.6.8, update.6.9
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, "/common/slow.py");
  const told = new Promise((resolve) => {
    bgFetch.onprogress = () => bgFetch.result !== "" && resolve();
  });
  await bgFetch.abort();
  await told;
  assert_equals(bgFetch.result, "failure");
  assert_equals(bgFetch.failureReason, "aborted");
  await ended;
}, "a script that listens hears of the abort");
