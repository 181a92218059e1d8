// https://w3c.github.io/IndexedDB/#database-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_indexed_db_close_soon,
  op_indexed_db_handled,
  op_indexed_db_transaction,
  op_indexed_db_version_change,
} = core.ops;
const { ArrayIsArray, JSONStringify, SymbolIterator, TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { append, mapList } = core.loadExtScript(
  "ext:background_fetch/common/lists.js",
);
const { internal, newTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { convertToKeyPath, isValid } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_path.js",
);
const { changeSchema } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/object_store.js",
);
const { contains, find, names, newStore, nextId, readStores, withItem, without } =
  core.loadExtScript("ext:background_fetch_browser/indexed_db/schema.js");
const { checkActive, handleOf, invalidState, live, newTransaction } =
  core.loadExtScript("ext:background_fetch_browser/indexed_db/transaction.js");
const { newVersionChangeEvent } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/version_change_event.js",
);

const abortHandler = eventHandler("abort");
const closeHandler = eventHandler("close");
const errorHandler = eventHandler("error");
const versionchangeHandler = eventHandler("versionchange");

const privateKey = { __proto__: null };

// https://w3c.github.io/IndexedDB/#enumdef-idbtransactionmode
const convertMode = webidl.createEnumConverter("IDBTransactionMode", [
  "readonly",
  "readwrite",
  "versionchange",
]);

// https://w3c.github.io/IndexedDB/#dictdef-idbtransactionoptions
const convertTransactionOptions = webidl.createDictionaryConverter(
  "IDBTransactionOptions",
  [
    {
      key: "durability",
      converter: webidl.createEnumConverter("IDBTransactionDurability", [
        "default",
        "strict",
        "relaxed",
      ]),
      defaultValue: "default",
    },
  ],
);

// https://w3c.github.io/IndexedDB/#dictdef-idbobjectstoreparameters
const convertStoreParameters = webidl.createDictionaryConverter(
  "IDBObjectStoreParameters",
  [
    {
      key: "autoIncrement",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
    {
      key: "keyPath",
      converter: (value, prefix, context) =>
        value === null || value === undefined
          ? null
          : convertToKeyPath(value, prefix, context),
      defaultValue: null,
    },
  ],
);

/** `(DOMString or sequence<DOMString>)`, as a list. */
function convertNames(value, prefix, context) {
  const isList = webidl.type(value) === "Object" &&
    value[SymbolIterator] !== undefined;
  return isList
    ? webidl.converters["sequence<DOMString>"](value, prefix, context)
    : [webidl.converters.DOMString(value, prefix, context)];
}

class IDBDatabase extends EventTarget {
  /** The connection. */
  #state;

  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#state = state;
  }

  get name() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    return this.#state.name;
  }

  get version() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    return this.#state.version;
  }

  get objectStoreNames() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    return names(this.#state.stores);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbdatabase-transaction
  transaction(storeNames, mode = "readonly", options = { __proto__: null }) {
    webidl.assertBranded(this, IDBDatabasePrototype);
    const prefix = "Failed to execute 'transaction' on 'IDBDatabase'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    storeNames = convertNames(storeNames, prefix, "Argument 1");
    mode = convertMode(mode, prefix, "Argument 2");
    const { durability } = convertTransactionOptions(
      options,
      prefix,
      "Argument 3",
    );
    const connection = this.#state;
    // Step 1: If a live upgrade transaction is associated with the connection.
    if (connection.upgrade !== null) {
      throw invalidState(`${prefix}: the database is being upgraded`);
    }
    // Step 2: If this's close pending flag is true.
    if (connection.isClosing) {
      throw invalidState(`${prefix}: the connection is closed`);
    }
    // Steps 3 and 4: Let scope be the set of unique strings in storeNames.
    const stores = [];
    for (let i = 0; i < storeNames.length; i++) {
      const store = find(connection.stores, storeNames[i]);
      if (store === undefined) {
        throw new DOMException(
          `${prefix}: there is no object store "${storeNames[i]}"`,
          "NotFoundError",
        );
      }
      if (!contains(stores, store)) append(stores, store);
    }
    // Step 5: If scope is empty.
    if (stores.length === 0) {
      throw new DOMException(
        `${prefix}: no object store is named`,
        "InvalidAccessError",
      );
    }
    // Step 6: If mode is not "readonly" or "readwrite".
    if (mode === "versionchange") {
      throw new TypeError(`${prefix}: "versionchange" is no mode to ask for`);
    }
    // Steps 7 to 9: Let transaction be a newly created transaction.
    const rid = op_indexed_db_transaction(
      connection.rid,
      mapList(stores, ({ id }) => id),
      mode === "readwrite",
    );
    const transaction = newTransaction(
      connection,
      rid,
      mode,
      durability,
      stores,
      undefined,
    );
    live(transaction);
    return transaction.object;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbdatabase-close
  close() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    closeConnection(this.#state);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbdatabase-createobjectstore
  createObjectStore(name, options = { __proto__: null }) {
    webidl.assertBranded(this, IDBDatabasePrototype);
    const prefix = "Failed to execute 'createObjectStore' on 'IDBDatabase'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    const { autoIncrement, keyPath } = convertStoreParameters(
      options,
      prefix,
      "Argument 2",
    );
    const connection = this.#state;
    const transaction = upgradeOf(connection, prefix);
    // Step 5: If keyPath is not null and is not a valid key path.
    if (keyPath !== null && !isValid(keyPath)) {
      throw new DOMException(`${prefix}: the key path is invalid`, "SyntaxError");
    }
    // Step 6: If an object store named name already exists.
    if (find(connection.stores, name) !== undefined) {
      throw new DOMException(
        `${prefix}: there is an object store "${name}" already`,
        "ConstraintError",
      );
    }
    // Step 8: If autoIncrement is true and keyPath is an empty string or any
    // sequence.
    if (autoIncrement && (keyPath === "" || ArrayIsArray(keyPath))) {
      throw new DOMException(
        `${prefix}: a generated key cannot be put at this key path`,
        "InvalidAccessError",
      );
    }
    // Step 9: Let store be a new object store.
    const id = connection.nextId++;
    const store = newStore(id, name, keyPath, autoIncrement);
    connection.stores = withItem(connection.stores, store);
    append(connection.made, store);
    changeSchema(transaction, {
      __proto__: null,
      type: "createStore",
      id,
      name: encodeId(name),
      keyPath: JSONStringify(keyPath),
      autoIncrement,
    });
    return handleOf(transaction, store);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbdatabase-deleteobjectstore
  deleteObjectStore(name) {
    webidl.assertBranded(this, IDBDatabasePrototype);
    const prefix = "Failed to execute 'deleteObjectStore' on 'IDBDatabase'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    const connection = this.#state;
    const transaction = upgradeOf(connection, prefix);
    const store = find(connection.stores, name);
    if (store === undefined) {
      throw new DOMException(
        `${prefix}: there is no object store "${name}"`,
        "NotFoundError",
      );
    }
    connection.stores = without(connection.stores, store);
    store.isDeleted = true;
    store.indexes = [];
    changeSchema(transaction, {
      __proto__: null,
      type: "deleteStore",
      id: store.id,
    });
  }

  get onabort() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    return abortHandler.get(this);
  }

  set onabort(value) {
    webidl.assertBranded(this, IDBDatabasePrototype);
    abortHandler.set(this, value);
  }

  get onclose() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    return closeHandler.get(this);
  }

  set onclose(value) {
    webidl.assertBranded(this, IDBDatabasePrototype);
    closeHandler.set(this, value);
  }

  get onerror() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    return errorHandler.get(this);
  }

  set onerror(value) {
    webidl.assertBranded(this, IDBDatabasePrototype);
    errorHandler.set(this, value);
  }

  get onversionchange() {
    webidl.assertBranded(this, IDBDatabasePrototype);
    return versionchangeHandler.get(this);
  }

  set onversionchange(value) {
    webidl.assertBranded(this, IDBDatabasePrototype);
    versionchangeHandler.set(this, value);
  }
}

