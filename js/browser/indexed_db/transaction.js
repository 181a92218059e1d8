// https://w3c.github.io/IndexedDB/#transaction-construct and
// https://w3c.github.io/IndexedDB/#transaction

(function () {
const { core, primordials } = __bootstrap;
const {
  op_indexed_db_begin,
  op_indexed_db_commit,
} = core.ops;
const {
  ArrayPrototypeShift,
  MapPrototypeGet,
  MapPrototypeSet,
  Promise,
  PromisePrototypeThen,
  SafeMap,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { Event, EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { toException } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fireAlong } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { internal, newTask, nextTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { fail, newRequest, succeed } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/requests.js",
);
const { find, names } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/schema.js",
);

const abortHandler = eventHandler("abort");
const completeHandler = eventHandler("complete");
const errorHandler = eventHandler("error");

const privateKey = { __proto__: null };

// https://w3c.github.io/IndexedDB/#transaction-state
const ACTIVE = 0;
const INACTIVE = 1;
const COMMITTING = 2;
const FINISHED = 3;

// Set by object_store.js: each needs the other.
let newObjectStore;
function setNewObjectStore(f) {
  newObjectStore = f;
}

class IDBTransaction extends EventTarget {
  #state;

  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#state = state;
  }

  get objectStoreNames() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return names(scopeOf(this.#state));
  }

  get mode() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return this.#state.mode;
  }

  get durability() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return this.#state.durability;
  }

  get db() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return this.#state.connection.object;
  }

  get error() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return this.#state.error;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbtransaction-objectstore
  objectStore(name) {
    webidl.assertBranded(this, IDBTransactionPrototype);
    const prefix = "Failed to execute 'objectStore' on 'IDBTransaction'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    const transaction = this.#state;
    // Step 1: If this's state is finished, throw.
    if (transaction.state === FINISHED) {
      throw invalidState(`${prefix}: the transaction is over`);
    }
    // Step 2: Let store be the object store named name in this's scope.
    const store = find(scopeOf(transaction), name);
    if (store === undefined) {
      throw new DOMException(
        `${prefix}: the transaction has no object store "${name}"`,
        "NotFoundError",
      );
    }
    return handleOf(transaction, store);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbtransaction-commit
  commit() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    const prefix = "Failed to execute 'commit' on 'IDBTransaction'";
    checkActive(this.#state, prefix, "InvalidStateError");
    this.#state.state = COMMITTING;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbtransaction-abort
  abort() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    const { state } = this.#state;
    if (state === COMMITTING || state === FINISHED) {
      const prefix = "Failed to execute 'abort' on 'IDBTransaction'";
      throw invalidState(`${prefix}: the transaction is over`);
    }
    abort(this.#state, null);
  }

  get onabort() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return abortHandler.get(this);
  }

  set onabort(value) {
    webidl.assertBranded(this, IDBTransactionPrototype);
    abortHandler.set(this, value);
  }

  get oncomplete() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return completeHandler.get(this);
  }

  set oncomplete(value) {
    webidl.assertBranded(this, IDBTransactionPrototype);
    completeHandler.set(this, value);
  }

  get onerror() {
    webidl.assertBranded(this, IDBTransactionPrototype);
    return errorHandler.get(this);
  }

  set onerror(value) {
    webidl.assertBranded(this, IDBTransactionPrototype);
    errorHandler.set(this, value);
  }
}

webidl.configureInterface(IDBTransaction);
const IDBTransactionPrototype = IDBTransaction.prototype;

function invalidState(message) {
  return new DOMException(message, "InvalidStateError");
}

function abortError(message) {
  return new DOMException(message, "AbortError");
}

/**
 * A transaction that is active.
 * @param {number} rid its resource
 * @param {(() => void) | undefined} revert for an upgrade: undoes what it has
 *   changed of the connection
 */
