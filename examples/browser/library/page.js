// Downloads books when there is room, and gives one up.

await navigator.serviceWorker.register("sw.js");
const { backgroundFetch } = await navigator.serviceWorker.ready;

async function borrow(book) {
  const { quota, usage } = await navigator.storage.estimate();
  if (quota - usage < book.size) {
    console.log(`no room for ${book.title}`);
    return;
  }
  await backgroundFetch.fetch(book.title, book.url, {
    title: book.title,
    downloadTotal: book.size,
  });
}

await navigator.storage.persist();
await borrow({ title: "Small", url: "small.epub", size: 20_000 });
await borrow({ title: "Long", url: "long.epub", size: 500_000 });
await borrow({ title: "Endless", url: "endless.epub", size: Number.MAX_SAFE_INTEGER });
console.log([...await backgroundFetch.getIds()].sort().join());

const long = await backgroundFetch.get("Long");
console.log("aborted:", await long.abort());
console.log("and again:", await long.abort());
