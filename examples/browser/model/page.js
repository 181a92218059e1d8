// Downloads the shards of a model; the page may be closed meanwhile.

const progress = new BroadcastChannel("model");
progress.onmessage = ({ data }) => {
  if (data.type === "stored") console.log(`stored ${data.name}`);
  if (data.type === "ready") {
    console.log(`ready: ${data.shards} shards, ${data.bytes} bytes`);
    progress.close();
  }
};

await navigator.serviceWorker.register("sw.js");
const registration = await navigator.serviceWorker.ready;
const index = await (await fetch("model.json", { cache: "no-cache" })).json();
const requests = index.shards.map(({ name, integrity }) =>
  new Request(name, { integrity })
);
const total = index.shards.reduce((sum, { size }) => sum + size, 0);
const download = await registration.backgroundFetch.fetch(
  `model-${index.version}`,
  requests,
  { title: "Model", downloadTotal: total },
);
console.log(`downloading ${total} bytes`);
await new Promise((done) => {
  download.onprogress = () => {
    if (download.result !== "") done();
  };
});
console.log(`result: ${download.result}`);
