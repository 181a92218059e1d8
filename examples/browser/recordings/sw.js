addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/** Does `work` with the recordings, and resolves when it is on the disk. */
async function change(work) {
  const database = await done(indexedDB.open("recordings"));
  const transaction = database.transaction("recordings", "readwrite");
  const changed = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  await work(transaction.objectStore("recordings"));
  await changed;
  database.close();
}

const idOf = ({ id }) => Number(id.slice("recording-".length));

addEventListener("backgroundfetchsuccess", (event) => {
  event.waitUntil((async () => {
    const [record] = await event.registration.matchAll();
    const response = await record.responseReady;
    const { size } = await response.blob();
    await change(async (recordings) => {
      const { name, sound } = await done(recordings.get(idOf(event.registration)));
      console.log(`${name}: ${size} of ${sound.size} bytes are on the server`);
      recordings.delete(idOf(event.registration));
    });
    new BroadcastChannel("recordings").postMessage("uploaded");
  })());
});

// It is kept, and the page tries again the next time.
addEventListener("backgroundfetchfail", (event) => {
  console.log("failed", event.registration.failureReason);
});
