// Updates a game: what has changed is downloaded, what is gone is deleted.

const cache = await caches.open("game");
await cache.put("assets/old.bin", new Response("of the last version"));
await cache.put("assets/same.bin?1", new Response("same"));

const manifest = await fetch("manifest.json").then((r) => r.json());
const wanted = new Map(
  manifest.assets.map(({ path, hash, size }) => [
    new URL(`${path}?${hash}`, location.href).href,
    size,
  ]),
);
for (const { url } of await cache.keys()) {
  if (wanted.has(url)) wanted.delete(url);
  else {
    await cache.delete(url);
    console.log("deleted", url.split("/").pop());
  }
}

await navigator.serviceWorker.register("sw.js");
const registration = await navigator.serviceWorker.ready;
const downloadTotal = [...wanted.values()].reduce((a, b) => a + b, 0);
const update = await registration.backgroundFetch.fetch(
  `game-${manifest.version}`,
  [...wanted.keys()],
  { title: `Version ${manifest.version}`, downloadTotal },
);
console.log(`${wanted.size} files, ${update.downloadTotal} bytes`);
