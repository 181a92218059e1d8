// Downloads the newest episodes of a feed for offline listening.

const CACHE = "episodes";

async function feed() {
  const response = await fetch("feed.json");
  if (!response.ok) throw new Error(`The feed answered ${response.status}`);
  return response.json();
}

async function missing(episodes) {
  const cache = await caches.open(CACHE);
  const there = new Set((await cache.keys()).map((request) => request.url));
  return episodes.filter(({ url }) => !there.has(new URL(url, location.href).href));
}

async function download({ id, title, url, size }) {
  const registration = await navigator.serviceWorker.ready;
  const background = await registration.backgroundFetch.fetch(id, [url], {
    title,
    icons: [{ src: "icon-96.png", sizes: "96x96", type: "image/png" }],
    downloadTotal: size,
  });
  background.addEventListener("progress", () => {
    const percent = Math.round(background.downloaded / size * 100);
    if (percent === 100) console.log(`${title}: all is here`);
  });
}

if (!("serviceWorker" in navigator) || !("BackgroundFetchManager" in self)) {
  throw new Error("This browser cannot download in the background");
}
await navigator.serviceWorker.register("sw.js");
const { episodes } = await feed();
for (const episode of await missing(episodes)) await download(episode);
