self.addEventListener("backgroundfetchsuccess", (event) => {
  event.waitUntil(store(event));
});

async function store(event) {
  const cache = await caches.open("tiles");
  const records = await event.registration.matchAll();
  let done = 0;
  await Promise.all(records.map(async (record) => {
    const response = await record.responseReady;
    await cache.put(record.request, response);
    done++;
  }));
  await event.updateUI({ title: `${done} tiles` });
  const found = await cache.matchAll(
    new URL("tiles/3/1/2.png", self.registration.scope),
    { ignoreSearch: true },
  );
  console.log(`${(await cache.keys()).length} tiles, ${found.length} of them here`);
}
