// 1,000 background fetches, and no listener.
const all = Array.from({ length: 1000 }, (_, n) => `${n}`);
await Promise.all(all.map((id) => registration.backgroundFetch.fetch(id, "/mebibyte.bin")));
