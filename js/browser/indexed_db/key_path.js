// https://w3c.github.io/IndexedDB/#key-path-construct

(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ObjectGetOwnPropertyDescriptor,
  ObjectHasOwn,
  ObjectPrototypeIsPrototypeOf,
  RegExpPrototypeTest,
  SafeRegExp,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  SymbolIterator,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { BlobPrototype, FilePrototype } = core.loadExtScript(
  "ext:deno_web/09_file.js",
);
const { append, createDataProperty } = core.loadExtScript(
  "ext:background_fetch/common/lists.js",
);
const { convertToKey, convertToKeys } = core.loadExtScript(
  "ext:background_fetch_browser/indexed_db/keys.js",
);

// Taken now: a script may replace them later.
const getter = (prototype, name) =>
  uncurryThis(ObjectGetOwnPropertyDescriptor(prototype, name).get);
const ofBlob = {
  __proto__: null,
  size: getter(BlobPrototype, "size"),
  type: getter(BlobPrototype, "type"),
};
const ofFile = {
  __proto__: null,
  name: getter(FilePrototype, "name"),
  lastModified: getter(FilePrototype, "lastModified"),
};

const IDENTIFIER = "[$_\\p{ID_Start}][$\\u200c\\u200d\\p{ID_Continue}]*";
const KEY_PATH = new SafeRegExp(
  `^(?:${IDENTIFIER}(?:\\.${IDENTIFIER})*)?$`,
  "u",
);

/** `(DOMString or sequence<DOMString>)` */
function convertToKeyPath(value, prefix, context) {
  const isObject = webidl.type(value) === "Object";
  if (isObject && value[SymbolIterator] !== undefined) {
    return webidl.converters["sequence<DOMString>"](value, prefix, context);
  }
  return webidl.converters.DOMString(value, prefix, context);
}

/** https://w3c.github.io/IndexedDB/#valid-key-path */
function isValid(keyPath) {
  if (!ArrayIsArray(keyPath)) return RegExpPrototypeTest(KEY_PATH, keyPath);
  for (let i = 0; i < keyPath.length; i++) {
    if (!RegExpPrototypeTest(KEY_PATH, keyPath[i])) return false;
  }
  return keyPath.length > 0;
}

/** The identifiers between the dots. */
function identifiersOf(keyPath) {
  const identifiers = [];
  let start = 0;
  while (true) {
    const dot = StringPrototypeIndexOf(keyPath, ".", start);
    if (dot === -1) {
      append(identifiers, StringPrototypeSlice(keyPath, start));
      return identifiers;
    }
    append(identifiers, StringPrototypeSlice(keyPath, start, dot));
    start = dot + 1;
  }
}

const isObject = (value) => typeof value === "object" && value !== null;

/** What has nothing at the key path. */
const FAILURE = { __proto__: null };

/**
 * https://w3c.github.io/IndexedDB/#evaluate-a-key-path-on-a-value, of a value
 * that no script has
 */
function evaluate(keyPath, value) {
  // Step 1: If keyPath is a list of strings.
  if (ArrayIsArray(keyPath)) {
    const result = [];
    for (let i = 0; i < keyPath.length; i++) {
      const item = evaluate(keyPath[i], value);
      if (item === FAILURE) return FAILURE;
      append(result, item);
    }
    return result;
  }
  // Step 2: If keyPath is the empty string, return value.
  if (keyPath === "") return value;
  // Steps 3 and 4: For each identifier.
  const identifiers = identifiersOf(keyPath);
  for (let i = 0; i < identifiers.length; i++) {
    value = member(value, identifiers[i]);
    if (value === FAILURE) return FAILURE;
  }
  return value;
}

function member(value, identifier) {
  if (typeof value === "string") {
    return identifier === "length" ? value.length : FAILURE;
  }
  if (!isObject(value)) return FAILURE;
  if (ArrayIsArray(value) && identifier === "length") return value.length;
  const ofFileHas = ofFile[identifier];
  if (
    ofFileHas !== undefined && ObjectPrototypeIsPrototypeOf(FilePrototype, value)
  ) {
    return ofFileHas(value);
  }
  const ofBlobHas = ofBlob[identifier];
  if (
    ofBlobHas !== undefined && ObjectPrototypeIsPrototypeOf(BlobPrototype, value)
  ) {
    return ofBlobHas(value);
  }
  if (!ObjectHasOwn(value, identifier)) return FAILURE;
  const item = value[identifier];
  // If value is undefined, return failure.
  return item === undefined ? FAILURE : item;
}

/**
 * https://w3c.github.io/IndexedDB/#extract-a-key-from-a-value-using-a-key-path:
 * a key, or INVALID, or FAILURE
 */
function extractKey(keyPath, value) {
  const found = evaluate(keyPath, value);
  return found === FAILURE ? FAILURE : convertToKey(found);
}

/** The same for an index with the multiEntry flag: keys, or one of these. */
function extractKeys(keyPath, value) {
  const found = evaluate(keyPath, value);
  return found === FAILURE ? FAILURE : convertToKeys(found);
}

/** https://w3c.github.io/IndexedDB/#check-that-a-key-could-be-injected-into-a-value */
function canInject(keyPath, value) {
  const identifiers = identifiersOf(keyPath);
  for (let i = 0; i < identifiers.length - 1; i++) {
    if (!isObject(value)) return false;
    if (!ObjectHasOwn(value, identifiers[i])) return true;
    value = value[identifiers[i]];
  }
  return isObject(value);
}

/** https://w3c.github.io/IndexedDB/#inject-a-key-into-a-value */
function inject(keyPath, value, key) {
  const identifiers = identifiersOf(keyPath);
  const last = identifiers.length - 1;
  for (let i = 0; i < last; i++) {
    if (!ObjectHasOwn(value, identifiers[i])) {
      createDataProperty(value, identifiers[i], {});
    }
    value = value[identifiers[i]];
  }
  createDataProperty(value, identifiers[last], key);
}

return {
  canInject,
  convertToKeyPath,
  extractKey,
  extractKeys,
  FAILURE,
  inject,
  isValid,
};
})();
