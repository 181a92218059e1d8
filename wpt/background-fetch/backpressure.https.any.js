// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// Bodies that are read slowly, or not at all.
// https://wicg.github.io/background-fetch/#create-record-objects

// More than any buffer on the way holds.
const REPEAT = 100_000;
const LENGTH = 26 * REPEAT;
const large = () => pieces({ repeat: REPEAT });

/** Reads to the end, and gives how much there was. */
async function drain(reader) {
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return length;
    length += value.length;
  }
}

/** Begins a background fetch, and gives it with the reader of its body. */
async function beginReading(backgroundFetch, inspect) {
  const id = uniqueId();
  const ended = eventOf(id, inspect);
  const bgFetch = await backgroundFetch.fetch(id, large());
  const [record] = await bgFetch.matchAll();
  const response = await record.responseReady;
  return { bgFetch, ended, response };
}

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.8.1, perform.6
  let reader;
  const { bgFetch, ended, response } = await beginReading(
    backgroundFetch, () => drain(reader));
  reader = response.body.getReader();
  const { type, value } = await ended;
  assert_success({ type, bgFetch });
  assert_equals(bgFetch.downloaded, LENGTH);
  assert_equals(value, LENGTH, "all of it can be read afterwards");
}, "a body that is never read keeps nothing from arriving");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.8, perform.6
  const { bgFetch, ended, response } = await beginReading(backgroundFetch, contents);
  const reader = response.body.getReader();
  await reader.read();
  await reader.cancel("enough");
  const { type, value } = await ended;
  assert_success({ type, bgFetch });
  assert_equals(value[0].text.length, LENGTH, "others read it whole");
}, "who cancels a body cancels no transfer");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.6, records.2.8.3.2
  let late;
  const { bgFetch, ended, response } = await beginReading(
    backgroundFetch, () => drain(late));
  late = response.clone().body.getReader();
  assert_equals(await drain(response.body.getReader()), LENGTH);
  const { type, value } = await ended;
  assert_success({ type, bgFetch });
  assert_equals(value, LENGTH);
}, "a copy is read at its own pace");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.6, records.2.8.3.1
  const id = uniqueId();
  const ended = eventOf(id, async (bgFetch) => {
    const lengths = [];
    for (let i = 0; i < 3; i++) {
      const record = await bgFetch.match(large());
      lengths.push((await (await record.responseReady).arrayBuffer()).byteLength);
    }
    return lengths;
  });
  await backgroundFetch.fetch(id, large());
  assert_array_equals((await ended).value, [LENGTH, LENGTH, LENGTH]);
}, "every match reads from the first byte");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.8.4.1.1
  const { value } = await fetchAll(backgroundFetch, large());
  const { text } = value[0];
  assert_equals(text.length, LENGTH);
  assert_true(text === LETTERS.repeat(REPEAT), "no gap, and nothing twice");
}, "a large body is whole and in order");
