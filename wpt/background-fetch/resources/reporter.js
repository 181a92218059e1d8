// Tells its pages of the end of every background fetch, and keeps the event
// going until one of them has looked at the records.
"use strict";

const reported = new Map();

// A page says "hello" to hear of what was there before it.
addEventListener("message", ({ data, source }) => {
  if (data === "hello") {
    reported.forEach(({ message }) => source.postMessage(message));
  } else {
    reported.get(data.handled)?.resolve();
    reported.delete(data.handled);
  }
});

async function report({ type, isTrusted, bubbles, cancelable, constructor, registration: { id } }) {
  const event = { type, isTrusted, bubbles, cancelable, kind: constructor.name };
  const number = Math.random();
  const message = { scope: registration.scope, number, id, event };
  const handled = new Promise((resolve) => reported.set(number, { message, resolve }));
  const pages = await clients.matchAll({ includeUncontrolled: true });
  pages.forEach((page) => page.postMessage(message));
  await handled;
}

for (const type of /** @type {const} */ (["success", "fail", "abort"])) {
  const name = /** @type {const} */ (`backgroundfetch${type}`);
  addEventListener(name, (event) => event.waitUntil(report(event)));
}
