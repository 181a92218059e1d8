// Starts background fetches of every kind, with `backgroundFetch`.
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
