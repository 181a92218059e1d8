// Members of the global object that are loaded when a script first asks
// for them: most realms need few of them.

(function () {
const { primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetOwnPropertyDescriptors,
} = primordials;

function define(object, name, value, enumerable) {
  ObjectDefineProperty(object, name, {
    __proto__: null,
    value,
    enumerable,
    configurable: true,
    writable: true,
  });
}

function defineLazy(object, name, load, enumerable) {
  // The computed names make the functions' names "get name" and "set name".
  ObjectDefineProperty(object, name, {
    __proto__: null,
    get: () => {
      const value = load();
      define(object, name, value, enumerable);
      return value;
    },
    // On the object that was assigned to, if that inherits it.
    set: function (value) {
      define(this ?? globalThis, name, value, enumerable);
    },
    enumerable,
    configurable: true,
  });
}

/** An interface; `load` returns an object that has it under its name. */
function defineLazyInterface(object, name, load) {
  defineLazy(object, name, () => load()[name], false);
}

/**
 * Several interfaces of one script: when one is asked for, all are there.
 * Returns what loads it.
 */
function defineLazyInterfaces(object, names, load) {
  const getters = { __proto__: null };
  const loadAll = () => {
    const all = load();
    for (const name in getters) {
      const { get } = ObjectGetOwnPropertyDescriptor(object, name) ?? getters;
      if (get === getters[name]) define(object, name, all[name], false);
    }
    return all;
  };
  for (let i = 0; i < names.length; i++) {
    defineLazyInterface(object, names[i], loadAll);
    getters[names[i]] =
      ObjectGetOwnPropertyDescriptor(object, names[i]).get;
  }
  return loadAll;
}

/** An operation, which Web IDL has enumerable. */
function defineLazyOperation(object, name, load) {
  defineLazy(object, name, () => load()[name], true);
}

/**
 * Adds members to a prototype that others have made: what `members` has, as
 * Web IDL has them.
 */
function defineMembers(prototype, members) {
  const descriptors = ObjectGetOwnPropertyDescriptors(members);
  for (const name in descriptors) {
    ObjectDefineProperty(prototype, name, descriptors[name]);
  }
}

return {
  defineLazyInterface,
  defineLazyInterfaces,
  defineLazyOperation,
  defineMembers,
};
})();
