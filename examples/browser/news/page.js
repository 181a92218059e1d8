// Hears from its service worker what has come.

await navigator.serviceWorker.register("sw.js");
const registration = await navigator.serviceWorker.ready;

const { port1, port2 } = new MessageChannel();
port1.onmessage = ({ data }) => {
  console.log("edition:", data);
  port1.close();
};
navigator.serviceWorker.onmessage = (event) => {
  const { headline } = event.data;
  console.log("headline:", headline);
  event.source.postMessage("edition", [port2]);
};
await registration.backgroundFetch.fetch("news", ["today.json", "cover.png"], {
  title: "The news of today",
});
