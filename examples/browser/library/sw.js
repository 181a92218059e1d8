const shelf = () => caches.open("shelf");

addEventListener("backgroundfetchsuccess", (event) => event.waitUntil(keep(event)));
addEventListener("backgroundfetchabort", (event) => {
  console.log(`given up: ${event.registration.id}`);
});

async function keep(event) {
  const [record] = await event.registration.matchAll();
  const response = await record.responseReady;
  await (await shelf()).put(record.request, response);
  console.log(`on the shelf: ${event.registration.id}`);
}
