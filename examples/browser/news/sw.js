let edition = 0;

addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
  const today = await event.registration.match("today.json");
  const { headline, number } = await (await today.responseReady).json();
  edition = number;
  const cache = await caches.open("news");
  for (const record of await event.registration.matchAll()) {
    if (!record.request.url.endsWith(".json")) {
      await cache.put(record.request, await record.responseReady);
    }
  }
  const pages = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const answered = new Promise((done) => addEventListener("message", done, { once: true }));
  for (const page of pages) page.postMessage({ headline });
  await answered;
})()));

addEventListener("message", (event) => {
  if (event.data === "edition") event.ports[0].postMessage(edition);
});