webidl.configureInterface(IDBDatabase);
const IDBDatabasePrototype = IDBDatabase.prototype;

/** The upgrade that is under way, if its state allows a change. */
function upgradeOf({ upgrade }, prefix) {
  if (upgrade === null) {
    throw invalidState(`${prefix}: the database is not being upgraded`);
  }
  checkActive(upgrade, prefix);
  return upgrade;
}

/** A connection: https://w3c.github.io/IndexedDB/#connection */
function newConnection(name, { rid, version, stores }) {
  const connection = {
    __proto__: null,
    name,
    rid,
    version,
    stores: readStores(stores),
    nextId: 0,
    /** Stores and indexes that the upgrade has made. */
    made: [],
    upgrade: null,
    liveTransactions: 0,
    isClosing: false,
    transactionEnded: () => closeWhenDone(connection),
    object: undefined,
  };
  connection.nextId = nextId(connection.stores);
  connection.object = new IDBDatabase(privateKey, connection);
  return connection;
}

// https://w3c.github.io/IndexedDB/#close-a-database-connection
function closeConnection(connection) {
  if (connection.isClosing) return;
  connection.isClosing = true;
  op_indexed_db_close_soon(connection.rid);
  closeWhenDone(connection);
}

function closeWhenDone({ isClosing, liveTransactions, rid }) {
  if (isClosing && liveTransactions === 0) core.tryClose(rid);
}

/**
 * Fires `versionchange` when somebody else wants the database, and keeps no
 * event loop alive by doing so.
 */
async function listen(connection) {
  while (true) {
    const next = op_indexed_db_version_change(connection.rid);
    core.unrefOpPromise(next);
    const change = await internal(next);
    if (change === null) return;
    if (!connection.isClosing) {
      fireEvent(
        connection.object,
        newVersionChangeEvent("versionchange", change.old, change.new),
      );
      // A listener may close it in a promise job.
      await newTask();
    }
    op_indexed_db_handled(connection.rid);
  }
}

return { closeConnection, IDBDatabase, listen, newConnection };
})();
