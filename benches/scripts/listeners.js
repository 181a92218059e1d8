// 1,000 background fetches, each with a listener for its progress from the
// beginning; fails when the listeners have heard too little.
let heard = 0;
let settled = 0;
addEventListener("backgroundfetchsuccess", () => {
  if (++settled === 1000 && heard < 1000) throw new Error(`only ${heard} events`);
});
const fetchOne = async (_, n) => {
  const one = await registration.backgroundFetch.fetch(`${n}`, "/mebibyte.bin");
  one.addEventListener("progress", () => heard++);
};
await Promise.all(Array.from({ length: 1000 }, fetchOne));
