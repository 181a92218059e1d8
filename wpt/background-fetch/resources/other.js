// Another page of the same origin. It does what the first one asks for, over
// the worker that both know.
"use strict";

const scope = new URLSearchParams(location.search).get("scope");
const container = navigator.serviceWorker;
let bgFetch;

const facts = () => bgFetch && {
  id: bgFetch.id,
  downloaded: bgFetch.downloaded,
  result: bgFetch.result,
  failureReason: bgFetch.failureReason,
};

const deeds = {
  async get({ backgroundFetch }, id) {
    bgFetch = await backgroundFetch.get(id);
    return facts();
  },
  async fetch({ backgroundFetch }, id, url) {
    bgFetch = await backgroundFetch.fetch(id, url);
    return facts();
  },
  getIds: ({ backgroundFetch }) => backgroundFetch.getIds(),
  abort: () => bgFetch.abort(),
  settled: () => new Promise((resolve) => {
    const look = () => bgFetch.result !== "" && resolve(facts());
    bgFetch.addEventListener("progress", look);
    look();
  }),
  async text() {
    const [record] = await bgFetch.matchAll();
    return (await record.responseReady).text();
  },
};

container.addEventListener("message", async ({ data: { ask, number, args }, source }) => {
  if (ask === undefined) return;
  const registration = await container.getRegistration(scope);
  let answer;
  try {
    answer = await deeds[ask](registration, ...args);
  } catch (error) {
    answer = error.name;
  }
  source.postMessage({ relay: { answer, number } });
});
container.startMessages();
