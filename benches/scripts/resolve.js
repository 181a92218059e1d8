// How long fetch() takes until it resolves: one at a time, then 64 at once.
const { backgroundFetch } = registration;
let next = 0;
const fetchOne = () => backgroundFetch.fetch(`${next++}`, `/${next}`);

const times = [];
for (let n = 0; n < 200; n++) {
  const begin = performance.now();
  await fetchOne();
  times.push(performance.now() - begin);
}
const rounds = [];
for (let round = 0; round < 25; round++) {
  const begin = performance.now();
  await Promise.all(Array.from({ length: 64 }, fetchOne));
  rounds.push(performance.now() - begin);
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
console.log(JSON.stringify({ one_ms: median(times), sixty_four_ms: median(rounds) }));
