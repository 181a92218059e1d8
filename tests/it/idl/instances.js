// Attributes have values of their types, and read-only ones keep them.
"use strict";
const ready = globalThis.registration ?? await navigator.serviceWorker.ready;
const bgFetch = await ready.backgroundFetch.fetch("id", "/x", {
  downloadTotal: 7,
});
const [record] = await bgFetch.matchAll();
const instances = [ready, ready.backgroundFetch, bgFetch, record];
if (ready.active !== null) instances.push(ready.active);
instances.push(navigator.serviceWorker, navigator);
if (realmKind === "ServiceWorker") {
  const init = { registration: bgFetch };
  instances.push(
    new ExtendableEvent("x"),
    new BackgroundFetchEvent("x", init),
    new BackgroundFetchUpdateUIEvent("x", init),
    new ExtendableMessageEvent("x"),
    globalThis,
    clients,
  );
  const options = { includeUncontrolled: true, type: "all" };
  const all = await clients.matchAll(options);
  assert(Object.isFrozen(all), "matchAll() is frozen");
  assertEquals(all.map(({ constructor }) => constructor.name),
    ["WindowClient", "Client"], "clients");
  instances.push(...all);
  const [client] = all;
  assert(await clients.get(client.id) !== client, "another one every time");
  assertEquals(await clients.get("none"), undefined, "no client");
}
instances.push(new QuotaExceededError("full", { quota: 1, requested: 2 }));

function isOf(type, value) {
  if (type.endsWith("?")) return value === null || isOf(type.slice(0, -1), value);
  if (type === "any") return true;
  if (type.startsWith("FrozenArray<")) {
    return Array.isArray(value) && Object.isFrozen(value);
  }
  if (type in facts.enums) return facts.enums[type].includes(value);
  switch (type) {
    case "DOMString":
    case "USVString":
      return typeof value === "string";
    case "unsigned long long":
      return Number.isSafeInteger(value) && value >= 0;
    case "double":
      return typeof value === "number";
    case "boolean":
      return typeof value === "boolean";
    case "EventHandler":
      return value === null;
    default:
      return value instanceof globalThis[type.replace(/<.*/, "")];
  }
}

for (const instance of instances) {
  const { name, members } = facts.interfaces
    .find(({ name }) => name === instance.constructor.name);
  assertEquals(String(Object.prototype.toString.call(instance)),
    `[object ${name}]`, name);
  const isGlobal = instance === globalThis;
  if (!isGlobal) {
    assertEquals(Object.keys(instance).filter((key) => key !== "isTrusted"), [],
      `own properties of a ${name}`);
  }
  for (const member of members) {
    if (member.kind !== "attribute") continue;
    const what = `${name}.${member.name}`;
    const value = instance[member.name];
    assert(isOf(member.type, value), `${what} is a ${member.type}: ${value}`);
    assert(instance[member.name] === value, `${what} stays the same`);
    if (member.readonly) {
      assertThrows(() => instance[member.name] = 1, "TypeError", `set ${what}`);
      continue;
    }
    const handler = () => {};
    instance[member.name] = handler;
    assert(instance[member.name] === handler, `set ${what}`);
    for (const none of [null, undefined, 3, "x"]) {
      instance[member.name] = none;
      assertEquals(instance[member.name], null, `set ${what} to ${none}`);
    }
  }
}

const { serviceWorker: container } = navigator;
assert(Object.isFrozen(await container.getRegistrations()), "getRegistrations()");

// https://webidl.spec.whatwg.org/#quotaexceedederror
const error = new QuotaExceededError("full", { quota: 1, requested: 2 });
assert(error instanceof DOMException && error instanceof Error, "its parents");
assertEquals(
  [error.name, error.message, error.code, error.quota, error.requested],
  ["QuotaExceededError", "full", 22, 1, 2],
  "QuotaExceededError",
);
const empty = new QuotaExceededError();
assertEquals([empty.message, empty.quota, empty.requested], ["", null, null],
  "an empty QuotaExceededError");
// (That `requested` is the larger one is not checked: the class is deno_web's.)
for (const wrong of [{ quota: -1 }, { requested: -1 }]) {
  assertThrows(
    () => new QuotaExceededError("", wrong), "RangeError", JSON.stringify(wrong));
}

// The response that a script has asked for is waited for.
await bgFetch.abort();
await assertRejects(() => record.responseReady, "AbortError", "responseReady");
