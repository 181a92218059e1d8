// Which object stores and indexes a connection sees.
// https://w3c.github.io/IndexedDB/#object-store-construct and
// https://w3c.github.io/IndexedDB/#index-construct
//
// A connection is alone with its database while these change, so that its own
// view of them is the database's.

(function () {
const { core, primordials } = __bootstrap;
const { ArrayPrototypeIndexOf, JSONParse } = primordials;

const { decodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { append, filterList, mapList } = core.loadExtScript(
  "ext:background_fetch/common/lists.js",
);
const { sortedList } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/string_list.js",
);

/** What an op says of object stores. */
function readStores(stores) {
  return mapList(stores, (read) => {
    const store = newStore(
      read.id,
      decodeId(read.name),
      JSONParse(read.keyPath),
      read.autoIncrement,
    );
    store.indexes = mapList(read.indexes, (index) =>
      newIndex(
        store,
        index.id,
        decodeId(index.name),
        JSONParse(index.keyPath),
        index.multiEntry,
        index.unique,
      ));
    return store;
  });
}

function newStore(id, name, keyPath, autoIncrement) {
  return {
    __proto__: null,
    id,
    name,
    keyPath,
    autoIncrement,
    indexes: [],
    isDeleted: false,
  };
}

function newIndex(store, id, name, keyPath, multiEntry, unique) {
  return {
    __proto__: null,
    store,
    id,
    name,
    keyPath,
    multiEntry,
    unique,
    isDeleted: false,
  };
}

/** The store or index with this name, or undefined. */
function find(list, name) {
  for (let i = 0; i < list.length; i++) {
    if (list[i].name === name) return list[i];
  }
  return undefined;
}

const without = (list, item) => filterList(list, (other) => other !== item);

const names = (list) => sortedList(mapList(list, ({ name }) => name));

/** An id that none of the stores and indexes has. */
function nextId(stores) {
  let last = 0;
  const count = ({ id }) => {
    if (id > last) last = id;
  };
  for (let i = 0; i < stores.length; i++) {
    count(stores[i]);
    for (let j = 0; j < stores[i].indexes.length; j++) {
      count(stores[i].indexes[j]);
    }
  }
  return last + 1;
}

/**
 * Returns what makes the stores what they are now:
 * https://w3c.github.io/IndexedDB/#abort-an-upgrade-transaction
 */
function remember(connection) {
  const { stores } = connection;
  const before = mapList(stores, (store) => ({
    __proto__: null,
    store,
    name: store.name,
    indexes: store.indexes,
    names: mapList(store.indexes, ({ name }) => name),
  }));
  return () => {
    for (let i = 0; i < connection.made.length; i++) {
      const made = connection.made[i];
      made.isDeleted = true;
      if (made.indexes !== undefined) made.indexes = [];
    }
    connection.stores = stores;
    for (let i = 0; i < before.length; i++) {
      const { store, name, indexes, names } = before[i];
      store.name = name;
      store.isDeleted = false;
      store.indexes = indexes;
      for (let j = 0; j < indexes.length; j++) {
        indexes[j].name = names[j];
        indexes[j].isDeleted = false;
      }
    }
  };
}

const contains = (list, item) => ArrayPrototypeIndexOf(list, item) !== -1;
const copy = (list) => mapList(list, (item) => item);

/** A new list with `item` at its end. */
function withItem(list, item) {
  const longer = copy(list);
  append(longer, item);
  return longer;
}

return {
  contains,
  copy,
  find,
  names,
  newIndex,
  newStore,
  nextId,
  readStores,
  remember,
  withItem,
  without,
};
})();
