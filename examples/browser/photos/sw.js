addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("backgroundfetchsuccess", (event) => {
  event.waitUntil((async () => {
    const records = await event.registration.matchAll();
    for (const record of records) {
      // The server answers with what it has received.
      const response = await record.responseReady;
      const { byteLength } = await response.arrayBuffer();
      const name = decodeURIComponent(record.request.url.split("/").pop());
      const windows = await clients.matchAll({ includeUncontrolled: true });
      for (const client of windows) {
        client.postMessage({ name, bytes: byteLength });
      }
    }
    await event.updateUI({ title: "Your photos are online" });
    console.log(`${records.length} photos are online`);
  })());
});

addEventListener("backgroundfetchabort", () => console.log("aborted"));
addEventListener("backgroundfetchfail", (event) => {
  console.log("failed", event.registration.failureReason);
});
