// How long get() takes, in microseconds: the median and the slowest of some
// batches. The clock is coarse, so the calls of a batch are timed together.
const BATCHES = 20;
const CALLS = 50;

(async () => {
  const registration = await navigator.serviceWorker.ready;
  const times = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    const begin = performance.now();
    for (let call = 0; call < CALLS; call++) {
      const found = await registration.backgroundFetch.get("gate");
      if (found?.id !== "gate") throw new Error("get() does not find it");
    }
    times.push((performance.now() - begin) * 1000 / CALLS);
  }
  times.sort((a, b) => a - b);
  const figures = [times[BATCHES / 2], times[BATCHES - 1]];
  console.log(figures.map((figure) => figure.toFixed(0)).join(" "));
})();
