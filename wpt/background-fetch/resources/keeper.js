// Reads the records of every background fetch that has ended, tells its pages,
// and keeps the event going until one of them says that it is handled.
"use strict";

const kept = new Map();
/** The ends of the handlers, by the ids of the background fetches. */
const ends = new Map();

// A page says "hello" to hear of what was there before it, and hears when the
// event that it has handled is over.
addEventListener("message", async ({ data, source }) => {
  if (data === "hello") {
    kept.forEach(({ message }) => source.postMessage(message));
  } else {
    const { resolve, over } = kept.get(data.handled);
    kept.delete(data.handled);
    resolve();
    await over;
    source.postMessage({ over: data.handled });
  }
});

async function read({ responseReady }) {
  try {
    const response = await responseReady;
    return `${response.status} ${await response.text()}`;
  } catch (error) {
    return error.name;
  }
}

async function keep({ type, registration: bgFetch }) {
  const records = await bgFetch.matchAll();
  const { id, result, failureReason, downloaded } = bgFetch;
  const texts = await Promise.all(records.map(read));
  const message = { id, type, result, failureReason, downloaded, texts };
  const { promise: handled, resolve } = Promise.withResolvers();
  kept.set(id, { message, resolve, over: ends.get(id) });
  const pages = await clients.matchAll({ includeUncontrolled: true });
  pages.forEach((page) => page.postMessage(message));
  await handled;
}

for (const type of /** @type {const} */ (["success", "fail", "abort"])) {
  const name = /** @type {const} */ (`backgroundfetch${type}`);
  addEventListener(name, (event) => {
    const end = keep(event);
    ends.set(event.registration.id, end);
    event.waitUntil(end);
  });
}
