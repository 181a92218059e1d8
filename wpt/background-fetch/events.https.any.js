// META: global=serviceworker
// META: timeout=long
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What only a worker can do: handle the events, and update the UI.
// https://wicg.github.io/background-fetch/#background-fetch-update-ui-event

/** Runs `f` in the event of a new background fetch. */
async function inEvent(backgroundFetch, f) {
  const id = uniqueId();
  const ended = eventOf(id, (_, event) => f(event));
  await backgroundFetch.fetch(id, pieces());
  return await ended;
}

backgroundFetchTest((t, backgroundFetch) =>
  inEvent(backgroundFetch, async (event) => {
    // steps: updateUI.2, updateUI.5, updateUI.6
    const result = await event.updateUI({ title: "New", icons: [{ src: "i.png" }] });
    assert_equals(result, undefined);
  }), "the UI can be updated");

backgroundFetchTest((t, backgroundFetch) =>
  inEvent(backgroundFetch, async (event) => {
    // steps: updateUI.1
    const first = event.updateUI({ title: "one" });
    await promise_rejects_dom(t, "InvalidStateError", event.updateUI({ title: "two" }));
    await first;
  }), "the UI can be updated once");

// steps: updateUI.3
backgroundFetchTest((t, backgroundFetch) =>
  inEvent(backgroundFetch, async (event) => {
    await promise_rejects_js(t, TypeError, event.updateUI({ icons: [{}] }));
    await event.updateUI();
  }), "a wrong argument updates nothing, and none is needed");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: updateUI.1
  const { original: event, bgFetch } = await inEvent(backgroundFetch, () => {});
  await t.step_wait(() => !bgFetch.recordsAvailable, "the event is over");
  await promise_rejects_dom(t, "InvalidStateError", event.updateUI({ title: "late" }));
}, "the UI cannot be updated when the event is over");

backgroundFetchTest((t, backgroundFetch) =>
  inEvent(backgroundFetch, async ({ registration }) => {
    // steps: updateUI.1
    const own = new BackgroundFetchUpdateUIEvent("own", { registration });
    assert_false(own.isTrusted);
    assert_equals(own.registration, registration);
    await promise_rejects_dom(t, "InvalidStateError", own.updateUI());
    assert_throws_dom("InvalidStateError", () => own.waitUntil(Promise.resolve()));
  }), "an event made by a script updates nothing");

// steps: perform.8.13
test(() => {
  for (const init of [undefined, {}, { registration: null }, { registration: {} }]) {
    assert_throws_js(TypeError, () => new BackgroundFetchEvent("x", init));
  }
  assert_throws_js(TypeError, () => new BackgroundFetchEvent());
}, "an event needs a background fetch");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.2
  const descriptor = { name: "background-fetch" };
  t.add_cleanup(() => test_driver.set_permission(descriptor, "granted"));
  await test_driver.set_permission(descriptor, "denied");
  await promise_rejects_dom(
    t, "NotAllowedError", backgroundFetch.fetch(uniqueId(), pieces()));
  assert_array_equals(await backgroundFetch.getIds(), []);
}, "without the permission nothing is fetched");

// steps: perform.8.13
backgroundFetchTest(async (t, backgroundFetch) => {
  const id = uniqueId();
  const handled = new Promise((resolve) => self.onbackgroundfetchsuccess = resolve);
  t.add_cleanup(() => self.onbackgroundfetchsuccess = null);
  await backgroundFetch.fetch(id, pieces());
  assert_equals((await handled).registration.id, id);
}, "the event handler attribute of the global is called");
