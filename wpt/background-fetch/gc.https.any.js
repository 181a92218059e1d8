// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What lives on when no script holds it.
// https://wicg.github.io/background-fetch/#get-a-backgroundfetchregistration-instance

/** So much garbage that what nobody holds is likely to go with it. */
async function makeGarbage() {
  for (let round = 0; round < 10; round++) {
    let chain = null;
    for (let i = 0; i < 10_000; i++) chain = { chain, text: `${round} ${i}` };
    // What a weak reference has shown stays until the task is over.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** The manager's own: what `scope.js` puts in its place keeps the results. */
const { fetch: begin } = BackgroundFetchManager.prototype;

/** The first letters come at once, the others when the gate is open. */
const halting = (gate) => pieces({ gate, repeat: 4, etag: "v1", cut: 26 });

async function openGate(backgroundFetch, gate) {
  const id = uniqueId();
  const ended = eventOf(id);
  await begin.call(backgroundFetch, id, told("open.py", { gate }));
  await ended;
}

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: instance.2, update.6.10
  const id = uniqueId();
  const gate = `gate of ${self.location.pathname} 1`;
  const ended = eventOf(id);
  let heard = 0;
  await (async () => {
    const bgFetch = await begin.call(backgroundFetch, id, halting(gate));
    bgFetch.mark = "left by the script";
    bgFetch.addEventListener("progress", ({ target }) => heard = target.downloaded);
  })();
  await makeGarbage();
  await openGate(backgroundFetch, gate);
  await ended;
  assert_equals(heard, 4 * LETTERS.length, "its listener has heard everything");
}, "a listener hears of progress though no script holds the background fetch");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: get.4.1.1, instance.2
  const id = uniqueId();
  const gate = `gate of ${self.location.pathname} 2`;
  const ended = eventOf(id);
  await (async () => {
    const bgFetch = await begin.call(backgroundFetch, id, halting(gate));
    bgFetch.mark = "left by the script";
  })();
  await makeGarbage();
  const again = await backgroundFetch.get(id);
  assert_equals(again.mark, "left by the script");
  await openGate(backgroundFetch, gate);
  await ended;
}, "get() finds the object again though no script holds it");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.3, records.2.8.1
  const id = uniqueId();
  const gate = `gate of ${self.location.pathname} 3`;
  const ended = eventOf(id);
  const reader = await (async () => {
    const bgFetch = await begin.call(backgroundFetch, id, halting(gate));
    const [record] = await bgFetch.matchAll();
    return (await record.responseReady).body.getReader();
  })();
  await makeGarbage();
  await openGate(backgroundFetch, gate);
  let text = "";
  for (const decoder = new TextDecoder();;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  assert_equals(text, LETTERS.repeat(4));
  await ended;
}, "a body is read to its end though no script holds its record");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: records.2.3
  const id = uniqueId();
  const ready = await (async () => {
    const ended = eventOf(id, async (bgFetch) => {
      const [record] = await bgFetch.matchAll();
      return record.responseReady;
    });
    await backgroundFetch.fetch(id, pieces({ repeat: 4 }));
    return (await ended).value;
  })();
  await makeGarbage();
  // Its bytes may be gone by now; what came with it stays.
  assert_equals(ready.status, 200);
  assert_equals(ready.url, pieces({ repeat: 4 }));
}, "a response outlives its background fetch");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: instance.2, get.2
  const id = uniqueId();
  for (let round = 0; round < 2; round++) {
    const ended = eventOf(id);
    const bgFetch = await backgroundFetch.fetch(id, pieces({ repeat: round + 1 }));
    assert_equals(bgFetch.mark, undefined, "another background fetch");
    bgFetch.mark = "left by the script";
    await ended;
    await makeGarbage();
    assert_equals(await backgroundFetch.get(id), undefined);
    assert_equals(bgFetch.downloaded, LETTERS.length * (round + 1));
    assert_equals(bgFetch.mark, "left by the script");
  }
}, "an object that a script holds stays as it was at the end");
