// Keeps recordings in a database until the server has them: what is not
// uploaded when the page is closed is uploaded the next time.

await navigator.serviceWorker.register("sw.js");
const registration = await navigator.serviceWorker.ready;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function openDatabase() {
  const request = indexedDB.open("recordings", 1);
  request.onupgradeneeded = () => {
    const recordings = request.result.createObjectStore("recordings", {
      keyPath: "id",
      autoIncrement: true,
    });
    recordings.createIndex("recorded", "recorded");
  };
  return done(request);
}

const database = await openDatabase();
const recordings = (mode) =>
  database.transaction("recordings", mode).objectStore("recordings");

// In a page these come from a MediaRecorder.
async function record(name, length) {
  const sound = new Blob([new Uint8Array(length).fill(7)], { type: "audio/ogg" });
  const recorded = new Date();
  await done(recordings("readwrite").add({ name, recorded, sound }));
}

async function upload({ id, name, sound }) {
  const request = new Request(`recordings/${name}`, {
    method: "PUT",
    headers: { "Content-Type": sound.type },
    body: sound,
  });
  await registration.backgroundFetch.fetch(uploadOf(id), request, {
    title: `Uploading ${name}`,
  });
}

const uploadOf = (id) => `recording-${id}`;

if (await done(recordings().count()) === 0) {
  await record("monday", 40_000);
  await record("tuesday", 60_000);
}
// Those that are on their way are not begun again; the oldest comes first.
const uploading = await registration.backgroundFetch.getIds();
const kept = await done(recordings().index("recorded").getAll());
const waiting = kept.filter(({ id }) => !uploading.includes(uploadOf(id)));
console.log(`${waiting.length} recordings wait`);

const uploaded = new Promise((resolve) => {
  const channel = new BroadcastChannel("recordings");
  let count = 0;
  channel.onmessage = () => {
    count += 1;
    if (count < kept.length) return;
    channel.close();
    resolve();
  };
});
for (const recording of waiting) await upload(recording);
await uploaded;
console.log(`${await done(recordings().count())} recordings are left`);
