// What fetch() answers for a blob: URL.

(function () {
const { core, primordials } = __bootstrap;
const { op_fetch_may_connect } = core.ops;
const {
  Number,
  ObjectGetOwnPropertyDescriptor,
  RegExpPrototypeExec,
  String,
  StringPrototypeToLowerCase,
  TypeError,
  uncurryThis,
} = primordials;

const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const { fromInnerResponse, newInnerResponse } = core.loadExtScript(
  "ext:deno_fetch/23_response.js",
);

// Taken now: a script may replace them later.
const getterOf = (name) =>
  uncurryThis(ObjectGetOwnPropertyDescriptor(Blob.prototype, name).get);
const sizeOf = getterOf("size");
const typeOf = getterOf("type");
const sliceOf = uncurryThis(Blob.prototype.slice);
const streamOf = uncurryThis(Blob.prototype.stream);

// https://fetch.spec.whatwg.org/#simple-range-header-value, with blanks
const SINGLE_RANGE = /^bytes[\t ]*=[\t ]*([0-9]*)[\t ]*-[\t ]*([0-9]*)$/;

/**
 * https://fetch.spec.whatwg.org/#simple-range-header-value: the first byte and
 * the one after the last, of a blob with `size` bytes; null for what is not a
 * single range of it.
 */
function parseRange(value, size) {
  const parts = RegExpPrototypeExec(SINGLE_RANGE, value);
  if (parts === null) return null;
  const { 1: start, 2: end } = parts;
  // "Scheme fetch", "blob", step 9.5. The last so many bytes.
  if (start === "") {
    const length = Number(end);
    if (end === "" || length === 0 || size === 0) return null;
    return { start: length < size ? size - length : 0, end: size };
  }
  // Step 9.6: Those from the first one that is named.
  const first = Number(start);
  if (first >= size) return null;
  if (end === "") return { start: first, end: size };
  const last = Number(end);
  if (last < first) return null;
  return { start: first, end: last < size ? last + 1 : size };
}

function rangeOf(headerList) {
  for (let i = 0; i < headerList.length; i++) {
    const { 0: name, 1: value } = headerList[i];
    if (StringPrototypeToLowerCase(name) === "range") return value;
  }
  return null;
}

/** https://fetch.spec.whatwg.org/#scheme-fetch, "blob" */
function blobResponse(inner) {
  const blob = inner.blobUrlEntry;
  // Step 2: If request's method is not `GET`, then return a network error.
  if (inner.method !== "GET") {
    throw new TypeError("Failed to fetch: a blob: URL can only be read");
  }
  op_fetch_may_connect(inner.url());
  // Step 7: Let type be blob's type.
  const type = typeOf(blob);
  const size = sizeOf(blob);
  const requested = rangeOf(inner.headerList);
  let response;
  let body;
  if (requested === null) {
    // Step 8: If request's header list does not contain `Range`.
    response = newInnerResponse(200, "OK");
    response.headerList = [
      ["content-length", String(size)],
      ["content-type", type],
    ];
    body = blob;
  } else {
    // Step 9: Otherwise, a part of it.
    const range = parseRange(requested, size);
    if (range === null) {
      throw new TypeError(
        `Failed to fetch: ${requested} is not a single range of a blob with ` +
          `${size} bytes`,
      );
    }
    const { start, end } = range;
    response = newInnerResponse(206, "Partial Content");
    response.headerList = [
      ["content-length", String(end - start)],
      ["content-type", type],
      ["content-range", `bytes ${start}-${end - 1}/${size}`],
    ];
    body = sliceOf(blob, start, end, type);
  }
  response.type = "basic";
  response.urlList = [inner.url()];
  response.body = new InnerBody(streamOf(body));
  return fromInnerResponse(response, "immutable");
}

return { blobResponse };
})();
