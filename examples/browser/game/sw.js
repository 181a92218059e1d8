self.addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
  const cache = await caches.open("game");
  const records = await event.registration.matchAll();
  for (const record of records) {
    await cache.put(record.request, await record.responseReady);
  }
  const names = (await cache.keys()).map(({ url }) => url.split("/").pop());
  console.log("ready to play:", names.sort().join(" "));
})()));

self.addEventListener("backgroundfetchfail", (event) => event.waitUntil((async () => {
  // What is there is kept: the next update is smaller.
  const cache = await caches.open("game");
  for (const record of await event.registration.matchAll()) {
    const response = await record.responseReady.catch(() => undefined);
    if (response?.ok) await cache.put(record.request, response);
  }
  console.log("failed:", event.registration.failureReason);
})()));
