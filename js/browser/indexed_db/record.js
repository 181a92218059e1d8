// https://w3c.github.io/IndexedDB/#record-interface

(function () {
const { core } = __bootstrap;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const privateKey = { __proto__: null };

class IDBRecord {
  #key;
  #primaryKey;
  #value;

  constructor(
    privately = undefined,
    key = undefined,
    primaryKey = undefined,
    value = undefined,
  ) {
    if (privately !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#key = key;
    this.#primaryKey = primaryKey;
    this.#value = value;
  }

  get key() {
    webidl.assertBranded(this, IDBRecordPrototype);
    return this.#key;
  }

  get primaryKey() {
    webidl.assertBranded(this, IDBRecordPrototype);
    return this.#primaryKey;
  }

  get value() {
    webidl.assertBranded(this, IDBRecordPrototype);
    return this.#value;
  }
}

webidl.configureInterface(IDBRecord);
const IDBRecordPrototype = IDBRecord.prototype;

function newRecord(key, primaryKey, value) {
  return new IDBRecord(privateKey, key, primaryKey, value);
}

return { IDBRecord, newRecord };
})();
