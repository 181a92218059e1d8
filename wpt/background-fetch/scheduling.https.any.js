// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// Many requests, and many background fetches, at once.
// https://wicg.github.io/background-fetch/#perform-a-background-fetch

/** A resource of its own for each number. */
const numbered = (number) => pieces({ repeat: 1 + number % 3, number });
const textOf = (number) => LETTERS.repeat(1 + number % 3);
const numbers = (count) => Array.from({ length: count }, (_, number) => number);

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.5, perform.5.4, perform.6
  const ended = await fetchAll(backgroundFetch, numbers(40).map(numbered));
  assert_success(ended);
  const texts = ended.value.map(({ text }) => text);
  assert_array_equals(texts, numbers(40).map(textOf), "in their order");
  const total = texts.join("").length;
  assert_equals(ended.bgFetch.downloaded, total, "what has arrived in all");
}, "every one of many requests is fetched once");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8, perform.8.13
  const all = await Promise.all(numbers(4).map((number) =>
    fetchAll(backgroundFetch, [numbered(number), numbered(number + 1)])));
  for (const [number, ended] of all.entries()) {
    assert_success(ended);
    assert_equals(ended.value[0].text, textOf(number));
    assert_equals(ended.value[1].text, textOf(number + 1));
  }
}, "background fetches that run at the same time have results of their own");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: abort.3.4, perform.7, perform.8.13
  const id = uniqueId();
  const slow = numbers(12).map((number) => `/common/slow.py?${number}`);
  const aborted = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, slow);
  const others = numbers(4).map((number) =>
    fetchAll(backgroundFetch, numbered(number)));
  assert_true(await bgFetch.abort());
  assert_equals((await aborted).type, "backgroundfetchabort");
  for (const other of await Promise.all(others)) assert_success(other);
}, "the end of one makes room for the others");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.5.3, perform.5.3.2, perform.8.5.2
  const requests = [...numbers(10).map(numbered), "no-such-file.txt"];
  const ended = await fetchAll(backgroundFetch, requests);
  assert_failure(ended, "bad-status");
  for (const number of numbers(10)) {
    assert_equals(ended.value[number].text, textOf(number));
  }
  assert_equals(ended.value[10].response.status, 404);
}, "one bad answer among many makes a failure, and the good ones are there");
