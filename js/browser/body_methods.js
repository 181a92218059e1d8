// https://fetch.spec.whatwg.org/#body-mixin: blob() and formData(), where
// deno_fetch's do something else.

(function () {
const { core, primordials } = __bootstrap;
const { symbolOf } = core.loadExtScript(
  "ext:background_fetch/common/symbols.js",
);
const {
  MapPrototypeGet,
  ObjectGetOwnPropertyDescriptor,
  PromisePrototypeThen,
  StringPrototypeToLowerCase,
  TypedArrayPrototypeGetByteLength,
  TypeError,
  uncurryThis,
} = primordials;

const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
const { essence, serializeMimeType } = core.loadExtScript(
  "ext:deno_web/01_mimesniff.js",
);
const { Response } = core.loadExtScript("ext:deno_fetch/23_response.js");

const typeOfBlob = symbolOf(new Blob(), "Type");

/** Whether the last delimiter of a multipart body is there. */
function isTerminated(bytes, boundary) {
  const end = core.encode(`--${boundary}--`);
  const length = TypedArrayPrototypeGetByteLength(end);
  const last = TypedArrayPrototypeGetByteLength(bytes) - length;
  // What follows it is ignored.
  for (let at = last; at >= 0; at--) {
    let matched = 0;
    while (matched < length && bytes[at + matched] === end[matched]) matched++;
    if (matched === length && (at === 0 || bytes[at - 1] === 0x0a)) return true;
  }
  return false;
}

// What deno's classes have under a symbol of their own.
function mimeTypeGetter({ prototype }) {
  const symbol = symbolOf(prototype, "mime type");
  return uncurryThis(ObjectGetOwnPropertyDescriptor(prototype, symbol).get);
}

/** The type of the body; null where there is none, or no body. */
function mimeType(Class, object) {
  Class.mimeType ??= mimeTypeGetter(Class);
  try {
    return Class.mimeType(object);
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
