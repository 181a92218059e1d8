// 1,000 background fetches, each with a listener for its progress.
const all = Array.from({ length: 1000 }, (_, n) => `${n}`);
const registrations =
  await Promise.all(all.map((id) => registration.backgroundFetch.fetch(id, "/mebibyte.bin")));
let heard = 0;
for (const one of registrations) one.addEventListener("progress", () => heard++);
