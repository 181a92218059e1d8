// Putting records into object stores, and deleting them there.

(function () {
const { core, primordials } = __bootstrap;
const {
  op_indexed_db_add_to_index,
  op_indexed_db_delete,
  op_indexed_db_next_key,
  op_indexed_db_put,
} = core.ops;
const { MathFloor } = primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { canInject, extractKey, extractKeys, FAILURE, inject } = core
  .loadExtScript("ext:background_fetch_browser/indexed_db/key_path.js");
const { everything } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_range.js",
);
const { convertToValue, INVALID, keyOfNumber, numberOfKey } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/keys.js",
);
const { find, inStore, valueOf } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/queries.js",
);
const { cloneForStorage, encode, serializeForStorage } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/stored_values.js",
);
const { checkActive, place, whileInactive } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/transaction.js",
);

/** The last key that a generator makes. */
const LAST_NUMBER = 2 ** 53;

/** How many records a new index looks at in one go. */
const BATCH = 64;

function dataError(message) {
  return new DOMException(message, "DataError");
}

function constraintError(message) {
  return new DOMException(message, "ConstraintError");
}

/**
 * A clone of a script's value; its getters can place nothing.
 * https://w3c.github.io/IndexedDB/#clone-a-value
 */
function clone(transaction, value, prefix) {
  const cloned = whileInactive(transaction, () => cloneForStorage(value));
  checkActive(transaction, prefix);
  return cloned;
}

/**
 * The key that a value brings along, or undefined when one has to be generated.
 * https://w3c.github.io/IndexedDB/#add-or-put, step 11.
 */
function inlineKey(store, cloned, prefix) {
  const key = extractKey(store.keyPath, cloned);
  // Step 11.3: If kpk is invalid, throw a "DataError".
  if (key === INVALID) {
    throw dataError(`${prefix}: what is at the key path is not a valid key`);
  }
  if (key !== FAILURE) return key;
  // Step 11.5: If store does not have a key generator, throw a "DataError".
  if (!store.autoIncrement) {
    throw dataError(`${prefix}: the value has nothing at the key path`);
  }
  if (!canInject(store.keyPath, cloned)) {
    throw dataError(`${prefix}: no key can be put at the value's key path`);
  }
  return undefined;
}

/**
 * @param {any} cloned what no script has
 * @param {Uint8Array | undefined} key undefined when it is to be generated
 */
function placePut(transaction, source, store, cloned, key, noOverwrite) {
  // An index that is made later finds the record by itself.
  const { indexes } = store;
  return place(transaction, source, async () => {
    const { rid } = transaction;
    const { number, next } = useGenerator(rid, store, key);
    const ownKey = key ?? keyOfNumber(number);
    if (key === undefined && store.keyPath !== null) {
      inject(store.keyPath, cloned, number);
    }
    const value = await internal(encode(serializeForStorage(cloned)));
    const indexKeys = [];
    for (let i = 0; i < indexes.length; i++) {
      const keys = keysOf(indexes[i], cloned);
      for (let j = 0; j < keys.length; j++) {
        append(indexKeys, {
          __proto__: null,
          index: indexes[i].id,
          key: keys[j],
        });
      }
    }
    const isPut = op_indexed_db_put(
      rid,
      store.id,
      ownKey,
      value,
      indexKeys,
      noOverwrite,
      next,
    );
    if (!isPut) {
      throw constraintError(
        `There is a record with this key in "${store.name}" or a unique index`,
      );
    }
    return convertToValue(ownKey);
  });
}

/**
 * https://w3c.github.io/IndexedDB/#generate-a-key and
 * https://w3c.github.io/IndexedDB/#possibly-update-the-key-generator: the number
 * that was generated, and what the generator goes on with, or 0.
 */
function useGenerator(rid, store, key) {
  const result = { __proto__: null, number: undefined, next: 0 };
  if (!store.autoIncrement) return result;
  if (key === undefined) {
    result.number = op_indexed_db_next_key(rid, store.id);
    if (result.number > LAST_NUMBER) {
      throw constraintError(`The key generator of "${store.name}" is used up`);
    }
    result.next = after(result.number);
    return result;
  }
  const number = numberOfKey(key);
  if (number === undefined || number < 1) return result;
  const whole = MathFloor(number < LAST_NUMBER ? number : LAST_NUMBER);
  if (whole >= op_indexed_db_next_key(rid, store.id)) result.next = after(whole);
  return result;
}

// There is no number between 2^53 and 2^53 + 2.
const after = (number) => number + (number === LAST_NUMBER ? 2 : 1);

/** The keys under which an index finds a value: none, one or several. */
function keysOf({ keyPath, multiEntry }, value) {
  if (multiEntry) {
    const keys = extractKeys(keyPath, value);
    return keys === FAILURE || keys === INVALID ? [] : keys;
  }
  const key = extractKey(keyPath, value);
  return key === FAILURE || key === INVALID ? [] : [key];
}

/**
 * Enters what is in the object store into a new index.
 * https://w3c.github.io/IndexedDB/#dom-idbobjectstore-createindex
 */
function fillIndex(rid, index) {
  const where = inStore(index.store);
  let bounds = everything;
  while (true) {
    const records = find(rid, where, bounds, "next", BATCH, true);
    if (records.length === 0) return;
    for (let i = 0; i < records.length; i++) {
      const keys = keysOf(index, valueOf(records[i]));
      if (keys.length === 0) continue;
      const { primaryKey } = records[i];
      if (!op_indexed_db_add_to_index(rid, index.id, primaryKey, keys)) {
        throw constraintError(
          `Two records have the same key in the unique index "${index.name}"`,
        );
      }
    }
    bounds = {
      __proto__: null,
      ...everything,
      lower: records[records.length - 1].key,
      lowerOpen: true,
    };
  }
}

function placeDelete(transaction, source, store, bounds) {
  const { lower, upper, lowerOpen, upperOpen } = bounds;
  return place(transaction, source, async () => {
    op_indexed_db_delete(
      transaction.rid,
      store.id,
      lower,
      upper,
      lowerOpen,
      upperOpen,
    );
    return undefined;
  });
}

return { clone, dataError, fillIndex, inlineKey, placeDelete, placePut };
})();