function newTransaction(connection, rid, mode, durability, stores, revert) {
  let isOver;
  const over = internal(new Promise((resolve) => isOver = resolve));
  const transaction = {
    __proto__: null,
    connection,
    rid,
    mode,
    durability,
    /** An upgrade's is the whole connection. */
    stores,
    revert,
    state: ACTIVE,
    /** What is placed, and not begun. */
    queue: [],
    /** What is under way. */
    current: undefined,
    error: null,
    handles: new SafeMap(),
    /** Resolves after the last event: true when it was committed. */
    over,
    isOver,
    object: undefined,
  };
  transaction.object = new IDBTransaction(privateKey, transaction);
  connection.liveTransactions += 1;
  return transaction;
}

const isFinished = (transaction) => transaction.state === FINISHED;

const isUpgrade = (transaction) => transaction.mode === "versionchange";

const scopeOf = (transaction) =>
  isUpgrade(transaction) ? transaction.connection.stores : transaction.stores;

/** The one IDBObjectStore that a transaction has for a store. */
function handleOf(transaction, store) {
  let handle = MapPrototypeGet(transaction.handles, store);
  if (handle === undefined) {
    handle = newObjectStore(transaction, store);
    MapPrototypeSet(transaction.handles, store, handle);
  }
  return handle;
}

function checkActive(transaction, prefix, name = "TransactionInactiveError") {
  if (transaction.state !== ACTIVE) {
    const message = transaction.state === FINISHED
      ? "the transaction is over"
      : "the transaction is not active";
    throw new DOMException(`${prefix}: ${message}`, name);
  }
}

/** Calls a script's code while nothing can be placed against the transaction. */
function whileInactive(transaction, f) {
  transaction.state = INACTIVE;
  try {
    return f();
  } finally {
    // The code cannot have ended it: that takes an active one.
    if (transaction.state === INACTIVE) transaction.state = ACTIVE;
  }
}

/**
 * https://w3c.github.io/IndexedDB/#asynchronously-execute-a-request
 * @param {() => any} operation may return a promise
 * @returns {IDBRequest}
 */
function place(transaction, source, operation) {
  const request = newRequest(source, transaction.object);
  placeAgain(transaction, request, operation);
  return request.object;
}

/** The same for a request that is there already, or for none. */
function placeAgain(transaction, request, operation) {
  append(transaction.queue, { __proto__: null, request, operation });
}

/** Lives from its creation to its end. */
async function live(transaction) {
  // https://w3c.github.io/IndexedDB/#cleanup-indexed-database-transactions
  const next = nextTask(() => deactivate(transaction));
  const begun = internal(op_indexed_db_begin(transaction.rid));
  // It may be aborted before anybody waits for its turn.
  PromisePrototypeThen(begun, undefined, () => {});
  await next;
  try {
    await begun;
  } catch (error) {
    if (transaction.state !== FINISHED) abort(transaction, toException(error));
  }
  await run(transaction);
}

function deactivate(transaction) {
  if (transaction.state === ACTIVE) transaction.state = INACTIVE;
}

/** Executes what is placed, and commits when nothing is left. */
async function run(transaction) {
  while (transaction.state !== FINISHED && transaction.queue.length > 0) {
    const next = ArrayPrototypeShift(transaction.queue);
    transaction.current = next;
    let result;
    let error;
    let hasFailed = false;
    try {
      result = await internal(next.operation());
    } catch (reason) {
      hasFailed = true;
      error = toException(reason);
    }
    // It was aborted meanwhile, and the request with it.
    if (transaction.state === FINISHED) return;
    const { request } = next;
    // https://w3c.github.io/IndexedDB/#async-execute-request, step 5.2: If
    // result is an error and transaction's state is committing.
    const isLast = request === null || transaction.state === COMMITTING;
    if (hasFailed && isLast) {
      abort(transaction, error);
      return;
    }
    transaction.current = undefined;
    if (request === null) continue;
    if (hasFailed) {
      await fireError(transaction, request, error);
    } else {
      await fireSuccess(transaction, request, result);
    }
  }
  if (transaction.state !== FINISHED) await commit(transaction);
}

