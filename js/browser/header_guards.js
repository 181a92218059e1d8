// https://fetch.spec.whatwg.org/#concept-headers-guard: "request",
// "request-no-cors" and "response", which deno_fetch's class does not keep to.

(function () {
const { core, primordials } = __bootstrap;
const { op_fetch_is_forbidden_header, op_fetch_is_no_cors_safelisted } =
  core.ops;
const { defineMembers } = core.loadExtScript(
  "ext:background_fetch_browser/lazy.js",
);
const {
  ArrayPrototypeIncludes,
  ArrayPrototypeSlice,
  ReflectApply,
  SafeWeakMap,
  String,
  StringPrototypeToLowerCase,
  uncurryThis,
  WeakMapPrototypeGet,
  WeakMapPrototypeHas,
  WeakMapPrototypeSet,
} = primordials;

const { guardFromHeaders, headerListFromHeaders, Headers } = core
  .loadExtScript("ext:deno_fetch/20_headers.js");

const { append, delete: remove, get, set } = Headers.prototype;
const appendTo = uncurryThis(append);
const removeFrom = uncurryThis(remove);
const getOf = uncurryThis(get);
const setOf = uncurryThis(set);

/**
 * The headers of requests, with whether the mode is "no-cors".
 * @type {WeakMap<Headers, boolean>}
 */
const guarded = new SafeWeakMap();
const isGuarded = (headers) => WeakMapPrototypeHas(guarded, headers);
const isNoCors = (headers) => WeakMapPrototypeGet(guarded, headers);

/** Whether a response that a script has made may not have the header. */
function isRefused(headers, name) {
  if (typeof headers !== "object" || headers === null) return false;
  if (guardFromHeaders(headers) !== "response") return false;
  // https://fetch.spec.whatwg.org/#forbidden-response-header-name
  const lower = StringPrototypeToLowerCase(String(name));
  return lower === "set-cookie" || lower === "set-cookie2";
}

// https://fetch.spec.whatwg.org/#privileged-no-cors-request-header-name
const PRIVILEGED = "range";
// https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header-name, and
// the privileged one.
const REMOVABLE = [
  "accept",
  "accept-language",
  "content-language",
  "content-type",
  PRIVILEGED,
];

/** A header as the operation takes it; what is none throws. */
function validated(operation, header) {
  const headers = new Headers();
  ReflectApply(operation, headers, header);
  return headerListFromHeaders(headers)[0];
}

const members = {
  // https://fetch.spec.whatwg.org/#concept-headers-append
  append(name, value) {
    if (!isGuarded(this)) {
      if (isRefused(this, name)) {
        validated(append, arguments);
        return;
      }
      return ReflectApply(append, this, arguments);
    }
    // Steps 1 and 2: a bad header throws; a forbidden one is passed over.
    const header = validated(append, arguments);
    if (op_fetch_is_forbidden_header(header[0], header[1])) return;
    // Step 3: without CORS the combined value has to be safe, too.
    if (isNoCors(this)) {
      const existing = getOf(this, header[0]);
      const temporary = existing === null
        ? header[1]
        : `${existing}, ${header[1]}`;
      if (!op_fetch_is_no_cors_safelisted(header[0], temporary)) return;
    }
    // Step 4: append the header to the list.
    appendTo(this, header[0], header[1]);
    // Step 5: without CORS a privileged header does not stay.
    if (isNoCors(this)) removeFrom(this, PRIVILEGED);
  },
  // https://fetch.spec.whatwg.org/#dom-headers-delete
  delete(name) {
    if (isGuarded(this)) {
      // Step 1: a bad name throws; a forbidden one is passed over.
      ReflectApply(remove, new Headers(), arguments);
      name = String(name);
      if (op_fetch_is_forbidden_header(name, "")) return;
      // Step 2: without CORS only the safe names can be deleted.
      const lower = StringPrototypeToLowerCase(name);
      if (isNoCors(this) && !ArrayPrototypeIncludes(REMOVABLE, lower)) return;
      return removeFrom(this, name);
    }
    if (isRefused(this, name)) return;
    return ReflectApply(remove, this, arguments);
  },
  // https://fetch.spec.whatwg.org/#dom-headers-set
  set(name, value) {
    if (!isGuarded(this)) {
      if (isRefused(this, name)) {
        validated(set, arguments);
        return;
      }
      return ReflectApply(set, this, arguments);
    }
    // Steps 1 and 2: a bad header throws; a forbidden one is passed over.
    const header = validated(set, arguments);
    if (op_fetch_is_forbidden_header(header[0], header[1])) return;
    // Step 3: without CORS the value has to be safe, too.
    if (
      isNoCors(this) && !op_fetch_is_no_cors_safelisted(header[0], header[1])
    ) {
      return;
    }
    // Step 4: set the header in the list.
    setOf(this, header[0], header[1]);
    // Step 5: without CORS a privileged header does not stay.
    if (isNoCors(this)) removeFrom(this, PRIVILEGED);
  },
};
defineMembers(Headers.prototype, members);

/** Takes from a response's headers what its constructor let pass. */
function guardResponse(headers) {
  if (guardFromHeaders(headers) !== "response") return;
  removeFrom(headers, "set-cookie");
  removeFrom(headers, "set-cookie2");
}

/** Gives a request's headers their guard; they are filled again under it. */
function guardRequest(headers, mode) {
  // Those of a request that no script has made are immutable.
  if (isGuarded(headers) || guardFromHeaders(headers) !== "request") return;
  const list = ArrayPrototypeSlice(headerListFromHeaders(headers));
  for (let i = 0; i < list.length; i++) removeFrom(headers, list[i][0]);
  WeakMapPrototypeSet(guarded, headers, mode === "no-cors");
  for (let i = 0; i < list.length; i++) {
    ReflectApply(members.append, headers, [list[i][0], list[i][1]]);
  }
}

return { guardRequest, guardResponse };
})();
