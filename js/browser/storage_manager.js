// https://storage.spec.whatwg.org/#storagemanager

(function () {
const { core, primordials } = __bootstrap;
const { op_navigator_permission, op_storage_estimate } = core.ops;
const { NumberIsNaN, NumberMAX_SAFE_INTEGER } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const privateKey = { __proto__: null };

class StorageManager {
  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
  }

  // https://storage.spec.whatwg.org/#dom-storagemanager-persisted
  async persisted() {
    webidl.assertBranded(this, StorageManagerPrototype);
    return op_navigator_permission("persistent-storage") === "granted";
  }

  // https://storage.spec.whatwg.org/#dom-storagemanager-persist
  async persist() {
    webidl.assertBranded(this, StorageManagerPrototype);
    return op_navigator_permission("persistent-storage") === "granted";
  }

  // https://storage.spec.whatwg.org/#dom-storagemanager-estimate
  async estimate() {
    webidl.assertBranded(this, StorageManagerPrototype);
    const { usage, quota } = await op_storage_estimate();
    return {
      quota: NumberIsNaN(quota) ? NumberMAX_SAFE_INTEGER : quota,
      usage,
    };
  }
}

webidl.configureInterface(StorageManager);
const StorageManagerPrototype = StorageManager.prototype;

/** The only instance in this realm. */
const storage = new StorageManager(privateKey);

return { storage, StorageManager };
})();
