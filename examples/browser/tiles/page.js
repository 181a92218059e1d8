// Stores the tiles of a map for a hike.

const ZOOM = 3;
const urls = [];
for (let x = 0; x < 4; x++) {
  for (let y = 0; y < 4; y++) urls.push(`tiles/${ZOOM}/${x}/${y}.png?v=7`);
}

await navigator.serviceWorker.register("sw.js", { type: "module" });
const { backgroundFetch } = await navigator.serviceWorker.ready;
const ids = await backgroundFetch.getIds();
const area = ids.includes("area")
  ? await backgroundFetch.get("area")
  : await backgroundFetch.fetch("area", urls, { title: "Map of the hike" });

area.onprogress = () => {
  if (area.result) console.log(area.result, area.downloaded, area.recordsAvailable);
};
const all = await area.matchAll();
const some = await area.matchAll(`tiles/${ZOOM}/0/0.png`, { ignoreSearch: true });
console.log(all.length, some.length);
