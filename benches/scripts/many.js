// As many background fetches at once as the query of the page's URL says. The
// server answers none of them before it is asked for `/release`, so the first
// result comes when all are registered.
const all = Array.from({ length: Number(location.search.slice(1)) }, (_, n) => `${n}`);
console.log("mark: begin");
await Promise.all(all.map((id) => registration.backgroundFetch.fetch(id, `/held/${id}`)));
console.log("mark: registered");
await fetch("/release");
