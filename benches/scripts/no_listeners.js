// The same as `listeners.js`, without listeners for progress.
let settled = 0;
addEventListener("backgroundfetchsuccess", () => settled++);
const fetchOne = (_, n) => registration.backgroundFetch.fetch(`${n}`, "/mebibyte.bin");
await Promise.all(Array.from({ length: 1000 }, fetchOne));
