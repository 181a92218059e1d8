onbackgroundfetchsuccess = (event) => event.waitUntil((async () => {
  const record = await event.registration.match("de.json");
  const response = await record.responseReady;
  const words = await response.clone().json();
  await (await caches.open("language")).put(record.request, response);
  console.log(`${Object.keys(words).length} words, as in ${words.hello}`);
})());
