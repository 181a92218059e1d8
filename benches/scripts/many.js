// 200 background fetches at once; says when all are registered.
const all = Array.from({ length: 200 }, (_, n) => `${n}`);
console.log("mark: begin");
await Promise.all(all.map((id) => registration.backgroundFetch.fetch(id, "/tiny.bin")));
console.log("mark: registered");
