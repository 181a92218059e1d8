// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
"use strict";

// An event whose worker was lost with the engine comes again, with the records
// as they were, until its handlers have ended. No browser lets a test end it.
// https://wicg.github.io/background-fetch/#perform-a-background-fetch

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const container = navigator.serviceWorker;
const scope = "resources/scope-of-retention";
const pieces = (parameters) =>
  new URL(`resources/pieces.py?${new URLSearchParams(parameters)}`, location.href).href;
const halting = pieces({ gate: "never open", repeat: 4, etag: "v1", cut: 26 });
const settled = ["succeeded", "failed", "aborted"];

const events = new Map();
/** The ids of those whose handlers have ended. */
const over = new Set();
container.addEventListener("message", ({ data, source }) => {
  if (data.over !== undefined) return over.add(data.over);
  events.set(data.id, { ...data, handle: () =>
    source.postMessage({ handled: data.id }) });
});
container.startMessages();

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function greet() {
  const registration = await container.getRegistration(scope);
  registration.active.postMessage("hello");
  return registration;
}

const told = (t, id) => t.step_wait(() => events.has(id), `the event of ${id}`, 10_000);

async function begin() {
  const registration = await container.register("resources/keeper.js", { scope });
  const worker = registration.installing;
  await until(() => worker.state === "activated");
  const { backgroundFetch } = registration;
  await backgroundFetch.fetch("succeeded", [pieces(), pieces({ repeat: 2 })]);
  await backgroundFetch.fetch("failed", [pieces({ pipe: "status(404)" }), pieces()]);
  const bgFetch = await backgroundFetch.fetch("aborted", halting);
  await until(() => bgFetch.downloaded === 26);
  if (!await bgFetch.abort()) throw new Error("it was not aborted");
  for (const id of ["one", "another"]) await backgroundFetch.fetch(id, halting);
  await until(() => settled.every((id) => events.has(id)));
  await test_driver.restart();
}

const visits = [
  () => {
    // steps: perform.8.13
    promise_test(begin, "everything has ended, and nothing is handled");
  },
  () => {
    // steps: perform.8.12.1, perform.8.13
    promise_test(async (t) => {
      await greet();
      await told(t, "succeeded");
      const { type, result, downloaded, texts } = events.get("succeeded");
      assert_equals(type, "backgroundfetchsuccess");
      assert_equals(result, "success");
      assert_equals(downloaded, 78);
      assert_array_equals(texts, [`200 ${LETTERS}`, `200 ${LETTERS}${LETTERS}`]);
    }, "a success is told again, with its bytes");

    // steps: perform.8.11.1, perform.8.13
    promise_test(async (t) => {
      await greet();
      await told(t, "failed");
      const { type, result, failureReason, texts } = events.get("failed");
      assert_equals(type, "backgroundfetchfail");
      assert_equals(`${result} ${failureReason}`, "failure bad-status");
      assert_array_equals(texts, [`404 ${LETTERS}`, `200 ${LETTERS}`]);
    }, "a failure is told again, with the bytes of the bad answer and the good ones");

    // steps: perform.8.10.1, perform.8.13
    promise_test(async (t) => {
      await greet();
      await told(t, "aborted");
      const { type, failureReason, texts } = events.get("aborted");
      assert_equals(type, "backgroundfetchabort");
      assert_equals(failureReason, "aborted");
      assert_array_equals(texts, ["AbortError"]);
    }, "an abort is told again");

    // steps: ids.2, fetch.8.16
    promise_test(async () => {
      const { backgroundFetch } = await greet();
      assert_array_equals(await backgroundFetch.getIds(), ["one", "another"]);
    }, "what is active is listed, in the order in which it began");

    // steps: fetch.8.16
    promise_test(async () => {
      const { backgroundFetch } = await greet();
      const bgFetch = await backgroundFetch.fetch("succeeded", pieces());
      assert_equals(bgFetch.result, "");
      await bgFetch.abort();
    }, "its id is free while its event waits for its handlers");

    // steps: perform.8.13.1
    promise_test(async () => {
      events.get("failed").handle();
      await until(() => over.has("failed"));
      await test_driver.restart();
    }, "one of them is handled");
  },
  () => {
    // steps: perform.8.13, perform.8.13.1
    promise_test(async (t) => {
      await greet();
      await told(t, "succeeded");
      await told(t, "aborted");
      assert_false(events.has("failed"));
    }, "what is handled is over, and the others come once more");
  },
];
visits[test_driver.restarts]();
