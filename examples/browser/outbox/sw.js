addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "POST" || !request.url.endsWith("/messages")) return;
  event.respondWith((async () => {
    const again = request.clone();
    try {
      const response = await fetch(request);
      if (response.ok) return response;
    } catch {
      // There is no network.
    }
    // The page sends it in the background: not every browser lets a service
    // worker begin that.
    const id = `message-${crypto.randomUUID()}`;
    const outbox = await caches.open("outbox");
    await outbox.put(id, new Response(await again.blob()));
    return new Response(id, { status: 202 });
  })());
});

addEventListener("backgroundfetchsuccess", (event) => {
  event.waitUntil((async () => {
    const [record] = await event.registration.matchAll();
    const response = await record.responseReady;
    console.log("sent:", await response.text());
    await (await caches.open("outbox")).delete(event.registration.id);
  })());
});
