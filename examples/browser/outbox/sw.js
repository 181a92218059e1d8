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
    const id = `message-${crypto.randomUUID()}`;
    const body = await again.arrayBuffer();
    await registration.backgroundFetch.fetch(
      id,
      new Request("outbox", { method: "POST", body }),
      { title: "Your message is on its way" },
    );
    return new Response("queued", { status: 202 });
  })());
});

addEventListener("backgroundfetchsuccess", (event) => {
  event.waitUntil((async () => {
    const [record] = await event.registration.matchAll();
    const response = await record.responseReady;
    console.log("sent:", await response.text());
  })());
});
