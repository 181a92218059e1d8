// What a global object needs before the interfaces of Background Fetch, and
// those of deno_web, work on it. A host with globals of its own calls these
// two functions from its own script:
//
//   const { prepareGlobalScope, registerExceptions } = core.loadExtScript(
//     "ext:background_fetch/common/global_scope.js",
//   );

(function () {
const { core, primordials } = __bootstrap;
const { ObjectSetPrototypeOf } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException, QuotaExceededError } = core.loadExtScript(
  "ext:deno_web/01_dom_exception.js",
);
const { EventTarget, saveGlobalThisReference, setEventTargetData } = core
  .loadExtScript("ext:deno_web/02_event.js");
const { setLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

/**
 * Makes the global object an `EventTarget` of a realm at `url`.
 * @param {string} url what relative URLs are resolved against
 * @param {object} prototype that of the global object: an interface that
 *   inherits from `EventTarget`, such as `Window.prototype`
 * @param {(error: unknown) => void} reportException called with what a
 *   listener, a timer or `reportError()` throws, if it is not caught
 */
function prepareGlobalScope(
  url,
  prototype = EventTarget.prototype,
  reportException = undefined,
) {
  // Relative URLs work from here on.
  setLocationHref(url);
  ObjectSetPrototypeOf(globalThis, prototype);
  // addEventListener() and its like take a branded object only, and one that
  // has a place for its listeners.
  globalThis[webidl.brand] = webidl.brand;
  setEventTargetData(globalThis);
  // The target of events that have none of their own.
  saveGlobalThisReference(globalThis);
  if (reportException !== undefined) {
    core.setReportExceptionCallback(reportException);
  }
}

// Errors of deno_web's, deno_fetch's and deno_crypto's ops. No other script
// registers them, and without that they cannot be thrown.
function registerExceptions() {
  const names = [
    "Abort",
    "Data",
    "DataClone",
    "IndexSize",
    "InvalidAccess",
    "InvalidCharacter",
    "InvalidState",
    "NotSupported",
    "Operation",
    "Syntax",
    "TypeMismatch",
  ];
  for (let i = 0; i < names.length; i++) {
    const name = `${names[i]}Error`;
    core.registerErrorBuilder(
      `DOMException${name}`,
      (message) => new DOMException(message, name),
    );
  }
  core.registerErrorBuilder(
    "DOMExceptionQuotaExceededError",
    (message) => new QuotaExceededError(message),
  );
}

return { prepareGlobalScope, registerExceptions };
})();
