// Downloads a language pack: in the background if that is allowed.

async function isAllowed() {
  if (!("BackgroundFetchManager" in self)) return false;
  const status = await navigator.permissions.query({ name: "background-fetch" });
  return status.state !== "denied";
}

const language = navigator.languages.includes("tlh") ? "tlh" : "de";
if (await isAllowed()) {
  await navigator.serviceWorker.register("sw.js");
  const registration = await navigator.serviceWorker.ready;
  await registration.backgroundFetch.fetch("language", `${language}.json`);
} else {
  const response = await fetch(`${language}.json`);
  const cache = await caches.open("language");
  await cache.put(response.url, response);
}

// Meanwhile the words that are needed first, but not for long.
try {
  const response = await fetch("slow.json", { signal: AbortSignal.timeout(50) });
  console.log(await response.json());
} catch (error) {
  console.log(`without the first words: ${error.name}`);
}
