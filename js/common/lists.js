// Lists that scripts cannot reach into while they are made.
//
// `push()` sets a property, which a setter on Array.prototype sees, and
// `map()` asks `constructor` for its species: both are a script's to change.

(function () {
const { primordials } = __bootstrap;
const { ReflectDefineProperty } = primordials;

// One for all: it is used up before anything else can run.
const descriptor = {
  __proto__: null,
  value: undefined,
  writable: true,
  enumerable: true,
  configurable: true,
};

/**
 * Of an array or an ordinary object, whose definitions run no script.
 * https://tc39.es/ecma262/#sec-createdataproperty
 */
function createDataProperty(object, key, value) {
  descriptor.value = value;
  ReflectDefineProperty(object, key, descriptor);
  descriptor.value = undefined;
}

/**
 * Appends to a list.
 * @template T
 * @param {T[]} list
 * @param {T} value
 */
function append(list, value) {
  createDataProperty(list, list.length, value);
}

/**
 * A new list of what `convert` makes of each item.
 * @template T, U
 * @param {T[]} list
 * @param {(item: T) => U} convert
 * @returns {U[]}
 */
function mapList(list, convert) {
  const mapped = [];
  for (let i = 0; i < list.length; i++) append(mapped, convert(list[i]));
  return mapped;
}

/**
 * A new list of the items for which `test` holds.
 * @template T
 * @param {T[]} list
 * @param {(item: T) => boolean} test
 * @returns {T[]}
 */
function filterList(list, test) {
  const filtered = [];
  for (let i = 0; i < list.length; i++) {
    if (test(list[i])) append(filtered, list[i]);
  }
  return filtered;
}

return { append, createDataProperty, filterList, mapList };
})();
