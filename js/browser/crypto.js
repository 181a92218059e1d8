// https://w3c.github.io/webcrypto/: deno_crypto's, with a bound where the
// engine ends the process over too many keys.

(function () {
const { core, primordials } = __bootstrap;
const { op_crypto_max_keys } = core.ops;
const { ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ReflectApply } =
  primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const webCrypto = core.loadExtScript("ext:deno_crypto/00_crypto.js");

/** How many keys a realm may make; 0 where that does not matter. */
const maxKeys = op_crypto_max_keys();
let keys = 0;

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

function bound(name, count) {
  const { prototype } = webCrypto.SubtleCrypto;
  const descriptor = ObjectGetOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined) return;
  const make = descriptor.value;
  const methods = {
    async [name](...args) {
      if (keys + count > maxKeys) {
        throw new DOMException(
          `A realm can make ${maxKeys} keys here, and this one has`,
          "OperationError",
        );
      }
      keys += count;
      return await ReflectApply(make, this, args);
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

if (maxKeys > 0) for (const name in makers) bound(name, makers[name]);

return webCrypto;
})();
