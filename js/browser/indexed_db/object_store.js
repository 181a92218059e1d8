// https://w3c.github.io/IndexedDB/#object-store-interface

(function () {
const { core, primordials } = __bootstrap;
const { op_indexed_db_change_schema } = core.ops;
const {
  ArrayIsArray,
  JSONStringify,
  MapPrototypeGet,
  MapPrototypeSet,
  SafeMap,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { openCursor } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/cursor.js",
);
const { newIndexObject } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/index.js",
);
const { convertToKeyPath, isValid } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_path.js",
);
const { everything, toBoundsOfKeys } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_range.js",
);
const { toKey } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/keys.js",
);
const { clone, dataError, fillIndex, inlineKey, placeDelete, placePut } = core
  .loadExtScript("ext:background_fetch_browser/indexed_db/puts.js");
const {
  convertDirection,
  convertGetAll,
  convertOptions,
  inStore,
  placeCount,
  placeGet,
  placeGetAll,
} = core.loadExtScript("ext:background_fetch_browser/indexed_db/queries.js");
const { copy, find, names, newIndex, withItem, without } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/schema.js",
);
const {
  checkActive,
  invalidState,
  isFinished,
  isUpgrade,
  placeAgain,
  setNewObjectStore,
} = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/transaction.js",
);

const privateKey = { __proto__: null };

