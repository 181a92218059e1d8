// Uploads a gigabyte from a stream, which is never in memory as a whole. It is
// in the store when fetch() resolves; then it is sent.
const chunk = crypto.getRandomValues(new Uint8Array(65536));
let left = 16384;
const body = new ReadableStream({
  pull(controller) {
    if (left-- > 0) controller.enqueue(chunk.slice());
    else controller.close();
  },
});
const begin = performance.now();
let durable;
addEventListener("backgroundfetchsuccess", () => {
  const [stored_ms, sent_ms] = [durable - begin, performance.now() - durable];
  console.log(JSON.stringify({ stored_ms, sent_ms }));
});
const request = new Request("/", { method: "POST", body, duplex: "half" });
await registration.backgroundFetch.fetch("stream", request);
durable = performance.now();
