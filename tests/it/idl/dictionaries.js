// https://webidl.spec.whatwg.org/#js-dictionary: those of the parent first,
// and those of one dictionary by name.
const ready = globalThis.registration ?? await navigator.serviceWorker.ready;
const manager = ready.backgroundFetch;
const bgFetch = await manager.fetch("id", "/x");

const dictionary = (wanted) =>
  facts.dictionaries.find(({ name }) => name === wanted);

function order(name) {
  if (name === null) return [];
  const { inherits, members } = dictionary(name);
  return [...order(inherits), ...members.map((member) => member.name).sort()];
}

/** What is read of an object that has none of the members but `given`. */
function spy(given, log) {
  return new Proxy(given, {
    get(target, key) {
      log.push(key);
      return target[key];
    },
  });
}

// The id is taken already, and so the promise is rejected in the end.
const convert = {
  BackgroundFetchOptions: [
    (o) => manager.fetch("id", "/x", o).catch(() => {}), {}],
  ImageResource: [
    (o) => manager.fetch("id", "/x", { icons: [o] }).catch(() => {}),
    { src: "i" }],
  CacheQueryOptions: [(o) => bgFetch.matchAll("/x", o), {}],
  // Workers cannot be started here.
  RegistrationOptions: [
    (o) => navigator.serviceWorker.register("/sw.js", o).catch((error) => {
      if (error.name !== "NotSupportedError") throw error;
    }), {}],
};
if (realmKind === "ServiceWorker") {
  convert.ExtendableEventInit = [(o) => new ExtendableEvent("x", o), {}];
  convert.BackgroundFetchEventInit = [
    (o) => new BackgroundFetchEvent("x", o), { registration: bgFetch }];
  convert.ExtendableMessageEventInit = [
    (o) => new ExtendableMessageEvent("x", o), {}];
  convert.ClientQueryOptions = [(o) => clients.matchAll(o), {}];
}
for (const [name, [use, given]] of Object.entries(convert)) {
  const log = [];
  await use(spy(given, log));
  assertEquals(log, order(name), name);
  for (const none of name in { BackgroundFetchEventInit: 1, ImageResource: 1 }
    ? []
    : [undefined, null]) {
    await use(none);
  }
  // A required member that is not there, and what is no dictionary at all.
  const call = async (value) => {
    switch (name) {
      case "BackgroundFetchOptions":
        return await manager.fetch("other", "/x", value);
      case "ImageResource":
        return await manager.fetch("other", "/x", { icons: [value] });
      default:
        return await use(value);
    }
  };
  await assertRejects(() => call(1), "TypeError", `${name} of a number`);
  if (Object.keys(given).length > 0) {
    await assertRejects(() => call({}), "TypeError", `${name} of nothing`);
  }
}

// `DOMString` members keep what is no text; `USVString` ones replace it.
const title = { toString: () => "t" };
const made = await manager.fetch("converted", "/x", {
  title,
  downloadTotal: "12.9",
  icons: [{ src: "s", sizes: 1, type: null, label: {} }],
});
assertEquals(made.downloadTotal, 12, "unsigned long long of a string");
