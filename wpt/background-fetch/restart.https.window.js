// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
"use strict";

// What the end of the engine leaves for the next one. No browser lets a test
// end it.
// https://wicg.github.io/background-fetch/#infrastructure

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const container = navigator.serviceWorker;
const scope = "resources/scope-of-restart";
const pieces = (parameters) =>
  new URL(`resources/pieces.py?${new URLSearchParams(parameters)}`, location.href).href;
// The first letters come at once, the others when the gate is open.
const halting = (gate) => pieces({ gate, repeat: 4, etag: "v1", cut: 26 });
const gate = "of the download";

// The worker says it once more when it is greeted, so none is missed.
const events = new Map();
container.addEventListener("message", ({ data, source }) => {
  events.set(data.id, { ...data.event, handle: () =>
    source.postMessage({ handled: data.number }) });
});
container.startMessages();

/** Begins what the engine's end finds in several states. */
async function begin() {
  const registration = await container.register("resources/reporter.js", { scope });
  await new Promise((resolve) => {
    const worker = registration.installing;
    worker.onstatechange = () => worker.state === "activated" && resolve();
  });
  const { backgroundFetch } = registration;
  const downloading = await backgroundFetch.fetch("downloading", halting(gate));
  const aborted = await backgroundFetch.fetch("aborted", halting("that stays closed"));
  await backgroundFetch.fetch("unhandled", pieces());
  await new Promise((resolve) => {
    const look = () => downloading.downloaded >= 26 && resolve();
    downloading.onprogress = look;
    look();
  });
  if (!await aborted.abort()) throw new Error("it was not aborted");
  while (!events.has("unhandled")) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await test_driver.restart();
}

async function registrationAfterRestart(t) {
  const registration = await container.getRegistration(scope);
  registration.active.postMessage("hello");
  return registration;
}

const told = async (t, id) => {
  await t.step_wait(() => events.has(id), `the event of ${id}`, 10_000);
  return events.get(id);
};

if (test_driver.restarts === 0) {
  // steps: fetch.8.16
  promise_test(begin, "everything is begun");
} else {
  // steps: fetch.1
  promise_test(async (t) => {
    const registration = await registrationAfterRestart(t);
    assert_not_equals(registration, undefined);
    assert_equals(registration.active.state, "activated");
  }, "the registration and its worker are there");

  // steps: perform.8.13, perform.8.13.1
  promise_test(async (t) => {
    await registrationAfterRestart(t);
    const event = await told(t, "unhandled");
    assert_equals(event.type, "backgroundfetchsuccess");
    event.handle();
  }, "an event that was not handled is fired again");

  // steps: ids.2
  promise_test(async () => {
    const registrations = await navigator.serviceWorker.getRegistrations();
    assert_equals(registrations.length, 1);
    const ids = await registrations[0].backgroundFetch.getIds();
    assert_array_equals(ids, ["downloading"]);
  }, "what is active is found by those who ask for all ids");

  // steps: complete.7, complete.8, instance.3, get.2
  promise_test(async (t) => {
    const { backgroundFetch } = await registrationAfterRestart(t);
    const bgFetch = await backgroundFetch.get("downloading");
    assert_equals(bgFetch.downloaded, 26, "what had arrived is there");
    assert_equals(bgFetch.result, "");
    await fetch(`resources/open.py?${new URLSearchParams({ gate })}`);
    const event = await told(t, "downloading");
    assert_equals(event.type, "backgroundfetchsuccess");
    assert_equals(bgFetch.result, "success");
    const [record] = await bgFetch.matchAll();
    const response = await record.responseReady;
    assert_equals(await response.text(), LETTERS.repeat(4));
    event.handle();
  }, "a download continues where it was, and is whole");

  // steps: abort.3.4, abort.3.5, ids.2
  promise_test(async (t) => {
    const { backgroundFetch } = await registrationAfterRestart(t);
    assert_equals(await backgroundFetch.get("aborted"), undefined);
    const event = await told(t, "aborted");
    assert_equals(event.type, "backgroundfetchabort");
    event.handle();
  }, "what was aborted stays aborted");
}
