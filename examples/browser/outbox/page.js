// Sends messages; those that cannot be sent now are sent in the background.

await navigator.serviceWorker.register("sw.js");
const registration = await navigator.serviceWorker.ready;
if (!navigator.serviceWorker.controller) {
  await new Promise((done) => {
    navigator.serviceWorker.addEventListener("controllerchange", done);
  });
}

async function send(message) {
  const response = await fetch("messages", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(message),
  });
  console.log(message.text, response.status);
  if (response.status === 202) await sendInBackground(await response.text());
}

async function sendInBackground(id) {
  const outbox = await caches.open("outbox");
  const kept = await outbox.match(id);
  await registration.backgroundFetch.fetch(
    id,
    new Request("outbox", { method: "POST", body: await kept.blob() }),
    { title: "Your message is on its way" },
  );
}

await send({ text: "first" });
