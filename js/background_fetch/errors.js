// Errors of ops, as the exceptions that scripts see.

(function () {
const { core, primordials } = __bootstrap;
const { Error, NumberIsNaN, ObjectPrototypeIsPrototypeOf } = primordials;

const { DOMException, QuotaExceededError } = core.loadExtScript(
  "ext:deno_web/01_dom_exception.js",
);

// An error class may be registered once in a realm, and embedders register the
// `DOMException` classes for their own ops: the names here are this
// extension's alone.
core.registerErrorBuilder(
  "BackgroundFetchNotAllowedError",
  (message) => new DOMException(message, "NotAllowedError"),
);
core.registerErrorBuilder(
  "BackgroundFetchAbortError",
  (message) => new DOMException(message, "AbortError"),
);
core.registerErrorBuilder(
  "BackgroundFetchNetworkError",
  (message) => new DOMException(message, "NetworkError"),
);
core.registerErrorBuilder(
  "BackgroundFetchSecurityError",
  (message) => new DOMException(message, "SecurityError"),
);
core.registerErrorBuilder(
  "BackgroundFetchUnknownError",
  (message) => new DOMException(message, "UnknownError"),
);

// A builder is given the message only; `quota` and `requested` are put on the
// error afterwards. `QuotaExceededError` wants all three at once, and so it is
// made where the error leaves this extension.
class QuotaExceeded extends Error {}
core.registerErrorBuilder(
  "BackgroundFetchQuotaExceeded",
  (message) => new QuotaExceeded(message),
);

/**
 * The exception that a script sees for `error`.
 * @param {unknown} error
 */
function toException(error) {
  if (!ObjectPrototypeIsPrototypeOf(QuotaExceeded.prototype, error)) {
    return error;
  }
  const bounds = { __proto__: null };
  if (!NumberIsNaN(error.quotaBytes)) bounds.quota = error.quotaBytes;
  if (!NumberIsNaN(error.requestedBytes)) {
    bounds.requested = error.requestedBytes;
  }
  return new QuotaExceededError(error.message, bounds);
}

/** @param {string} message */
function invalidStateError(message) {
  return new DOMException(message, "InvalidStateError");
}

/** @param {string} message */
function abortError(message) {
  return new DOMException(message, "AbortError");
}

return {
  abortError,
  invalidStateError,
  toException,
};
})();
