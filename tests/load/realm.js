// Starts COUNT background fetches, and says of each event whether the bytes
// came with it. In the SLOW realm the first handler waits until a gate opens.
const seen = new Map();

async function handle({ registration: settled }) {
  const { id } = settled;
  seen.set(id, (seen.get(id) ?? 0) + 1);
  if (id === "gate") return openGate();
  const records = await settled.matchAll();
  const body = await (await records[0].responseReady).bytes();
  if (body.length !== SIZE || seen.get(id) !== 1) {
    throw new Error(`${id}: ${body.length} bytes, event ${seen.get(id)}`);
  }
  if (SLOW && firstHandler) {
    firstHandler = false;
    await gate;
  }
  console.log("handled");
}

let firstHandler = true;
let openGate;
const gate = new Promise((resolve) => openGate = resolve);

onbackgroundfetchsuccess = (event) =>
  event.waitUntil(handle(event).catch((error) => console.log(`${error}`)));
onbackgroundfetchfail = (event) =>
  console.log(`${event.registration.id}: ${event.registration.failureReason}`);

(async () => {
  const { backgroundFetch } = registration;
  if (SLOW) {
    const gate = await backgroundFetch.fetch("gate", "/gate");
    // It is on the wire before any other one.
    await new Promise((resolve) => gate.onprogress = resolve);
  }
  console.log("started");
  for (let i = 0; i < COUNT; i++) {
    await backgroundFetch.fetch(`${i}`, `/slow?${REALM}-${i}`);
  }
  console.log("registered");
})().catch((error) => console.log(`${error}`));
