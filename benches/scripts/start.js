// The first time, registers as many background fetches as the query of the
// page's URL says; later, says how many there are.
const { backgroundFetch } = registration;
const ids = await backgroundFetch.getIds();
if (ids.length > 0) {
  console.log(`${ids.length} ids`);
} else {
  const number = Number(location.search.slice(1));
  for (let first = 0; first < number; first += 100) {
    const hundred = Array.from({ length: 100 }, (_, n) => first + n);
    await Promise.all(hundred.map((n) => backgroundFetch.fetch(`${n}`, `/${n}`)));
  }
  console.log("registered");
}
