// https://fetch.spec.whatwg.org/#body-mixin: blob() and formData(), where
// deno_fetch's do something else.

(function () {
const { core, primordials } = __bootstrap;
const {
  MapPrototypeGet,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetOwnPropertySymbols,
  PromisePrototypeThen,
  ReflectApply,
  SafeArrayIterator,
  SafeWeakMap,
  StringPrototypeToLowerCase,
  SymbolPrototypeGetDescription,
  TypedArrayPrototypeGetByteLength,
  TypeError,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;

const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
const { essence, serializeMimeType } = core.loadExtScript(
  "ext:deno_web/01_mimesniff.js",
);
const { Response } = core.loadExtScript("ext:deno_fetch/23_response.js");

/** The symbol under which deno's classes keep something. */
function symbolOf(object, description) {
  const symbols = ObjectGetOwnPropertySymbols(object);
  for (const symbol of new SafeArrayIterator(symbols)) {
    if (SymbolPrototypeGetDescription(symbol) === description) return symbol;
  }
  throw new TypeError(`nothing is kept as "${description}"`);
}

const typeOfBlob = symbolOf(new Blob(), "Type");

/** Whether the last delimiter of a multipart body is there. */
function isTerminated(bytes, boundary) {
  const end = core.encode(`--${boundary}--`);
  const length = TypedArrayPrototypeGetByteLength(end);
  // What follows it is ignored.
  let at = TypedArrayPrototypeGetByteLength(bytes) - length;
  for (; at >= 0; at--) {
    let matched = 0;
    while (matched < length && bytes[at + matched] === end[matched]) matched++;
    if (matched === length && (at === 0 || bytes[at - 1] === 0x0a)) return true;
  }
  return false;
}

/** @type {WeakMap<object, () => object | null>} */
const mimeTypes = new SafeWeakMap();

// What deno's classes have under a symbol of their own.
function mimeTypeOf({ prototype }, object) {
  let getter = WeakMapPrototypeGet(mimeTypes, prototype);
  if (getter === undefined) {
    const symbol = symbolOf(prototype, "mime type");
    getter = ObjectGetOwnPropertyDescriptor(prototype, symbol).get;
    WeakMapPrototypeSet(mimeTypes, prototype, getter);
  }
  return ReflectApply(getter, object, []);
}

/** The type of the body; null where there is none, or no body. */
function mimeType(Class, object) {
  try {
    return mimeTypeOf(Class, object);
  } catch {
    // It is not a Request or a Response: deno's own methods say so.
    return null;
  }
}

// What there is nothing to mend of is left to deno's methods alone: a body that
// was aborted rejects at once.

/**
 * https://fetch.spec.whatwg.org/#dom-body-blob: the type is not converted to
 * lower case, as the constructor of Blob does it.
 */
function blob(Class, object) {
  const type = mimeType(Class, object);
  const result = Class.blob(object);
  if (type === null) return result;
  const serialized = serializeMimeType(type);
  if (serialized === StringPrototypeToLowerCase(serialized)) return result;
  return PromisePrototypeThen(result, (blob) => {
    blob[typeOfBlob] = serialized;
    return blob;
  });
}

/**
 * https://fetch.spec.whatwg.org/#dom-body-formdata: "If that fails for some
 * reason, then throw a TypeError."
 */
function formData(Class, object) {
  const type = mimeType(Class, object);
  const boundary = type === null
    ? undefined
    : MapPrototypeGet(type.parameters, "boundary");
  if (boundary === undefined || essence(type) !== "multipart/form-data") {
    return Class.formData(object);
  }
  return PromisePrototypeThen(Class.bytes(object), (bytes) => {
    if (!isTerminated(bytes, boundary)) {
      throw new TypeError("The form data has no end");
    }
    const copy = new Response(bytes, {
      __proto__: null,
      headers: [["content-type", serializeMimeType(type)]],
    });
    return Class.formDataOfResponse(copy);
  });
}

return { blob, formData };
})();
