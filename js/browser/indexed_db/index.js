// https://w3c.github.io/IndexedDB/#index-interface

(function () {
const { core, primordials } = __bootstrap;
const { op_indexed_db_change_schema } = core.ops;
const { ArrayIsArray } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { openCursor } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/cursor.js",
);
const {
  convertDirection,
  convertGetAll,
  convertOptions,
  inIndex,
  placeCount,
  placeGet,
  placeGetAll,
} = core.loadExtScript("ext:background_fetch_browser/indexed_db/queries.js");
const { copy, find } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/schema.js",
);
const { checkActive, invalidState, isUpgrade, placeAgain } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/transaction.js",
);

const privateKey = { __proto__: null };

/** Checks what every request begins with. */
function check({ index, transaction }, prefix) {
  checkExists(index, prefix);
  checkActive(transaction, prefix);
}

function checkExists(index, prefix) {
  if (index.isDeleted || index.store.isDeleted) {
    throw invalidState(`${prefix}: the index or its object store was deleted`);
  }
}

class IDBIndex {
  /** The index, its transaction, and the IDBObjectStore. */
  #state;

  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#state = state;
  }

  get name() {
    webidl.assertBranded(this, IDBIndexPrototype);
    return this.#state.index.name;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-name
  set name(value) {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to set the 'name' property on 'IDBIndex'";
    const name = webidl.converters.DOMString(value, prefix, "Value");
    const { index, transaction } = this.#state;
    if (!isUpgrade(transaction)) {
      throw invalidState(`${prefix}: the database is not being upgraded`);
    }
    checkActive(transaction, prefix);
    checkExists(index, prefix);
    if (index.name === name) return;
    if (find(index.store.indexes, name) !== undefined) {
      throw new DOMException(
        `${prefix}: there is an index "${name}" already`,
        "ConstraintError",
      );
    }
    index.name = name;
    const change = {
      __proto__: null,
      type: "renameIndex",
      id: index.id,
      name: encodeId(name),
    };
    placeAgain(transaction, null, async () => {
      op_indexed_db_change_schema(transaction.rid, change);
    });
  }

  get objectStore() {
    webidl.assertBranded(this, IDBIndexPrototype);
    return this.#state.objectStore;
  }

  get keyPath() {
    webidl.assertBranded(this, IDBIndexPrototype);
    return this.#state.keyPath;
  }

  get multiEntry() {
    webidl.assertBranded(this, IDBIndexPrototype);
    return this.#state.index.multiEntry;
  }

  get unique() {
    webidl.assertBranded(this, IDBIndexPrototype);
    return this.#state.index.unique;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-get
  get(query) {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'get' on 'IDBIndex'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const { index, transaction } = this.#state;
    check(this.#state, prefix);
    return placeGet(transaction, this, inIndex(index), query, prefix, false);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-getkey
  getKey(query) {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'getKey' on 'IDBIndex'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const { index, transaction } = this.#state;
    check(this.#state, prefix);
    return placeGet(transaction, this, inIndex(index), query, prefix, true);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-getall
  getAll(queryOrOptions = undefined, count = undefined) {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'getAll' on 'IDBIndex'";
    return this.#getAll(
      convertGetAll(queryOrOptions, count, prefix),
      prefix,
      "value",
    );
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-getallkeys
  getAllKeys(queryOrOptions = undefined, count = undefined) {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'getAllKeys' on 'IDBIndex'";
    return this.#getAll(
      convertGetAll(queryOrOptions, count, prefix),
      prefix,
      "key",
    );
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-getallrecords
  getAllRecords(options = { __proto__: null }) {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'getAllRecords' on 'IDBIndex'";
    return this.#getAll(
      convertOptions(options, prefix, "Argument 1"),
      prefix,
      "record",
    );
  }

  #getAll(options, prefix, kind) {
    const { index, transaction } = this.#state;
    check(this.#state, prefix);
    return placeGetAll(transaction, this, inIndex(index), options, prefix, kind);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-count
  count(query = undefined) {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'count' on 'IDBIndex'";
    const { index, transaction } = this.#state;
    check(this.#state, prefix);
    return placeCount(transaction, this, inIndex(index), query, prefix);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-opencursor
  openCursor(query = undefined, direction = "next") {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'openCursor' on 'IDBIndex'";
    direction = convertDirection(direction, prefix, "Argument 2");
    return this.#openCursor(query, direction, prefix, false);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbindex-openkeycursor
  openKeyCursor(query = undefined, direction = "next") {
    webidl.assertBranded(this, IDBIndexPrototype);
    const prefix = "Failed to execute 'openKeyCursor' on 'IDBIndex'";
    direction = convertDirection(direction, prefix, "Argument 2");
    return this.#openCursor(query, direction, prefix, true);
  }

  #openCursor(query, direction, prefix, isKeyOnly) {
    const { index, transaction } = this.#state;
    check(this.#state, prefix);
    const { store } = index;
    const source = { __proto__: null, object: this, store, index };
    return openCursor(
      transaction,
      source,
      query,
      direction,
      isKeyOnly,
      prefix,
    );
  }
}

webidl.configureInterface(IDBIndex);
const IDBIndexPrototype = IDBIndex.prototype;

/** The object of an index that `objectStore` has. */
function newIndexObject(objectStore, transaction, index) {
  const { keyPath } = index;
  return new IDBIndex(privateKey, {
    __proto__: null,
    index,
    transaction,
    objectStore,
    // An array is the same one each time.
    keyPath: ArrayIsArray(keyPath) ? copy(keyPath) : keyPath,
  });
}

return { IDBIndex, newIndexObject };
})();
