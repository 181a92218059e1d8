// Uploads photos: they arrive, even if the page is closed.

// In a page these come from <input type="file" multiple>.
const files = [
  new File([new Uint8Array(50_000).fill(1)], "beach.jpg", { type: "image/jpeg" }),
  new File([new Uint8Array(70_000).fill(2)], "forest.jpg", { type: "image/jpeg" }),
];

await navigator.serviceWorker.register("sw.js");
const registration = await navigator.serviceWorker.ready;

const requests = files.map((file) =>
  new Request(`photos/${encodeURIComponent(file.name)}`, {
    method: "PUT",
    headers: { "Content-Type": file.type },
    body: file,
    credentials: "include",
  })
);
const upload = await registration.backgroundFetch.fetch("album", requests, {
  title: `Uploading ${files.length} photos`,
});
console.log(`uploading ${upload.uploadTotal} bytes`);
navigator.serviceWorker.addEventListener("message", ({ data }) => {
  console.log(`${data.name}: ${data.bytes} bytes on the server`);
});
navigator.serviceWorker.startMessages();
