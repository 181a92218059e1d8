// https://webidl.spec.whatwg.org/#js-operations and #js-attributes: what is
// called on another object is refused, by a rejection where there is a promise.
for (const fact of facts.interfaces) {
  const { name, exposed, constructor, members } = fact;
  if (!exposed.includes(realmKind)) continue;
  const interface_ = globalThis[name];
  const { prototype } = interface_;

  assertThrows(() => interface_(), "TypeError", `${name} without new`);
  if (constructor === null) {
    assertThrows(() => new interface_(), "TypeError", `new ${name}`);
    assertThrows(
      () => Reflect.construct(Object, [], interface_) && new interface_({}, {}),
      "TypeError",
      `new ${name} with arguments`,
    );
    class Derived extends interface_ {}
    assertThrows(() => new Derived(), "TypeError", `a class of ${name}`);
  }
  for (let given = 0; given < (constructor ?? 0); given++) {
    const some = Array(given).fill("x");
    assertThrows(
      () => new interface_(...some), "TypeError", `new ${name} with ${given}`);
  }

  // A global object's members may be called without one.
  const others = fact.global
    ? [{}, prototype, Object.create(prototype), 1]
    : [{}, prototype, Object.create(prototype), globalThis, null, undefined, 1];
  for (const member of members) {
    const what = `${name}.${member.name}`;
    const d = descriptor(holderOf(fact), member.name);
    for (const other of others) {
      const call = () => (d.value ?? d.get).call(other, "x", "x", "x");
      if (isPromised(member)) {
        await assertRejects(call, "TypeError", what);
      } else {
        assertThrows(call, "TypeError", what);
      }
      if (d.set) {
        assertThrows(() => d.set.call(other, null), "TypeError", `set ${what}`);
      }
    }
  }
}

// Too few arguments, on an object of the right kind.
const ready = globalThis.registration ?? await navigator.serviceWorker.ready;
const manager = ready.backgroundFetch;
const registration_ = await manager.fetch("id", "/x");
const objects = [manager, registration_, navigator.serviceWorker];
if (ready.active !== null) objects.push(ready.active);
if (realmKind === "ServiceWorker") {
  const options = { includeUncontrolled: true, type: "all" };
  objects.push(clients, ...await clients.matchAll(options));
  objects.push(new ExtendableEvent("x"));
}
for (const object of objects) {
  const { members } = facts.interfaces
    .find(({ name }) => name === object.constructor.name);
  for (const { name, kind, required, promise } of members) {
    if (kind !== "operation") continue;
    for (let given = 0; given < required; given++) {
      const some = Array(given).fill("x");
      const what = `${name} with ${given}`;
      const call = () => object[name](...some);
      if (promise) await assertRejects(call, "TypeError", what);
      else assertThrows(call, "TypeError", what);
    }
  }
}

// Values that are none of an enumeration or of a union.
const enumerations = [
  [(type) => navigator.serviceWorker.register("/sw.js", { type }), "WorkerType"],
  [
    (updateViaCache) =>
      navigator.serviceWorker.register("/sw.js", { updateViaCache }),
    "ServiceWorkerUpdateViaCache",
  ],
];
if (realmKind === "ServiceWorker") {
  enumerations.push([(type) => clients.matchAll({ type }), "ClientType"]);
}
for (const [use, name] of enumerations) {
  for (const value of facts.enums[name]) {
    // Workers cannot be started here.
    await use(value).catch((error) =>
      assertEquals(error.name, "NotSupportedError", `${name} ${value}`));
  }
  for (const none of ["", "Classic", null, 1]) {
    await assertRejects(() => use(none), "TypeError", `${name} ${none}`);
  }
}
if (realmKind === "ServiceWorker") {
  const [client] =
    await clients.matchAll({ includeUncontrolled: true, type: "all" });
  const { port1 } = new MessageChannel();
  const make = (init) => new ExtendableMessageEvent("x", init);
  for (const source of [null, undefined, client, serviceWorker, port1]) {
    assert(make({ source }).source === (source ?? null), "source");
  }
  for (const source of [{}, 1, "x", Client.prototype, Object.create(client)]) {
    assertThrows(() => make({ source }), "TypeError", "no source");
  }
  assert(make({ ports: [port1] }).ports[0] === port1, "ports");
  for (const ports of [{}, [{}], [client], null]) {
    assertThrows(() => make({ ports }), "TypeError", "no ports");
  }
  port1.close();
  // No window is shown here that could be moved.
  const windowClient =
    (await clients.matchAll({ includeUncontrolled: true }))[0];
  await assertRejects(() => windowClient.focus(), "InvalidAccessError", "focus");
  for (const url of ["/x", "about:blank", "https://["]) {
    await assertRejects(() => windowClient.navigate(url), "TypeError", url);
  }
  await assertRejects(() => clients.openWindow("/x"), "InvalidAccessError", "open");
  for (const url of ["about:blank", "https://["]) {
    await assertRejects(() => clients.openWindow(url), "TypeError", url);
  }
}
