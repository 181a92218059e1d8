const VERSION = "v2";
const SHELL = ["shell.css", "offline.html"];

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(VERSION)
      .then((cache) => cache.addAll(SHELL))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) =>
        Promise.all(
          names.filter((name) => name !== VERSION).map((name) => caches.delete(name)),
        )
      )
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || request.url.endsWith(".png")) return;
  event.respondWith(
    caches.match(request).then((cached) =>
      cached || fetch(request).then((response) => {
        if (!response.ok) return caches.match("offline.html");
        const copy = response.clone();
        event.waitUntil(
          caches.open(VERSION).then((cache) => cache.put(request, copy)),
        );
        return response;
      })
    ),
  );
});
