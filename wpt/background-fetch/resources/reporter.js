// Tells its pages of the end of every background fetch, and keeps the event
// going until one of them has looked at the records.
"use strict";

const reported = new Map();

addEventListener("message", ({ data }) => reported.get(data.handled)?.());

async function report({ type, isTrusted, bubbles, cancelable, constructor, registration: { id } }) {
  const number = Math.random();
  const handled = new Promise((resolve) => reported.set(number, resolve));
  const event = { type, isTrusted, bubbles, cancelable, kind: constructor.name };
  const pages = await clients.matchAll({ includeUncontrolled: true });
  for (const page of pages) {
    page.postMessage({ scope: registration.scope, number, id, event });
  }
  if (pages.length > 0) await handled;
}

for (const type of ["success", "fail", "abort"]) {
  addEventListener(`backgroundfetch${type}`, (event) => event.waitUntil(report(event)));
}
