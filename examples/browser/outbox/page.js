// Sends messages; those that cannot be sent now are sent in the background.

await navigator.serviceWorker.register("sw.js");
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
  console.log(message.text, response.status, await response.text());
}

await send({ text: "first" });
