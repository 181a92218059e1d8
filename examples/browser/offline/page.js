// A page whose requests are answered with and without a network.

const { serviceWorker } = navigator;
const controlled = serviceWorker.controller
  ? Promise.resolve()
  : new Promise((done) => {
    serviceWorker.addEventListener("controllerchange", done, { once: true });
  });
await serviceWorker.register("sw.js");
await controlled;

const text = async (url) => (await fetch(url)).text();
console.log("shell:", await text("shell.css"));
console.log("fresh:", await text("news.json"));
console.log("missing:", await text("not-there"));
const other = await fetch("not-there.png");
console.log("image:", other.status, other.type);
