self.oninstall = () => self.skipWaiting();
self.onactivate = (event) => event.waitUntil(self.clients.claim());

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

self.onbackgroundfetchsuccess = (event) => {
  event.waitUntil((async () => {
    const channel = new BroadcastChannel("model");
    const cache = await caches.open(event.registration.id);
    const records = await event.registration.matchAll();
    let bytes = 0;
    for (const record of records) {
      const response = await record.responseReady;
      await cache.put(record.request, response);
      const stored = await (await cache.match(record.request)).arrayBuffer();
      bytes += stored.byteLength;
      const name = new URL(record.request.url).pathname.split("/").pop();
      const hash = await sha256(stored);
      channel.postMessage({ type: "stored", name: `${name} ${hash.slice(0, 8)}` });
    }
    // What an earlier version has left.
    for (const name of await caches.keys()) {
      if (name.startsWith("model-") && name !== event.registration.id) {
        await caches.delete(name);
      }
    }
    channel.postMessage({ type: "ready", shards: records.length, bytes });
    channel.close();
  })());
};
