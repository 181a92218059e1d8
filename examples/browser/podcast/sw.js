const CACHE = "episodes";

addEventListener("install", () => self.skipWaiting());
addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

addEventListener("backgroundfetchsuccess", (event) => {
  const { registration } = event;
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    const records = await registration.matchAll();
    await Promise.all(records.map(async (record) => {
      const response = await record.responseReady;
      await cache.put(record.request, response);
    }));
    await event.updateUI({ title: "Ready to play" });
    await self.registration.showNotification("Ready to play", {
      body: registration.id,
      tag: registration.id,
      data: { url: `player.html?episode=${registration.id}` },
    });
    const stored = await caches.match(records[0].request);
    const { byteLength } = await stored.arrayBuffer();
    console.log(`stored ${registration.id}: ${byteLength}`);
  })());
});

addEventListener("backgroundfetchfail", (event) => {
  event.waitUntil((async () => {
    await event.updateUI({ title: "Download failed" });
    console.log(`failed ${event.registration.id}: ${event.registration.failureReason}`);
  })());
});

addEventListener("backgroundfetchclick", (event) => {
  event.waitUntil(self.clients.openWindow("downloads.html"));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(event.notification.data.url));
});
