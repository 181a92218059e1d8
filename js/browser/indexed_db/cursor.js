// https://w3c.github.io/IndexedDB/#cursor-interface

(function () {
const { core, primordials } = __bootstrap;
const { TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { toBounds } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_range.js",
);
const { compareBytes, convertToValue, INVALID, toKey } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/keys.js",
);
const { extractKey, FAILURE } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_path.js",
);
const { clone, dataError, placeDelete, placePut } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/puts.js",
);
const { find, inIndex, inStore, valueOf } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/queries.js",
);
const { newRequest } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/requests.js",
);
const { checkActive, invalidState, placeAgain } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/transaction.js",
);

const privateKey = { __proto__: null };

/** Gets what an IDBCursorWithValue has for its value. */
let stateOf;

class IDBCursor {
  #state;

  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#state = state;
  }

  static {
    stateOf = (cursor) => cursor.#state;
  }

  get source() {
    webidl.assertBranded(this, IDBCursorPrototype);
    return this.#state.source.object;
  }

  get direction() {
    webidl.assertBranded(this, IDBCursorPrototype);
    return this.#state.direction;
  }

  get key() {
    webidl.assertBranded(this, IDBCursorPrototype);
    return this.#state.keyValue;
  }

  get primaryKey() {
    webidl.assertBranded(this, IDBCursorPrototype);
    return this.#state.primaryKeyValue;
  }

  get request() {
    webidl.assertBranded(this, IDBCursorPrototype);
    return this.#state.request.object;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbcursor-advance
  advance(count) {
    webidl.assertBranded(this, IDBCursorPrototype);
    const prefix = "Failed to execute 'advance' on 'IDBCursor'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    count = webidl.converters["unsigned long"](count, prefix, "Argument 1", {
      __proto__: null,
      enforceRange: true,
    });
    if (count === 0) {
      throw new TypeError(`${prefix}: the count is 0`);
    }
    checkIterable(this.#state, prefix);
    iterateAgain(this.#state, undefined, undefined, count);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbcursor-continue
  continue(key = undefined) {
    webidl.assertBranded(this, IDBCursorPrototype);
    const prefix = "Failed to execute 'continue' on 'IDBCursor'";
    checkIterable(this.#state, prefix);
    let converted;
    if (key !== undefined) {
      converted = toKey(key, prefix);
      // Steps 6.3 and 6.4: If key is not beyond this's position.
      const order = compareBytes(converted, this.#state.key);
      if (isDown(this.#state) ? order >= 0 : order <= 0) {
        throw dataError(`${prefix}: the key is not beyond the cursor`);
      }
    }
    iterateAgain(this.#state, converted, undefined, 1);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbcursor-continueprimarykey
  continuePrimaryKey(key, primaryKey) {
    webidl.assertBranded(this, IDBCursorPrototype);
    const prefix = "Failed to execute 'continuePrimaryKey' on 'IDBCursor'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    const state = this.#state;
    checkActive(state.transaction, prefix);
    checkSource(state, prefix);
    // Steps 4 and 5: If this's source is not an index, or the direction is
    // another one.
    if (state.source.index === null || isUnique(state)) {
      throw new DOMException(
        `${prefix}: the cursor does not stop at each record of an index`,
        "InvalidAccessError",
      );
    }
    checkGotValue(state, prefix);
    const convertedKey = toKey(key, prefix);
    const convertedPrimaryKey = toKey(primaryKey, prefix);
    // Steps 13 to 16: If key, or with an equal key primaryKey, is not beyond
    // this's position.
    const order = compareBytes(convertedKey, state.key) ||
      compareBytes(convertedPrimaryKey, state.primaryKey);
    if (isDown(state) ? order >= 0 : order <= 0) {
      throw dataError(`${prefix}: the keys are not beyond the cursor`);
    }
    iterateAgain(state, convertedKey, convertedPrimaryKey, 1);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbcursor-update
  update(value) {
    webidl.assertBranded(this, IDBCursorPrototype);
    const prefix = "Failed to execute 'update' on 'IDBCursor'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const state = this.#state;
    checkChangeable(state, prefix);
    const { transaction, source: { store }, primaryKey } = state;
    // Step 8: Let clone be a clone of value.
    const cloned = clone(transaction, value, prefix);
    // Step 9: If this's effective object store uses in-line keys.
    if (store.keyPath !== null) {
      const key = extractKey(store.keyPath, cloned);
      const isOther = key === FAILURE || key === INVALID ||
        compareBytes(key, primaryKey) !== 0;
      if (isOther) {
        throw dataError(`${prefix}: the value has not the key of the record`);
      }
    }
    return placePut(transaction, this, store, cloned, primaryKey, false);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbcursor-delete
  delete() {
    webidl.assertBranded(this, IDBCursorPrototype);
    const prefix = "Failed to execute 'delete' on 'IDBCursor'";
    const state = this.#state;
    checkChangeable(state, prefix);
    const { transaction, source: { store }, primaryKey } = state;
    return placeDelete(transaction, this, store, only(primaryKey));
  }
}

webidl.configureInterface(IDBCursor);
const IDBCursorPrototype = IDBCursor.prototype;

class IDBCursorWithValue extends IDBCursor {
  get value() {
    webidl.assertBranded(this, IDBCursorWithValuePrototype);
    return stateOf(this).value;
  }
}

webidl.configureInterface(IDBCursorWithValue);
const IDBCursorWithValuePrototype = IDBCursorWithValue.prototype;

const isDown = ({ direction }) =>
  direction === "prev" || direction === "prevunique";
const isUnique = ({ direction }) =>
  direction === "nextunique" || direction === "prevunique";

const only = (key) => ({
  __proto__: null,
  lower: key,
  upper: key,
  lowerOpen: false,
  upperOpen: false,
});

function checkSource({ source: { store, index } }, prefix) {
  if (store.isDeleted || index?.isDeleted) {
    throw invalidState(`${prefix}: what the cursor goes through was deleted`);
  }
}

function checkGotValue({ hasValue }, prefix) {
  if (!hasValue) {
    throw invalidState(`${prefix}: the cursor is on its way, or at its end`);
  }
}

function checkIterable(state, prefix) {
  checkActive(state.transaction, prefix);
  checkSource(state, prefix);
  checkGotValue(state, prefix);
}

function checkChangeable(state, prefix) {
  checkActive(state.transaction, prefix);
  if (state.transaction.mode === "readonly") {
    throw new DOMException(
      `${prefix}: the transaction is read-only`,
      "ReadOnlyError",
    );
  }
  checkSource(state, prefix);
  checkGotValue(state, prefix);
  if (state.isKeyOnly) {
    throw invalidState(`${prefix}: the cursor has keys only`);
  }
}

/**
 * @param {{ object: object, store: object, index: object | null }} source
 * @returns {IDBRequest}
 */
function openCursor(
  transaction,
  source,
  query,
  direction,
  isKeyOnly,
  prefix,
) {
  const bounds = toBounds(query, prefix);
  const request = newRequest(source.object, transaction.object);
  const state = {
    __proto__: null,
    transaction,
    source,
    where: source.index === null ? inStore(source.store) : inIndex(source.index),
    direction,
    bounds,
    isKeyOnly,
    request,
    hasValue: false,
    /** Where it is: keys as the store has them. */
    key: undefined,
    primaryKey: undefined,
    keyValue: undefined,
    primaryKeyValue: undefined,
    value: undefined,
    object: undefined,
  };
  const Class = isKeyOnly ? IDBCursor : IDBCursorWithValue;
  state.object = new Class(privateKey, state);
  place(state, undefined, undefined, 1);
  return request.object;
}

function place(state, key, primaryKey, count) {
  placeAgain(
    state.transaction,
    state.request,
    async () => iterate(state, key, primaryKey, count),
  );
}

function iterateAgain(state, key, primaryKey, count) {
  state.hasValue = false;
  state.request.isDone = false;
  place(state, key, primaryKey, count);
}

/**
 * https://w3c.github.io/IndexedDB/#iterate-a-cursor: the cursor, or null.
 */
function iterate(state, key, primaryKey, count) {
  const { transaction: { rid }, where, direction, isKeyOnly } = state;
  const { bounds, after } = rest(state, key, primaryKey);
  const wantsValue = !isKeyOnly && count === 1;
  const found = find(rid, where, bounds, direction, count, wantsValue, after);
  // Step 9.4: If found record is null.
  if (found.length < count) {
    state.key = undefined;
    state.primaryKey = undefined;
    state.keyValue = undefined;
    state.primaryKeyValue = undefined;
    state.value = undefined;
    return null;
  }
  // Steps 10 to 14: Let position be found record's key, and set what the
  // cursor has.
  const record = found[count - 1];
  state.key = record.key;
  state.primaryKey = record.primaryKey;
  state.keyValue = convertToValue(record.key);
  state.primaryKeyValue = convertToValue(record.primaryKey);
  if (!isKeyOnly) {
    const { store } = state.source;
    state.value = valueOf(
      wantsValue
        ? record
        : find(rid, inStore(store), only(record.primaryKey), "next", 1, true)[0],
    );
  }
  state.hasValue = true;
  return state.object;
}

/**
 * The bounds of what is left, beyond where the cursor is, or from `key` and
 * `primaryKey` on; for each record of an index also the place in it.
 */
function rest(state, key, primaryKey) {
  const isPlace = state.source.index !== null && !isUnique(state);
  const result = {
    __proto__: null,
    bounds: { __proto__: null, ...state.bounds },
    after: null,
  };
  if (state.key === undefined) return result;
  const from = key ?? state.key;
  const isOpen = key === undefined && !isPlace;
  if (isDown(state)) {
    // What is open at this bound stays so.
    if (compareBytes(from, result.bounds.upper) < 0 || isOpen) {
      result.bounds.upper = from;
      result.bounds.upperOpen = isOpen;
    }
  } else if (compareBytes(from, result.bounds.lower) > 0 || isOpen) {
    result.bounds.lower = from;
    result.bounds.lowerOpen = isOpen;
  }
  if (isPlace && (key === undefined || primaryKey !== undefined)) {
    result.after = {
      __proto__: null,
      key: from,
      primaryKey: primaryKey ?? state.primaryKey,
      isIncluded: primaryKey !== undefined,
    };
  }
  return result;
}

return { IDBCursor, IDBCursorWithValue, openCursor };
})();
