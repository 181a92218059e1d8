// https://w3c.github.io/IndexedDB/#keyrange

(function () {
const { core, primordials } = __bootstrap;
const { ObjectPrototypeIsPrototypeOf } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { compareBytes, convertToValue, FIRST, isOfKeyType, LAST, toKey } = core
  .loadExtScript("ext:background_fetch_browser/indexed_db/keys.js");

const privateKey = { __proto__: null };

/** Bounds as the store has them: bytes, and whether they are open. */
let boundsOf;

class IDBKeyRange {
  #lower;
  #upper;
  #lowerOpen;
  #upperOpen;

  constructor(
    key = undefined,
    lower = undefined,
    upper = undefined,
    lowerOpen = undefined,
    upperOpen = undefined,
  ) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#lower = lower;
    this.#upper = upper;
    this.#lowerOpen = lowerOpen;
    this.#upperOpen = upperOpen;
  }

  static {
    boundsOf = (range) => ({
      __proto__: null,
      lower: range.#lower ?? FIRST,
      upper: range.#upper ?? LAST,
      lowerOpen: range.#lowerOpen,
      upperOpen: range.#upperOpen,
    });
  }

  get lower() {
    webidl.assertBranded(this, IDBKeyRangePrototype);
    return this.#lower === undefined ? undefined : convertToValue(this.#lower);
  }

  get upper() {
    webidl.assertBranded(this, IDBKeyRangePrototype);
    return this.#upper === undefined ? undefined : convertToValue(this.#upper);
  }

  get lowerOpen() {
    webidl.assertBranded(this, IDBKeyRangePrototype);
    return this.#lowerOpen;
  }

  get upperOpen() {
    webidl.assertBranded(this, IDBKeyRangePrototype);
    return this.#upperOpen;
  }

  // https://w3c.github.io/IndexedDB/#dom-idbkeyrange-only
  static only(value) {
    const prefix = "Failed to execute 'only' on 'IDBKeyRange'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const key = toKey(value, prefix);
    return newRange(key, key, false, false);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbkeyrange-lowerbound
  static lowerBound(lower, open = false) {
    const prefix = "Failed to execute 'lowerBound' on 'IDBKeyRange'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    return newRange(toKey(lower, prefix), undefined, !!open, true);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbkeyrange-upperbound
  static upperBound(upper, open = false) {
    const prefix = "Failed to execute 'upperBound' on 'IDBKeyRange'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    return newRange(undefined, toKey(upper, prefix), true, !!open);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbkeyrange-bound
  static bound(lower, upper, lowerOpen = false, upperOpen = false) {
    const prefix = "Failed to execute 'bound' on 'IDBKeyRange'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    const lowerKey = toKey(lower, prefix);
    const upperKey = toKey(upper, prefix);
    // Steps 5 and 6: If lowerKey is greater than upperKey, or they are equal
    // and one of them is open.
    const order = compareBytes(lowerKey, upperKey);
    if (order > 0 || (order === 0 && (lowerOpen || upperOpen))) {
      throw new DOMException(
        `${prefix}: no key is between the bounds`,
        "DataError",
      );
    }
    return newRange(lowerKey, upperKey, !!lowerOpen, !!upperOpen);
  }

  // https://w3c.github.io/IndexedDB/#dom-idbkeyrange-includes
  includes(key) {
    webidl.assertBranded(this, IDBKeyRangePrototype);
    const prefix = "Failed to execute 'includes' on 'IDBKeyRange'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const converted = toKey(key, prefix);
    const { lower, upper, lowerOpen, upperOpen } = boundsOf(this);
    const aboveLower = compareBytes(converted, lower);
    const aboveUpper = compareBytes(converted, upper);
    return (lowerOpen ? aboveLower > 0 : aboveLower >= 0) &&
      (upperOpen ? aboveUpper < 0 : aboveUpper <= 0);
  }
}

webidl.configureInterface(IDBKeyRange);
const IDBKeyRangePrototype = IDBKeyRange.prototype;

function newRange(lower, upper, lowerOpen, upperOpen) {
  return new IDBKeyRange(privateKey, lower, upper, lowerOpen, upperOpen);
}

const isRange = (value) =>
  ObjectPrototypeIsPrototypeOf(IDBKeyRangePrototype, value) &&
  value[webidl.brand] === webidl.brand;

const everything = {
  __proto__: null,
  lower: FIRST,
  upper: LAST,
  lowerOpen: false,
  upperOpen: false,
};

/**
 * The bounds that a query means: https://w3c.github.io/IndexedDB/#convert-a-value-to-a-key-range.
 * Nothing is everything.
 */
function toBounds(value, prefix) {
  if (value === undefined || value === null) return everything;
  return toBoundsOfKeys(value, prefix);
}

/** The same where "null disallowed" is true. */
function toBoundsOfKeys(value, prefix) {
  if (isRange(value)) return boundsOf(value);
  const key = toKey(value, prefix);
  return {
    __proto__: null,
    lower: key,
    upper: key,
    lowerOpen: false,
    upperOpen: false,
  };
}

/** https://w3c.github.io/IndexedDB/#potentially-valid-key-range */
const isPotentialRange = (value) => isRange(value) || isOfKeyType(value);

return { everything, IDBKeyRange, isPotentialRange, toBounds, toBoundsOfKeys };
})();
