// https://webidl.spec.whatwg.org/#js-operations and #js-attributes: what is
// called on another object is refused, by a rejection where there is a promise.
for (const { name, exposed, constructor, members } of facts.interfaces) {
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

  const others = [
    {}, prototype, Object.create(prototype), globalThis, null, undefined, 1,
  ];
  for (const member of members) {
    const what = `${name}.${member.name}`;
    const d = descriptor(prototype, member.name);
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
for (const object of [manager, registration_]) {
  const { members } = facts.interfaces
    .find(({ name }) => name === object.constructor.name);
  for (const { name, kind, required } of members) {
    if (kind !== "operation") continue;
    for (let given = 0; given < required; given++) {
      const some = Array(given).fill("x");
      await assertRejects(
        () => object[name](...some), "TypeError", `${name} with ${given}`);
    }
  }
}
