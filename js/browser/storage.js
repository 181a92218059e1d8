// https://html.spec.whatwg.org/multipage/webstorage.html#the-storage-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_local_storage_clear,
  op_local_storage_get,
  op_local_storage_keys,
  op_local_storage_remove,
  op_local_storage_set,
} = core.ops;
const { decodeId, encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { mapList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { toException } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const {
  ArrayPrototypeIncludes,
  MapPrototypeClear,
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeKeys,
  MapPrototypeSet,
  Proxy,
  ReflectApply,
  ReflectDefineProperty,
  ReflectDeleteProperty,
  ReflectGet,
  ReflectGetOwnPropertyDescriptor,
  ReflectHas,
  ReflectOwnKeys,
  ReflectSet,
  SafeMap,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const privateKey = { __proto__: null };

/** What outlives the realm. */
const local = {
  __proto__: null,
  clear: () => op_local_storage_clear(),
  get(key) {
    const value = op_local_storage_get(encodeId(key));
    return value === null ? null : decodeId(value);
  },
  keys: () => mapList(op_local_storage_keys(), decodeId),
  remove: (key) => op_local_storage_remove(encodeId(key)),
  set(key, value) {
    try {
      op_local_storage_set(encodeId(key), encodeId(value));
    } catch (error) {
      throw toException(error);
    }
  },
};

/** What lives as long as the realm. */
function session() {
  const items = new SafeMap();
  return {
    __proto__: null,
    clear: () => MapPrototypeClear(items),
    get: (key) => MapPrototypeGet(items, key) ?? null,
    keys: () => toArray(MapPrototypeKeys(items)),
    remove: (key) => MapPrototypeDelete(items, key),
    set: (key, value) => MapPrototypeSet(items, key, value),
  };
}

function toArray(iterator) {
  const all = [];
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    all[all.length] = next.value;
  }
  return all;
}

class Storage {
  #items;

  constructor(key = undefined, items = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this.#items = items;
  }

  get length() {
    return this.#items.keys().length;
  }

  key(index) {
    const prefix = "Failed to execute 'key' on 'Storage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    index = webidl.converters["unsigned long"](index, prefix, "Argument 1");
    return this.#items.keys()[index] ?? null;
  }

  getItem(key) {
    const prefix = "Failed to execute 'getItem' on 'Storage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    return this.#items.get(
      webidl.converters.DOMString(key, prefix, "Argument 1"),
    );
  }

  setItem(key, value) {
    const prefix = "Failed to execute 'setItem' on 'Storage'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    this.#items.set(
      webidl.converters.DOMString(key, prefix, "Argument 1"),
      webidl.converters.DOMString(value, prefix, "Argument 2"),
    );
  }

  removeItem(key) {
    const prefix = "Failed to execute 'removeItem' on 'Storage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    this.#items.remove(
      webidl.converters.DOMString(key, prefix, "Argument 1"),
    );
  }

  clear() {
    this.#items.clear();
  }
}

webidl.configureInterface(Storage);

/** A Storage whose items are properties, too. */
function createStorage(items) {
  const storage = new Storage(privateKey, items);
  const isItem = (key) => typeof key === "string" && !ReflectHas(storage, key);
  const proxy = new Proxy(storage, {
    __proto__: null,
    get(_, key) {
      if (isItem(key)) return items.get(key) ?? undefined;
      const value = ReflectGet(storage, key, storage);
      // Methods are called on the proxy, and have their state in the object.
      return typeof value === "function" && key !== "constructor"
        ? bind(value, storage)
        : value;
    },
    set(_, key, value) {
      if (typeof key !== "string") return ReflectSet(storage, key, value);
      items.set(key, webidl.converters.DOMString(value));
      return true;
    },
    has: (_, key) =>
      ReflectHas(storage, key) || (isItem(key) && items.get(key) !== null),
    deleteProperty(_, key) {
      if (typeof key !== "string") return ReflectDeleteProperty(storage, key);
      items.remove(key);
      return true;
    },
    defineProperty(_, key, descriptor) {
      if (typeof key !== "string") {
        return ReflectDefineProperty(storage, key, descriptor);
      }
      items.set(key, webidl.converters.DOMString(descriptor.value));
      return true;
    },
    ownKeys() {
      const keys = items.keys();
      const own = ReflectOwnKeys(storage);
      for (let i = 0; i < own.length; i++) {
        if (!ArrayPrototypeIncludes(keys, own[i])) keys[keys.length] = own[i];
      }
      return keys;
    },
    getOwnPropertyDescriptor(_, key) {
      const value = isItem(key) ? items.get(key) : null;
      if (value === null) return ReflectGetOwnPropertyDescriptor(storage, key);
      return { value, enumerable: true, configurable: true, writable: true };
    },
  });
  return proxy;
}

function bind(method, storage) {
  const bound = {
    [method.name]: (...args) => ReflectApply(method, storage, args),
  };
  return bound[method.name];
}

return {
  localStorage: createStorage(local),
  sessionStorage: createStorage(session()),
  Storage,
};
})();
