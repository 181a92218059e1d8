// https://w3c.github.io/webcrypto/: deno_crypto's, with a bound where the
// engine calls the wrong functions after too many keys.

(function () {
const { core, primordials } = __bootstrap;
const { op_crypto_take_keys } = core.ops;
const { ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, ReflectApply } =
  primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const webCrypto = core.loadExtScript("ext:deno_crypto/00_crypto.js");

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
      if (!op_crypto_take_keys(count)) {
        throw new DOMException(
          "This realm has made as many keys as it can",
          "OperationError",
        );
      }
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

for (const name in makers) bound(name, makers[name]);

return webCrypto;
})();
