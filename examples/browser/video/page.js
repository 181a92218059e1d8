// Plays a film that was downloaded in the background, and seeks in it.

await navigator.serviceWorker.register("sw.js");
const registration = await navigator.serviceWorker.ready;
if (!navigator.serviceWorker.controller) {
  await new Promise((done) => {
    navigator.serviceWorker.oncontrollerchange = done;
  });
}

const stored = new Promise((done) => {
  navigator.serviceWorker.onmessage = ({ data }) => data === "stored" && done();
});
await registration.backgroundFetch.fetch("film", "film.mp4", { title: "Film" });
await stored;

// As <video src="film.mp4"> asks for it.
async function seek(range) {
  const response = await fetch("film.mp4", { headers: { range } });
  const { byteLength } = await response.arrayBuffer();
  console.log(response.status, response.headers.get("content-range"), byteLength);
}
await seek("bytes=0-");
await seek("bytes=1000-1999");
await seek("bytes=299000-");
await seek("bytes=300000-");
