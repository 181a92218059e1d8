// https://webidl.spec.whatwg.org/#js-interfaces
for (const interface_ of facts.interfaces) checkInterface(interface_);

function checkInterface(fact) {
  const { name, inherits, exposed, constructor, members } = fact;
  // Some are loaded when they are first asked for, and are what they have to be
  // from then on.
  void globalThis[name];
  const property = descriptor(globalThis, name);
  if (!exposed.includes(realmKind)) {
    assert(!(name in globalThis), `${name} is not exposed`);
    return;
  }
  assert(property, `${name} is exposed`);
  assertEquals(
    [property.enumerable, property.configurable, property.writable],
    [false, true, true],
    name,
  );
  const interface_ = property.value;
  assertEquals(typeof interface_, "function", name);
  assertEquals(interface_.name, name, `${name}.name`);
  assertEquals(interface_.length, constructor ?? 0, `${name}.length`);
  assertEquals(Object.keys(interface_), [], `static members of ${name}`);
  const parent = inherits === null ? Function.prototype : globalThis[inherits];
  assert(Object.getPrototypeOf(interface_) === parent, `${name} and its parent`);

  const { value: prototype, ...flags } = descriptor(interface_, "prototype");
  assertEquals(
    flags,
    { writable: false, enumerable: false, configurable: false },
    `${name}.prototype`,
  );
  const parentPrototype = inherits === null ? Object.prototype : parent.prototype;
  assert(
    Object.getPrototypeOf(prototype) === parentPrototype,
    `${name}.prototype inherits`,
  );
  const { value: back, ...backFlags } = descriptor(prototype, "constructor");
  assert(back === interface_, `${name}.prototype.constructor`);
  assertEquals(
    backFlags,
    { writable: true, enumerable: false, configurable: true },
    `${name}.prototype.constructor`,
  );
  assertEquals(
    descriptor(prototype, Symbol.toStringTag),
    { value: name, writable: false, enumerable: false, configurable: true },
    `${name} tag`,
  );
  if (!fact.partial) {
    assertEquals(
      Object.keys(prototype).sort(),
      fact.global ? [] : members.map((member) => member.name).sort(),
      `members of ${name}`,
    );
  }
  for (const left of fact.leftOut) {
    assert(!(left in holderOf(fact)), `${name}.${left} is left out`);
  }

  for (const member of members) {
    const what = `${name}.${member.name}`;
    const d = descriptor(holderOf(fact), member.name);
    assertEquals([d.enumerable, d.configurable], [true, true], what);
    if (member.kind === "operation") {
      assertEquals(
        [d.writable, typeof d.value, d.value.name, d.value.length],
        [true, "function", member.name, member.required],
        what,
      );
      assertThrows(() => new d.value(), "TypeError", `new ${what}`);
      continue;
    }
    assertEquals([d.get.name, d.get.length], [`get ${member.name}`, 0], what);
    assertEquals(
      [d.set?.name, d.set?.length],
      member.readonly ? [undefined, undefined] : [`set ${member.name}`, 1],
      what,
    );
  }
}

for (const name of facts.interfacesLeftOut) {
  assert(!(name in globalThis), `${name} is left out`);
}
if (realmKind !== "ServiceWorker") {
  const { members } = facts.interfaces
    .find(({ name }) => name === "ServiceWorkerGlobalScope");
  for (const { name } of members) {
    assert(!(name in globalThis), `${name} is a service worker's`);
  }
}
