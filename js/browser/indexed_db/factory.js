// https://w3c.github.io/IndexedDB/#factory-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_indexed_db_alone,
  op_indexed_db_announce,
  op_indexed_db_begin,
  op_indexed_db_check,
  op_indexed_db_claim,
  op_indexed_db_connect,
  op_indexed_db_databases,
  op_indexed_db_delete_database,
  op_indexed_db_upgrade,
  op_indexed_db_version,
} = core.ops;
const {
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  Promise,
  SafeMap,
  TypeError,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { Event } = core.loadExtScript("ext:deno_web/02_event.js");
const { decodeId, encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { toException } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const { fireAlong, fireEvent } = core.loadExtScript(
  "ext:background_fetch/common/dispatch.js",
);
const { mapList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { internal, nextTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { IDBCursor, IDBCursorWithValue } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/cursor.js",
);
const { closeConnection, IDBDatabase, listen, newConnection } = core
  .loadExtScript("ext:background_fetch_browser/indexed_db/database.js");
const { IDBIndex } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/index.js",
);
const { IDBKeyRange } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_range.js",
);
const { compareBytes, toKey } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/keys.js",
);
const { IDBObjectStore } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/object_store.js",
);
const { IDBRecord } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/record.js",
);
const { fail, IDBOpenDBRequest, IDBRequest, newOpenRequest, succeed } = core
  .loadExtScript("ext:background_fetch_browser/indexed_db/requests.js");
const { remember } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/schema.js",
);
const { DOMStringList } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/string_list.js",
);
const {
  abort,
  abortError,
  deactivate,
  IDBTransaction,
  isFinished,
  newTransaction,
  run,
} = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/transaction.js",
);
const { IDBVersionChangeEvent, newVersionChangeEvent } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/version_change_event.js",
);

const privateKey = { __proto__: null };

