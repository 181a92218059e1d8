// Tells the page that has greeted it of every event.

let page = null;

addEventListener("message", async (event) => {
  // Pages talk to each other.
  if (event.data?.relay) {
    const pages = await clients.matchAll({ includeUncontrolled: true });
    pages.forEach((other) => other.postMessage(event.data.relay));
    return;
  }
  page = event.source;
  page.postMessage({ what: "ready" });
});

async function tell(type, bgFetch) {
  const records = await bgFetch.matchAll();
  const texts = await Promise.all(records.map(async ({ responseReady }) => {
    try {
      return await (await responseReady).text();
    } catch (error) {
      return error.name;
    }
  }));
  const { id, result, failureReason, downloaded } = bgFetch;
  page.postMessage({ what: "event", type, id, result, failureReason, downloaded, texts });
}

for (const type of /** @type {const} */ (["success", "fail", "abort"])) {
  const name = /** @type {const} */ (`backgroundfetch${type}`);
  addEventListener(name, (event) => {
    event.waitUntil(tell(event.type, event.registration));
  });
}
