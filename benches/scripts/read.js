// Reads a stored response to its end, and says how long that took.
addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
  const record = await event.registration.match("/read.bin");
  const { body } = await record.responseReady;
  const begin = performance.now();
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.byteLength;
  console.log(JSON.stringify({ read_ms: performance.now() - begin, bytes }));
})()));
await registration.backgroundFetch.fetch("read", "/read.bin");