class IDBFactory {
  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbfactory-open
  open(name, version = undefined) {
    webidl.assertBranded(this, IDBFactoryPrototype);
    const prefix = "Failed to execute 'open' on 'IDBFactory'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    if (version !== undefined) {
      version = webidl.converters["unsigned long long"](
        version,
        prefix,
        "Argument 2",
        { __proto__: null, enforceRange: true },
      );
      // Step 1: If version is 0, throw a TypeError.
      if (version === 0) {
        throw new TypeError(`${prefix}: there is no version 0`);
      }
    }
    // Step 3: If origin is opaque, throw a "SecurityError".
    op_indexed_db_check();
    const request = newOpenRequest();
    handle(request, name, (claim) => open(claim, request, name, version));
    return request.object;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbfactory-deletedatabase
  deleteDatabase(name) {
    webidl.assertBranded(this, IDBFactoryPrototype);
    const prefix = "Failed to execute 'deleteDatabase' on 'IDBFactory'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    op_indexed_db_check();
    const request = newOpenRequest();
    handle(request, name, (claim) => deleteDatabase(claim, request));
    return request.object;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbfactory-databases
  async databases() {
    webidl.assertBranded(this, IDBFactoryPrototype);
    // What an op gives has no prototype; a dictionary's object has one.
    return mapList(op_indexed_db_databases(), ({ name, version }) => ({
      name: decodeId(name),
      version,
    }));
  }

  // https://w3c.github.io/IndexedDB/#dom-idbfactory-cmp
  cmp(first, second) {
    webidl.assertBranded(this, IDBFactoryPrototype);
    const prefix = "Failed to execute 'cmp' on 'IDBFactory'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    const order = compareBytes(toKey(first, prefix), toKey(second, prefix));
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
}

webidl.configureInterface(IDBFactory);
const IDBFactoryPrototype = IDBFactory.prototype;

/** The last request of this realm for each database. */
const last = new SafeMap();

/**
 * Does what a request of the connection queue is for, when it has its turn, and
 * tells the request what has come of it. Among those of this realm it takes its
 * turn here, so that one that never gets its turn lets the realm come to its end.
 * @param {(claim: number) => Promise<Event>} work resolves with the event that
 *   says that it was done
 */
async function handle(request, name, work) {
  const before = MapPrototypeGet(last, name);
  let isDone;
  const done = internal(new Promise((resolve) => isDone = resolve));
  MapPrototypeSet(last, name, done);
  await before;
  let event;
  let claim;
  try {
    claim = await internal(op_indexed_db_claim(encodeId(name)));
    event = await internal(work(claim));
  } catch (error) {
    fail(request, toException(error));
    event = new Event("error", {
      __proto__: null,
      bubbles: true,
      cancelable: true,
    });
  }
  // The next one's turn.
  if (claim !== undefined) core.tryClose(claim);
  if (MapPrototypeGet(last, name) === done) MapPrototypeDelete(last, name);
  isDone();
  fireEvent(request.object, event);
}

// https://w3c.github.io/IndexedDB/#open-a-database-connection
async function open(claim, request, name, version) {
  const connection = newConnection(
    name,
    await internal(op_indexed_db_connect(claim)),
  );
  try {
    const current = connection.version;
    const wanted = version ?? (current === 0 ? 1 : current);
    // Step 8: If db's version is greater than version.
    if (current > wanted) {
      throw new DOMException(
        `The database "${name}" has version ${current}, which is newer than ${wanted}`,
        "VersionError",
      );
    }
    // Step 10: If db's version is less than version.
    if (current < wanted) await upgrade(claim, request, connection, wanted);
    // Step 10.6: If connection was closed.
    if (connection.isClosing) throw abortError("The connection was closed");
  } catch (error) {
    closeConnection(connection);
    throw error;
  }
  listen(connection);
  succeed(request, connection.object);
  return new Event("success");
}

/** Waits until no other connection is left. */
async function getAlone(claim, own, request, oldVersion, newVersion) {
  const stillOpen = await internal(
    op_indexed_db_announce(claim, own, newVersion ?? 0),
  );
  if (stillOpen === "none") return;
  fireEvent(
    request.object,
    newVersionChangeEvent("blocked", oldVersion, newVersion),
  );
  const alone = op_indexed_db_alone(claim);
  // When nothing else is left to do in this realm, no one will close them.
  if (stillOpen === "own") core.unrefOpPromise(alone);
  await internal(alone);
}

// https://w3c.github.io/IndexedDB/#upgrade-a-database
async function upgrade(claim, request, connection, version) {
  const oldVersion = connection.version;
  await internal(
    getAlone(claim, connection.rid, request, oldVersion, version),
  );
  const rid = await internal(op_indexed_db_upgrade(claim, version));
  await internal(op_indexed_db_begin(rid));
  const revertSchema = remember(connection);
  const revert = () => {
    connection.version = oldVersion;
    revertSchema();
  };
  const transaction = newTransaction(
    connection,
    rid,
    "versionchange",
    "default",
    undefined,
    revert,
  );
  connection.upgrade = transaction;
  connection.version = version;
  // Step 10: Queue a task to fire upgradeneeded.
  succeed(request, connection.object);
  request.transaction = transaction.object;
  const next = nextTask(() => deactivate(transaction));
  const { hasThrown } = fireAlong(
    [request.object],
    newVersionChangeEvent("upgradeneeded", oldVersion, version),
  );
  if (hasThrown && !isFinished(transaction)) {
    abort(transaction, abortError("A listener of upgradeneeded has thrown"));
  }
  await next;
  run(transaction);
  const isCommitted = await transaction.over;
  request.transaction = null;
  if (!isCommitted) {
    request.isDone = false;
    throw abortError("The upgrade was aborted");
  }
}

// https://w3c.github.io/IndexedDB/#delete-a-database
async function deleteDatabase(claim, request) {
  const version = await internal(op_indexed_db_version(claim));
  await internal(getAlone(claim, null, request, version, null));
  await internal(op_indexed_db_delete_database(claim));
  succeed(request, undefined);
  return newVersionChangeEvent("success", version, null);
}

/** The only instance in this realm. */
const indexedDB = new IDBFactory(privateKey);

return {
  DOMStringList,
  IDBCursor,
  IDBCursorWithValue,
  IDBDatabase,
  IDBFactory,
  IDBIndex,
  IDBKeyRange,
  IDBObjectStore,
  IDBOpenDBRequest,
  IDBRecord,
  IDBRequest,
  IDBTransaction,
  IDBVersionChangeEvent,
  indexedDB,
};
})();
