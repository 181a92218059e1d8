const CACHE = "films";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("backgroundfetchsuccess", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    for (const record of await event.registration.matchAll()) {
      await cache.put(record.request, await record.responseReady);
    }
    for (const client of await self.clients.matchAll()) {
      client.postMessage("stored");
    }
  })());
});

self.addEventListener("fetch", (event) => {
  const range = event.request.headers.get("range");
  if (!range) return;
  event.respondWith((async () => {
    const cached = await caches.match(event.request.url);
    return cached ? slice(cached, range) : fetch(event.request);
  })());
});

async function slice(response, range) {
  const blob = await response.blob();
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const start = Number(first);
  const end = last ? Math.min(Number(last) + 1, blob.size) : blob.size;
  if (first === undefined || start >= blob.size) {
    return new Response(null, {
      status: 416,
      headers: { "Content-Range": `bytes */${blob.size}` },
    });
  }
  return new Response(blob.slice(start, end), {
    status: 206,
    headers: {
      "Content-Range": `bytes ${start}-${end - 1}/${blob.size}`,
      "Content-Type": response.headers.get("content-type"),
    },
  });
}