// https://w3c.github.io/IndexedDB/#dictdef-idbindexparameters
const convertIndexParameters = webidl.createDictionaryConverter(
  "IDBIndexParameters",
  [
    {
      key: "multiEntry",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
    { key: "unique", converter: webidl.converters.boolean, defaultValue: false },
  ],
);

/** A key path as scripts see it, made once for each object. */
const keyPathValue = (keyPath) =>
  ArrayIsArray(keyPath) ? copy(keyPath) : keyPath;

/** Checks what every request begins with. */
function check({ store, transaction }, prefix) {
  if (store.isDeleted) {
    throw invalidState(`${prefix}: the object store was deleted`);
  }
  checkActive(transaction, prefix);
}

function checkWritable(state, prefix) {
  check(state, prefix);
  if (state.transaction.mode === "readonly") {
    throw new DOMException(
      `${prefix}: the transaction is read-only`,
      "ReadOnlyError",
    );
  }
}

class IDBObjectStore {
  /** The store, the transaction, and what else the object has. */
  #state;

  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#state = state;
  }

  get name() {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    return this.#state.store.name;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-name
  set name(value) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to set the 'name' property on 'IDBObjectStore'";
    const name = webidl.converters.DOMString(value, prefix, "Value");
    const { store, transaction } = this.#state;
    if (store.isDeleted) {
      throw invalidState(`${prefix}: the object store was deleted`);
    }
    checkUpgrade(transaction, prefix);
    checkActive(transaction, prefix);
    if (store.name === name) return;
    if (find(transaction.connection.stores, name) !== undefined) {
      throw new DOMException(
        `${prefix}: there is an object store "${name}" already`,
        "ConstraintError",
      );
    }
    store.name = name;
    changeSchema(transaction, {
      __proto__: null,
      type: "renameStore",
      id: store.id,
      name: encodeId(name),
    });
  }

  get keyPath() {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    return this.#state.keyPath;
  }

  get indexNames() {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    return names(this.#state.store.indexes);
  }

  get transaction() {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    return this.#state.transaction.object;
  }

  get autoIncrement() {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    return this.#state.store.autoIncrement;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-put
  put(value, key = undefined) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'put' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    return this.#put(value, key, false, prefix);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-add
  add(value, key = undefined) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'add' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    return this.#put(value, key, true, prefix);
  }

  // https://w3c.github.io/IndexedDB/#add-or-put
  #put(value, key, noOverwrite, prefix) {
    // Steps 1 to 5: If store has been deleted, transaction's state is not
    // active, or it is a read-only transaction, throw.
    const { store, transaction } = this.#state;
    checkWritable(this.#state, prefix);
    const isInline = store.keyPath !== null;
    // Step 6: If store uses in-line keys and key was given.
    if (isInline && key !== undefined) {
      throw dataError(`${prefix}: the object store takes keys from values`);
    }
    // Step 7: If store uses out-of-line keys, has no key generator, and key was
    // not given.
    if (!isInline && !store.autoIncrement && key === undefined) {
      throw dataError(`${prefix}: the object store wants a key`);
    }
    // Step 8: If key was given, convert it.
    let converted = key === undefined ? undefined : toKey(key, prefix);
    // Steps 9 and 10: Let clone be a clone of value.
    const cloned = clone(transaction, value, prefix);
    // Step 11: If store uses in-line keys.
    if (isInline) converted = inlineKey(store, cloned, prefix);
    // Step 12: Let operation be an algorithm to run store a record.
    return placePut(transaction, this, store, cloned, converted, noOverwrite);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-delete
  delete(query) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'delete' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const { store, transaction } = this.#state;
    checkWritable(this.#state, prefix);
    const bounds = toBoundsOfKeys(query, prefix);
    return placeDelete(transaction, this, store, bounds);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-clear
  clear() {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'clear' on 'IDBObjectStore'";
    const { store, transaction } = this.#state;
    checkWritable(this.#state, prefix);
    return placeDelete(transaction, this, store, everything);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-get
  get(query) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'get' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const { store, transaction } = this.#state;
    check(this.#state, prefix);
    return placeGet(transaction, this, inStore(store), query, prefix, false);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getkey
  getKey(query) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'getKey' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const { store, transaction } = this.#state;
    check(this.#state, prefix);
    return placeGet(transaction, this, inStore(store), query, prefix, true);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getall
  getAll(queryOrOptions = undefined, count = undefined) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'getAll' on 'IDBObjectStore'";
    return this.#getAll(
      convertGetAll(queryOrOptions, count, prefix),
      prefix,
      "value",
    );
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getallkeys
  getAllKeys(queryOrOptions = undefined, count = undefined) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'getAllKeys' on 'IDBObjectStore'";
    return this.#getAll(
      convertGetAll(queryOrOptions, count, prefix),
      prefix,
      "key",
    );
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getallrecords
  getAllRecords(options = { __proto__: null }) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'getAllRecords' on 'IDBObjectStore'";
    return this.#getAll(
      convertOptions(options, prefix, "Argument 1"),
      prefix,
      "record",
    );
  }

  #getAll(options, prefix, kind) {
    const { store, transaction } = this.#state;
    check(this.#state, prefix);
    return placeGetAll(transaction, this, inStore(store), options, prefix, kind);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-count
  count(query = undefined) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'count' on 'IDBObjectStore'";
    const { store, transaction } = this.#state;
    check(this.#state, prefix);
    return placeCount(transaction, this, inStore(store), query, prefix);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-opencursor
  openCursor(query = undefined, direction = "next") {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'openCursor' on 'IDBObjectStore'";
    direction = convertDirection(direction, prefix, "Argument 2");
    return this.#openCursor(query, direction, prefix, false);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-openkeycursor
  openKeyCursor(query = undefined, direction = "next") {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'openKeyCursor' on 'IDBObjectStore'";
    direction = convertDirection(direction, prefix, "Argument 2");
    return this.#openCursor(query, direction, prefix, true);
  }

  #openCursor(query, direction, prefix, isKeyOnly) {
    const { store, transaction } = this.#state;
    check(this.#state, prefix);
    const source = { __proto__: null, object: this, store, index: null };
    return openCursor(
      transaction,
      source,
      query,
      direction,
      isKeyOnly,
      prefix,
    );
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-index
  index(name) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'index' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    const { store, transaction } = this.#state;
    if (store.isDeleted) {
      throw invalidState(`${prefix}: the object store was deleted`);
    }
    if (isFinished(transaction)) {
      throw invalidState(`${prefix}: the transaction is over`);
    }
    const index = find(store.indexes, name);
    if (index === undefined) throw noIndex(name, prefix);
    return this.#handleOf(index);
  }

  #handleOf(index) {
    const { handles, transaction } = this.#state;
    let handle = MapPrototypeGet(handles, index);
    if (handle === undefined) {
      handle = newIndexObject(this, transaction, index);
      MapPrototypeSet(handles, index, handle);
    }
    return handle;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-createindex
  createIndex(name, keyPath, options = { __proto__: null }) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'createIndex' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    keyPath = convertToKeyPath(keyPath, prefix, "Argument 2");
    const { multiEntry, unique } = convertIndexParameters(
      options,
      prefix,
      "Argument 3",
    );
    // Steps 3 to 9: If transaction is not an upgrade transaction, and what else
    // is to be thrown.
    const { store, transaction } = this.#state;
    checkUpgrade(transaction, prefix);
    check(this.#state, prefix);
    if (find(store.indexes, name) !== undefined) {
      throw new DOMException(
        `${prefix}: there is an index "${name}" already`,
        "ConstraintError",
      );
    }
    if (!isValid(keyPath)) {
      throw new DOMException(`${prefix}: the key path is invalid`, "SyntaxError");
    }
    if (ArrayIsArray(keyPath) && multiEntry) {
      throw new DOMException(
        `${prefix}: a list of key paths cannot be multiEntry`,
        "InvalidAccessError",
      );
    }
    // Step 10: Let index be a new index in store.
    const { connection } = transaction;
    const id = connection.nextId++;
    const index = newIndex(store, id, name, keyPath, multiEntry, unique);
    store.indexes = withItem(store.indexes, index);
    append(connection.made, index);
    const change = {
      __proto__: null,
      type: "createIndex",
      id,
      store: store.id,
      name: encodeId(name),
      keyPath: JSONStringify(keyPath),
      multiEntry,
      unique,
    };
    placeAgain(transaction, null, async () => {
      op_indexed_db_change_schema(transaction.rid, change);
      fillIndex(transaction.rid, index);
    });
    return this.#handleOf(index);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbobjectstore-deleteindex
  deleteIndex(name) {
    webidl.assertBranded(this, IDBObjectStorePrototype);
    const prefix = "Failed to execute 'deleteIndex' on 'IDBObjectStore'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    const { store, transaction } = this.#state;
    checkUpgrade(transaction, prefix);
    check(this.#state, prefix);
    const index = find(store.indexes, name);
    if (index === undefined) throw noIndex(name, prefix);
    store.indexes = without(store.indexes, index);
    index.isDeleted = true;
    changeSchema(transaction, {
      __proto__: null,
      type: "deleteIndex",
      id: index.id,
    });
  }
}

webidl.configureInterface(IDBObjectStore);
const IDBObjectStorePrototype = IDBObjectStore.prototype;

function checkUpgrade(transaction, prefix) {
  if (!isUpgrade(transaction)) {
    throw invalidState(`${prefix}: the database is not being upgraded`);
  }
}

function noIndex(name, prefix) {
  return new DOMException(`${prefix}: there is no index "${name}"`, "NotFoundError");
}

/** In its turn: what was placed before finds what is there now. */
function changeSchema(transaction, change) {
  placeAgain(transaction, null, async () => {
    op_indexed_db_change_schema(transaction.rid, change);
  });
}

setNewObjectStore((transaction, store) =>
  new IDBObjectStore(privateKey, {
    __proto__: null,
    transaction,
    store,
    keyPath: keyPathValue(store.keyPath),
    handles: new SafeMap(),
  })
);

return { changeSchema, IDBObjectStore };
})();
