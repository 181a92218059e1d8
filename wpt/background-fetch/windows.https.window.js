// META: timeout=long
// META: script=resources/window.js
"use strict";

// Several pages, one background fetch: each has an object of its own, and all
// of them tell the same.
// https://wicg.github.io/background-fetch/#background-fetch-registration-instances

const url = "resources/pieces.py";
const slow = "/common/slow.py";
const slowly = new URL(
  `${url}?repeat=3&pipe=trickle(26:d0.3:r2)`, location.href).href;

/** Opens another page; the function that it gives asks that page. */
async function openOther(t, { active, scope }) {
  const frame = document.createElement("iframe");
  frame.src = `resources/other.html?scope=${encodeURIComponent(scope)}`;
  const loaded = new Promise((resolve, reject) => {
    frame.onload = resolve;
    frame.onerror = () => reject(new Error("the other page cannot be loaded"));
  });
  document.body.appendChild(frame);
  t.add_cleanup(() => frame.remove());
  await loaded;
  return (ask, ...args) => {
    const number = Math.random();
    const answered = new Promise((resolve) => {
      const listener = ({ data }) => {
        if (data.number !== number || !("answer" in data)) return;
        navigator.serviceWorker.removeEventListener("message", listener);
        resolve(data.answer);
      };
      navigator.serviceWorker.addEventListener("message", listener);
    });
    active.postMessage({ relay: { ask, number, args } });
    return answered;
  };
}

windowTest(async (t, registration) => {
  // steps: get.4.1.1, instance.1, instance.3
  const other = await openOther(t, registration);
  const bgFetch = await registration.backgroundFetch.fetch("id", slow);
  t.add_cleanup(() => bgFetch.abort());
  const { id, result } = await other("get", "id");
  assert_equals(id, "id");
  assert_equals(result, "");
  assert_array_equals(await other("getIds"), ["id"]);
}, "another page gets what this one has begun");

windowTest(async (t, registration) => {
  // steps: contains.3, fetch.8.5
  const other = await openOther(t, registration);
  await other("fetch", "id", slow);
  await promise_rejects_js(
    t, TypeError, registration.backgroundFetch.fetch("id", url));
  const bgFetch = await registration.backgroundFetch.get("id");
  assert_true(await bgFetch.abort());
  assert_equals(await other("fetch", "id", slow).then(({ id }) => id), "id");
  assert_true(await other("abort"));
}, "an id is taken for every page");

windowTest(async (t, registration) => {
  // steps: update.6, update.6.8, update.6.10
  const told = nextMessage("event");
  const other = await openOther(t, registration);
  const bgFetch = await registration.backgroundFetch.fetch("id", slowly);
  await other("get", "id");
  const settled = await other("settled");
  assert_equals(settled.result, "success");
  assert_equals(settled.downloaded, 78);
  assert_equals((await told).type, "backgroundfetchsuccess");
  assert_equals(bgFetch.result, "success");
  assert_equals(bgFetch.downloaded, 78);
}, "every page hears of progress and of the end");

windowTest(async (t, registration) => {
  // steps: abort.3.5, update.6.9
  const other = await openOther(t, registration);
  const bgFetch = await registration.backgroundFetch.fetch("id", slow);
  await other("get", "id");
  const settled = other("settled");
  assert_true(await bgFetch.abort());
  assert_equals((await settled).failureReason, "aborted");
  assert_false(await other("abort"), "it is too late");
}, "what one page aborts is aborted for all");

windowTest(async (t, registration) => {
  // steps: records.2.6, records.2.8.3
  const other = await openOther(t, registration);
  const bgFetch = await registration.backgroundFetch.fetch("id", [slowly, slow]);
  t.add_cleanup(() => bgFetch.abort());
  await other("get", "id");
  const [record] = await bgFetch.matchAll();
  const [here, there] = await Promise.all([
    record.responseReady.then((response) => response.text()),
    other("text"),
  ]);
  assert_equals(here.length, 78);
  assert_equals(there, here);
}, "two pages read the same body while it arrives");

windowTest(async (t, registration) => {
  // steps: fetch.8.16, perform.8.13
  const told = nextMessage("event");
  const other = await openOther(t, registration);
  await other("fetch", "id", slowly);
  for (const frame of document.querySelectorAll("iframe")) frame.remove();
  assert_equals((await told).type, "backgroundfetchsuccess");
}, "a background fetch outlives the page that began it");

windowTest(async (t, registration) => {
  // steps: update.6, update.6.10
  const ended = nextMessage("event");
  const bgFetch = await registration.backgroundFetch.fetch("id", slowly);
  const others = [];
  bgFetch.onprogress = () => {
    // One page more each time, and one less, while all of them are told.
    if (others.length < 3) {
      // One that is closed may not be loaded yet.
      others.push(openOther(t, registration).catch(() => {}));
    }
    document.body.getElementsByTagName("iframe")[1]?.remove();
  };
  assert_equals((await ended).type, "backgroundfetchsuccess");
  assert_greater_than(others.length, 0, "there was progress");
  assert_equals(bgFetch.result, "success");
  assert_equals(bgFetch.downloaded, 78);
}, "pages may be opened and closed by a listener for progress");
