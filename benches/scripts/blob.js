// Uploads a gigabyte from a Blob; see `stream.js`.
const part = crypto.getRandomValues(new Uint8Array(65536));
const body = new Blob(Array.from({ length: 16384 }, () => part));
const begin = performance.now();
let durable;
addEventListener("backgroundfetchsuccess", () => {
  const [stored_ms, sent_ms] = [durable - begin, performance.now() - durable];
  console.log(JSON.stringify({ stored_ms, sent_ms }));
});
await registration.backgroundFetch.fetch("blob", new Request("/", { method: "POST", body }));
durable = performance.now();
