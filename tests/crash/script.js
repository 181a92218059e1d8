// Registers background fetches of every kind, and says what it learns of them.
const say = (what, facts) => console.log(`${what} ${JSON.stringify(facts)}`);
const pause = () => new Promise((resolve) => setTimeout(resolve, 15));

// Depends on the value and on the place of every word.
function digest(buffer) {
  const words = new Uint32Array(buffer, 0, buffer.byteLength >> 2);
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i], 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

async function tell({ type, registration }) {
  const { id, result, failureReason } = registration;
  say("BEGIN", { id });
  // Long enough to be killed in here.
  await pause();
  const records = [];
  if (type === "backgroundfetchsuccess") {
    for (const record of await registration.matchAll()) {
      const response = await record.responseReady;
      const body = await response.arrayBuffer();
      const path = new URL(response.url).pathname;
      records.push({ path, length: body.byteLength, digest: digest(body) });
    }
  }
  say("EVENT", { type, id, result, failureReason, records });
  await pause();
}
for (const kind of ["success", "fail", "abort"]) {
  addEventListener(`backgroundfetch${kind}`, (event) => {
    event.waitUntil(tell(event));
  });
}

const { backgroundFetch } = registration;
const start = (id, requests) => {
  say("STARTING", { id });
  return backgroundFetch.fetch(id, requests).then((started) => {
    say("REGISTERED", { id });
    return started;
  });
};
const upload = new Uint8Array(200_000).map((_, i) => i * i + (i >> 8));
const doomed = start("doomed", ["/doomed.bin"]);
const all = [
  start("one", ["/one.bin"]),
  start("three", ["/three-1.bin", "/three-2.bin", "/three-3.bin"]),
  start("broken", ["/broken.bin", "/missing.bin"]),
  start("upload", [new Request("/upload.txt", { method: "POST", body: upload })]),
  doomed.then(async (started) => {
    await pause();
    say("ABORTED", { answer: await started.abort() });
  }),
];
// When this is run again, nothing new may be started.
await Promise.allSettled(all);
