// Responses between scripts and the engine.

(function () {
const { core, primordials } = __bootstrap;
const { createBody } = core.loadExtScript(
  "ext:background_fetch_browser/bodies.js",
);
const {
  ArrayPrototypeMap,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  SafeWeakMap,
  uncurryThis,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;

const {
  fromInnerResponse,
  newInnerResponse,
  nullBodyStatus,
  Response,
  ResponsePrototype,
  toInnerResponse,
} = core.loadExtScript("ext:deno_fetch/23_response.js");

/**
 * The internal responses of opaque and opaque-redirect filtered responses.
 * https://fetch.spec.whatwg.org/#concept-filtered-response-opaque
 * @type {WeakMap<Response, { stored: object, body: InnerBody | null }>}
 */
const internals = new SafeWeakMap();

function isResponse(value) {
  return ObjectPrototypeIsPrototypeOf(ResponsePrototype, value) &&
    toInnerResponse(value) !== undefined;
}

/**
 * A Response for what the engine has.
 * @param {object} stored its head
 * @param {number | null} body the resource of its body
 */
function createResponse({ response: stored, body }) {
  const innerBody = createBody(body);
  if (stored.type === "opaque" || stored.type === "opaqueredirect") {
    return createOpaque(stored, innerBody);
  }
  const inner = newInnerResponse(stored.status, stored.status_message);
  inner.type = stored.type;
  inner.urlList = stored.url_list;
  inner.headerList = stored.headers;
  inner.bodyDecoded = stored.decoded ?? false;
  if (!nullBodyStatus(stored.status)) inner.body = innerBody;
  return fromInnerResponse(inner, "immutable");
}

function createOpaque(stored, body) {
  const inner = newInnerResponse(0);
  inner.type = stored.type;
  if (stored.type === "opaqueredirect") inner.urlList = stored.url_list;
  const response = fromInnerResponse(inner, "immutable");
  cloneInternals();
  WeakMapPrototypeSet(internals, response, { __proto__: null, stored, body });
  return response;
}

let clonesInternals = false;

// deno_fetch's clone() knows of no internal response.
function cloneInternals() {
  if (clonesInternals) return;
  clonesInternals = true;
  const clone = uncurryThis(ResponsePrototype.clone);
  const methods = {
    clone() {
      const second = clone(this);
      const internal = WeakMapPrototypeGet(internals, this);
      if (internal !== undefined) {
        WeakMapPrototypeSet(internals, second, {
          __proto__: null,
          stored: internal.stored,
          body: internal.body === null ? null : internal.body.clone(),
        });
      }
      return second;
    },
  };
  ObjectDefineProperty(Response.prototype, "clone", {
    __proto__: null,
    value: methods.clone,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/**
 * The head and the body of a Response, for the engine: those of its internal
 * response. Its type is not "error".
 */
function serializeResponse(response) {
  const internal = WeakMapPrototypeGet(internals, response);
  if (internal !== undefined) return internal;
  // The getter writes what deno_fetch keeps back until it is looked at.
  response.headers;
  const { body } = response;
  const inner = toInnerResponse(response);
  return {
    stored: {
      type: inner.type,
      status: inner.status,
      status_message: inner.statusMessage,
      headers: ArrayPrototypeMap(inner.headerList, (h) => [h[0], h[1]]),
      decoded: inner.bodyDecoded ?? false,
      url_list: ArrayPrototypeMap(inner.urlList, (url) => url),
    },
    body: body === null ? null : inner.body,
  };
}

/** The body of a response, of an opaque one that of its internal response. */
function bodyOf(response) {
  const internal = WeakMapPrototypeGet(internals, response);
  return internal === undefined
    ? toInnerResponse(response).body
    : internal.body;
}

return {
  bodyOf,
  createResponse,
  isResponse,
  serializeResponse,
};
})();
