// Requests between scripts and the engine.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_read_request_body } = core.ops;
const { append, mapList } = core.loadExtScript(
  "ext:background_fetch/common/lists.js",
);
const { storedBodyStream } = core.loadExtScript(
  "ext:background_fetch/background_fetch/stored_body.js",
);
const {
  FunctionPrototypeCall,
  ObjectHasOwn,
  ObjectPrototypeIsPrototypeOf,
  StringPrototypeIncludes,
  SymbolIterator,
  TypeError,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const {
  fromInnerRequest,
  newInnerRequest,
  Request,
  RequestPrototype,
  toInnerRequest,
} = core.loadExtScript("ext:deno_fetch/23_request.js");

// `Request` keeps its request under a symbol; only an object that has it is a
// platform object, whatever its prototype chain says.
function isRequest(value) {
  return ObjectPrototypeIsPrototypeOf(RequestPrototype, value) &&
    toInnerRequest(value) !== undefined;
}

/** `typedef (Request or USVString) RequestInfo`, converted. */
function convertRequestInfo(value, prefix, context) {
  if (isRequest(value)) return value;
  return webidl.converters.USVString(value, prefix, context);
}

/**
 * `(RequestInfo or sequence<RequestInfo>)`, converted; always a list.
 * https://webidl.spec.whatwg.org/#js-union
 */
function convertRequests(value, prefix, context) {
  // A Request is an interface type: it wins over its own iterator, if a script
  // gave it one.
  if (isRequest(value)) return [value];
  if (webidl.type(value) === "Object") {
    const method = value[SymbolIterator];
    if (method !== undefined && method !== null) {
      return convertSequence(value, method, prefix, context);
    }
  }
  return [webidl.converters.USVString(value, prefix, context)];
}

// The union has looked the iterator method up already, and a script can tell
// whether that happens twice: hence no `createSequenceConverter` here.
// https://webidl.spec.whatwg.org/#create-sequence-from-iterable
function convertSequence(iterable, method, prefix, context) {
  if (typeof method !== "function") {
    throw new TypeError(`${prefix}: ${context} is not iterable`);
  }
  const iterator = FunctionPrototypeCall(method, iterable);
  if (webidl.type(iterator) !== "Object") {
    throw new TypeError(`${prefix}: ${context} has no iterator`);
  }
  const next = iterator.next;
  const list = [];
  while (true) {
    const result = FunctionPrototypeCall(next, iterator);
    if (webidl.type(result) !== "Object") {
      throw new TypeError(`${prefix}: ${context} has no iterator`);
    }
    if (result.done) return list;
    append(
      list,
      convertRequestInfo(
        result.value,
        prefix,
        `${context}, index ${list.length}`,
      ),
    );
  }
}

/**
 * The request of the result of invoking the `Request` constructor.
 * Throws what the constructor throws.
 */
function constructRequest(info) {
  const request = new Request(info);
  // https://fetch.spec.whatwg.org/#dom-request, step 5.3, which deno_fetch
  // leaves out. Without an "@" there are no credentials, and most URLs need not
  // be parsed a second time.
  if (typeof info === "string" && StringPrototypeIncludes(request.url, "@")) {
    const url = new URL(request.url);
    if (url.username !== "" || url.password !== "") {
      throw new TypeError("A URL with credentials cannot be fetched");
    }
  }
  return toInnerRequest(request);
}

// deno_fetch leaves out what has its default, and a script may have put
// anything of that name on Object.prototype; what deno_fetch has read there
// itself is not a valid value.
function member(inner, name) {
  return ObjectHasOwn(inner, name) ? inner[name] : undefined;
}

/** https://fetch.spec.whatwg.org/#concept-request-mode */
function requestMode(inner) {
  return webidl.converters.RequestMode(member(inner, "mode") ?? "cors");
}

/**
 * An inner request of deno_fetch as the engine wants it, without its body, and
 * without a client: fetch.6.3
 */
function serializeRequest(inner) {
  return {
    __proto__: null,
    method: inner.method,
    url: inner.url(),
    headers: mapList(inner.headerList, (h) => [h[0], h[1]]),
    mode: requestMode(inner),
    credentials: webidl.converters.RequestCredentials(
      member(inner, "credentialsMode") ?? "same-origin",
    ),
    redirect: inner.redirectMode,
    cache: webidl.converters.RequestCache(
      member(inner, "cacheMode") ?? "default",
    ),
    referrer: serializeReferrer(member(inner, "referrer")),
    referrer_policy: webidl.converters.ReferrerPolicy(
      member(inner, "referrerPolicy") ?? "",
    ),
    integrity: member(inner, "integrity") ?? "",
    keepalive: member(inner, "keepalive") ?? false,
    // How long it is turns out when it is stored.
    body_length: inner.body === null ? null : 0,
  };
}

function serializeReferrer(referrer) {
  switch (referrer) {
    case undefined:
    case "client":
      return "about:client";
    case "no-referrer":
      return "";
    default:
      return referrer;
  }
}

function deserializeReferrer(referrer) {
  switch (referrer) {
    case "about:client":
      return "client";
    case "":
      return "no-referrer";
    default:
      return referrer;
  }
}

/**
 * A Request for what the engine stored; its body is read from the store as it
 * is pulled.
 * @param {{ rid: number }} handle the record in the engine
 */
function createRequestObject(handle, stored) {
  const body = stored.body_length === null
    ? null
    : new InnerBody(storedBodyStream((offset, length) =>
      op_bgfetch_read_request_body(handle.rid, offset, length)
    ));
  if (body !== null) body.length = stored.body_length;
  return fromInnerRequest(createInnerRequest(stored, body), "request");
}

/** The inner request of deno_fetch for what `serializeRequest` has made. */
function createInnerRequest(stored, body) {
  const inner = newInnerRequest(
    stored.method,
    stored.url,
    () => stored.headers,
    body,
    false,
  );
  inner.mode = stored.mode;
  inner.credentialsMode = stored.credentials;
  inner.redirectMode = stored.redirect;
  inner.cacheMode = stored.cache;
  inner.referrer = deserializeReferrer(stored.referrer);
  inner.referrerPolicy = stored.referrer_policy;
  inner.integrity = stored.integrity;
  inner.keepalive = stored.keepalive;
  return inner;
}

return {
  constructRequest,
  convertRequestInfo,
  convertRequests,
  createInnerRequest,
  createRequestObject,
  requestMode,
  serializeRequest,
};
})();
