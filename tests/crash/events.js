// Says what it learns of every background fetch that has ended.
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
