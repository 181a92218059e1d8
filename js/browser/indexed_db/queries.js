// What object stores and indexes have in common: looking for records.

(function () {
const { core } = __bootstrap;
const { op_indexed_db_count, op_indexed_db_find } = core.ops;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { mapList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { isPotentialRange, toBounds, toBoundsOfKeys } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/key_range.js",
);
const { convertToValue } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/keys.js",
);
const { newRecord } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/record.js",
);
const { decode } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/stored_values.js",
);
const { place } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/transaction.js",
);

const MAX_COUNT = 0xffffffff;

const convertCount = (value, prefix, context) =>
  webidl.converters["unsigned long"](value, prefix, context, {
    __proto__: null,
    enforceRange: true,
  });

// https://w3c.github.io/IndexedDB/#enumdef-idbcursordirection
const convertDirection = webidl.createEnumConverter("IDBCursorDirection", [
  "next",
  "nextunique",
  "prev",
  "prevunique",
]);

// https://w3c.github.io/IndexedDB/#dictdef-idbgetalloptions
const convertOptions = webidl.createDictionaryConverter("IDBGetAllOptions", [
  { key: "count", converter: convertCount },
  { key: "direction", converter: convertDirection, defaultValue: "next" },
  { key: "query", converter: webidl.converters.any, defaultValue: null },
]);

/**
 * Where is looked: an object store and, if one is asked, an index of it, which
 * is 0 otherwise.
 */
const inStore = (store) => ({ __proto__: null, store: store.id, index: 0 });
const inIndex = (index) => ({
  __proto__: null,
  store: index.store.id,
  index: index.id,
});

/** The records that the bounds allow, at most `limit`. */
function find(rid, where, bounds, direction, limit, withValues, after = null) {
  return op_indexed_db_find(rid, {
    __proto__: null,
    store: where.store,
    index: where.index,
    lower: bounds.lower,
    upper: bounds.upper,
    lowerOpen: bounds.lowerOpen,
    upperOpen: bounds.upperOpen,
    direction,
    after,
    limit,
    withValues,
  });
}

const valueOf = (record) => decode(record.value);

/** https://w3c.github.io/IndexedDB/#dom-idbobjectstore-get and -getkey */
function placeGet(transaction, source, where, query, prefix, wantsKey) {
  const bounds = toBoundsOfKeys(query, prefix);
  return place(transaction, source, async () => {
    const { rid } = transaction;
    const found = find(rid, where, bounds, "next", 1, !wantsKey);
    if (found.length === 0) return undefined;
    return wantsKey ? convertToValue(found[0].primaryKey) : valueOf(found[0]);
  });
}

/**
 * What `getAll()` and `getAllKeys()` are given:
 * https://w3c.github.io/IndexedDB/#create-a-request-to-retrieve-multiple-items
 */
function convertGetAll(queryOrOptions, count, prefix) {
  const isOptions = webidl.type(queryOrOptions) === "Object" &&
    !isPotentialRange(queryOrOptions);
  if (isOptions) {
    return convertOptions(queryOrOptions, prefix, "Argument 1");
  }
  return {
    __proto__: null,
    query: queryOrOptions,
    count: count === undefined
      ? undefined
      : convertCount(count, prefix, "Argument 2"),
    direction: "next",
  };
}

const ofRecord = {
  __proto__: null,
  key: (record) => convertToValue(record.primaryKey),
  value: valueOf,
  record: (record) =>
    newRecord(
      convertToValue(record.key),
      convertToValue(record.primaryKey),
      valueOf(record),
    ),
};

/** @param {"key" | "record" | "value"} kind what is wanted of each */
function placeGetAll(transaction, source, where, options, prefix, kind) {
  const bounds = toBounds(options.query, prefix);
  const limit = options.count || MAX_COUNT;
  return place(transaction, source, async () => {
    const { rid } = transaction;
    const withValues = kind !== "key";
    const found = find(rid, where, bounds, options.direction, limit, withValues);
    return mapList(found, ofRecord[kind]);
  });
}

/** https://w3c.github.io/IndexedDB/#dom-idbobjectstore-count */
function placeCount(transaction, source, where, query, prefix) {
  const { lower, upper, lowerOpen, upperOpen } = toBounds(query, prefix);
  return place(transaction, source, async () =>
    op_indexed_db_count(
      transaction.rid,
      where.store,
      where.index,
      lower,
      upper,
      lowerOpen,
      upperOpen,
    ));
}

return {
  convertDirection,
  convertGetAll,
  convertOptions,
  find,
  inIndex,
  inStore,
  placeCount,
  placeGet,
  placeGetAll,
  valueOf,
};
})();
