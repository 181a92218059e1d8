// https://w3c.github.io/webcrypto/: deno_crypto's, with a bound where the
// engine calls the wrong functions after too many keys.

(function () {
const { core, internals, primordials } = __bootstrap;
const { op_bgfetch_service_worker_realm, op_crypto_take_keys } = core.ops;
const {
  ArrayPrototype,
  Object,
  ObjectDefineProperty,
  ObjectFreeze,
  ObjectGetOwnPropertyDescriptor,
  ObjectKeys,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
  ReflectDeleteProperty,
  SafeArrayIterator,
  SafeWeakMap,
  Symbol,
  WeakMapPrototypeGet,
  WeakMapPrototypeHas,
  WeakMapPrototypeSet,
} = primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
// Where there is none, deno_crypto does not prepare its keys for being cloned.
internals.kKeyObject ??= Symbol("key object");
const { Crypto, crypto, CryptoKey, SubtleCrypto } = core.loadExtScript(
  "ext:deno_crypto/00_crypto.js",
);
// It is made when it is first asked for, and brands keys from then on.
crypto.subtle;

// What is for Node's modules reads and makes keys that it must not; the rest
// makes what there is one of.
const { fromCloneData } = CryptoKey;
for (
  const { 0: owner, 1: name } of new SafeArrayIterator([
    [Crypto, "create"],
    [Crypto, "registerSymbols"],
    [CryptoKey, "exportNodeMaterial"],
    [CryptoKey, "fromCloneData"],
    [CryptoKey, "importSync"],
    [SubtleCrypto, "create"],
  ])
) {
  ReflectDeleteProperty(owner, name);
}

/** How many keys each of these makes at most. */
const makers = {
  __proto__: null,
  decapsulateKey: 1,
  deriveKey: 1,
  encapsulateKey: 1,
  generateKey: 2,
  getPublicKey: 1,
  importKey: 1,
  unwrapKey: 1,
};

// What deno_crypto sets on objects and arrays while it makes a key. It ends the
// process where that fails, as with a setter of a script's that throws, and with
// QuickJS where there is no `Object.freeze`.
const names = [
  "algorithm",
  "cppgc",
  "data",
  "extractable",
  "hash",
  "keyData",
  "keyType",
  "length",
  "modulusLength",
  "name",
  "namedCurve",
  "privateKey",
  "publicExponent",
  "publicKey",
  "seed",
  "type",
  "usages",
];
/** One for each usage that there is. */
const USAGES = 12;

function canMakeKeys() {
  if (globalThis.Object !== Object || Object.freeze !== ObjectFreeze) {
    return false;
  }
  for (let i = 0; i < names.length; i++) {
    if (names[i] in ObjectPrototype) return false;
  }
  for (let i = 0; i < USAGES; i++) {
    if (i in ArrayPrototype) return false;
  }
  return true;
}

/** Before a script makes, or is sent, so many keys. */
function takeKeys(count) {
  if (!canMakeKeys()) {
    throw new DOMException(
      "No key can be made: Object, Object.prototype or Array.prototype was changed",
      "OperationError",
    );
  }
  if (!op_crypto_take_keys(count)) {
    throw new DOMException(
      "This realm has made as many keys as it can",
      "OperationError",
    );
  }
}

/** What clones are made of, by key. */
const serialized = new SafeWeakMap();

/** Takes from a new key what a script could read its bytes from. */
function conceal(key) {
  WeakMapPrototypeSet(serialized, key, key[core.hostObjectBrand]());
  ReflectDeleteProperty(key, core.hostObjectBrand);
  ReflectDeleteProperty(key, internals.kKeyObject);
  return key;
}

const CryptoKeyPrototype = CryptoKey.prototype;
const isNewKey = (value) =>
  ObjectPrototypeIsPrototypeOf(CryptoKeyPrototype, value);

/** The keys of a result: itself, or those of a pair. */
function concealAll(result) {
  if (isNewKey(result)) return conceal(result);
  const members = ObjectKeys(result);
  for (let i = 0; i < members.length; i++) {
    const value = result[members[i]];
    if (isNewKey(value)) conceal(value);
  }
  return result;
}

// https://w3c.github.io/webcrypto/#cryptokey-interface-clone
const isKey = (value) => WeakMapPrototypeHas(serialized, value);
const serializeKey = (key) => WeakMapPrototypeGet(serialized, key);
function deserializeKey(data) {
  takeKeys(1);
  return conceal(ReflectApply(fromCloneData, CryptoKey, [data]));
}

function bound(name, count) {
  const { prototype } = SubtleCrypto;
  const descriptor = ObjectGetOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined) return;
  const make = descriptor.value;
  const methods = {
    async [name](...args) {
      takeKeys(count);
      return concealAll(await ReflectApply(make, this, args));
    },
  };
  ObjectDefineProperty(methods[name], "length", {
    __proto__: null,
    value: make.length,
    configurable: true,
  });
  ObjectDefineProperty(prototype, name, {
    __proto__: null,
    ...descriptor,
    value: methods[name],
  });
}

for (const name in makers) bound(name, makers[name]);

// https://webidl.spec.whatwg.org/#SecureContext
if (!op_bgfetch_service_worker_realm().isSecureContext) {
  ReflectDeleteProperty(Crypto.prototype, "randomUUID");
  ReflectDeleteProperty(Crypto.prototype, "subtle");
}

return {
  Crypto,
  crypto,
  CryptoKey,
  deserializeKey,
  isKey,
  serializeKey,
  SubtleCrypto,
};
})();