// https://w3c.github.io/IndexedDB/#fire-a-success-event
async function fireSuccess(transaction, request, result) {
  succeed(request, result);
  const event = new Event("success");
  const { hasThrown, next } = fireWhileActive(transaction, request, event);
  if (hasThrown && transaction.state === ACTIVE) {
    abort(transaction, abortError("A listener of the request has thrown"));
  }
  await next;
}

// https://w3c.github.io/IndexedDB/#fire-an-error-event
async function fireError(transaction, request, error) {
  fail(request, error);
  const event = newErrorEvent();
  const { hasThrown, isCanceled, next } = fireWhileActive(
    transaction,
    request,
    event,
  );
  if (transaction.state === ACTIVE) {
    if (hasThrown) {
      abort(transaction, abortError("A listener of the request has thrown"));
    } else if (!isCanceled) {
      abort(transaction, error);
    }
  }
  await next;
}

const newErrorEvent = () =>
  new Event("error", { __proto__: null, bubbles: true, cancelable: true });

/** Promise jobs that the listeners leave run while it is active, too. */
function fireWhileActive(transaction, request, event) {
  const next = nextTask(() => deactivate(transaction));
  if (transaction.state === INACTIVE) transaction.state = ACTIVE;
  const { hasThrown, isCanceled } = fireAlong(
    pathOf(transaction, request),
    event,
  );
  return { __proto__: null, hasThrown, isCanceled, next };
}

const pathOf = ({ object, connection }, request) => [
  request.object,
  object,
  connection.object,
];

// https://w3c.github.io/IndexedDB/#commit-a-transaction
async function commit(transaction) {
  transaction.state = COMMITTING;
  try {
    await internal(op_indexed_db_commit(transaction.rid));
  } catch (error) {
    abort(transaction, toException(error));
    return;
  }
  finish(transaction);
  const { connection, object } = transaction;
  fireAlong([object, connection.object], new Event("complete"));
  // The success of an upgrade comes before what its listeners have begun.
  transaction.isOver(true);
}

/** Lets those go on that wait for it; one that was aborted is undone. */
function finish(transaction) {
  transaction.state = FINISHED;
  core.tryClose(transaction.rid);
  const { connection } = transaction;
  connection.liveTransactions -= 1;
  if (isUpgrade(transaction)) connection.upgrade = null;
  connection.transactionEnded();
}

// https://w3c.github.io/IndexedDB/#abort-a-transaction
function abort(transaction, error) {
  // Steps 1 to 4: Revert the changes, set transaction's state to finished, and
  // its error.
  const { connection, current, object, queue } = transaction;
  transaction.state = FINISHED;
  transaction.revert?.();
  transaction.error = error;
  transaction.queue = [];
  const pending = [];
  if (current !== undefined) append(pending, current.request);
  for (let i = 0; i < queue.length; i++) append(pending, queue[i].request);
  tellOfAbort(transaction, connection, object, pending);
}

async function tellOfAbort(transaction, connection, object, pending) {
  await newTask();
  // Step 5: For each request of transaction's request list.
  for (let i = 0; i < pending.length; i++) {
    const request = pending[i];
    if (request === null) continue;
    fail(request, abortError("The transaction was aborted"));
    fireAlong(pathOf(transaction, request), newErrorEvent());
    await nextTask();
  }
  // Step 6: Queue a task to fire an event named abort.
  finish(transaction);
  fireAlong(
    [object, connection.object],
    new Event("abort", { __proto__: null, bubbles: true }),
  );
  await nextTask();
  transaction.isOver(false);
}

return {
  abort,
  abortError,
  checkActive,
  deactivate,
  fireAlong,
  handleOf,
  IDBTransaction,
  invalidState,
  isFinished,
  isUpgrade,
  live,
  newTransaction,
  place,
  placeAgain,
  run,
  setNewObjectStore,
  whileInactive,
};
})();
