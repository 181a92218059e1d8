// 200 background fetches at once. The server answers none of them before it is
// asked for `/release`, so the first result comes when all are registered.
const all = Array.from({ length: 200 }, (_, n) => `${n}`);
console.log("mark: begin");
await Promise.all(all.map((id) => registration.backgroundFetch.fetch(id, `/held/${id}`)));
console.log("mark: registered");
await fetch("/release");
