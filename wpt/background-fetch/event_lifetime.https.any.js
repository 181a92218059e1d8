// META: global=serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// How long an event lasts, and what ends with it.
// https://w3c.github.io/ServiceWorker/#dom-extendableevent-waituntil

// What a promise is rejected with is reported, as in a browser.
setup({ allow_uncaught_exception: true });

const pause = () => new Promise((resolve) => step_timeout(resolve, 50));

/** Calls `f` with the success event of a new background fetch, in its dispatch. */
async function inDispatch(backgroundFetch, f) {
  const id = uniqueId();
  const dispatched = new Promise((resolve, reject) => {
    const listener = (event) => {
      if (event.registration.id !== id) return;
      removeEventListener("backgroundfetchsuccess", listener);
      try {
        f(event);
        resolve(event);
      } catch (error) {
        reject(error);
      }
    };
    addEventListener("backgroundfetchsuccess", listener);
  });
  const bgFetch = await backgroundFetch.fetch(id, pieces());
  return { bgFetch, event: await dispatched };
}

const over = (t, bgFetch) => t.step_wait(() => !bgFetch.recordsAvailable, "its end");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.1, perform.8.13.2
  const { bgFetch } = await inDispatch(backgroundFetch, () => {});
  await over(t, bgFetch);
}, "an event that nobody extends is over at once");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.1, perform.8.13.2
  let finish;
  const { bgFetch } = await inDispatch(backgroundFetch, (event) => {
    event.waitUntil(new Promise((resolve) => finish = resolve));
    event.waitUntil(Promise.resolve());
  });
  await pause();
  assert_true(bgFetch.recordsAvailable, "one promise is still open");
  finish();
  await over(t, bgFetch);
}, "an event lasts as long as the longest promise");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.1
  let finish;
  const { bgFetch } = await inDispatch(backgroundFetch, (event) => {
    event.waitUntil((async () => {
      await pause();
      event.waitUntil(new Promise((resolve) => finish = resolve));
    })());
  });
  await t.step_wait(() => finish !== undefined, "the second promise");
  await pause();
  assert_true(bgFetch.recordsAvailable);
  finish();
  await over(t, bgFetch);
}, "an event that is extended can be extended again");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.1
  const { bgFetch, event } = await inDispatch(backgroundFetch, () => {});
  await over(t, bgFetch);
  assert_throws_dom("InvalidStateError", () => event.waitUntil(Promise.resolve()));
}, "an event that is over cannot be extended");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.1, perform.8.13.3
  const { bgFetch } = await inDispatch(backgroundFetch, (event) => {
    const failed = Promise.reject(new Error("the handler failed"));
    failed.catch(() => {});
    event.waitUntil(failed);
  });
  await over(t, bgFetch);
  assert_equals(bgFetch.result, "success", "the background fetch did not fail");
}, "an event whose promise is rejected is over, and changes no result");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.13.2, matchAll.1
  let response;
  const { bgFetch } = await inDispatch(backgroundFetch, (event) => {
    event.waitUntil((async () => {
      const record = await event.registration.match(pieces());
      response = await record.responseReady;
    })());
  });
  await over(t, bgFetch);
  await promise_rejects_dom(t, "InvalidStateError", bgFetch.matchAll());
  assert_equals(response.status, 200, "its head is there as long as the script has it");
}, "a response outlasts the records, without a promise about its body");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: perform.8.3, perform.8.13.1
  let finish;
  const first = await inDispatch(backgroundFetch, (event) => {
    event.waitUntil(new Promise((resolve) => finish = resolve));
  });
  assert_equals(await backgroundFetch.get(first.bgFetch.id), undefined);
  const second = await inDispatch(backgroundFetch, () => {});
  await over(t, second.bgFetch);
  assert_true(first.bgFetch.recordsAvailable, "another one's end is not its own");
  finish();
  await over(t, first.bgFetch);
}, "several events last side by side");
