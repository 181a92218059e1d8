// Errors of ops, as the exceptions that scripts see.

(function () {
const { core, primordials } = __bootstrap;
const { ObjectHasOwn, SafeWeakSet } = primordials;

const { DOMException, QuotaExceededError } = core.loadExtScript(
  "ext:deno_web/01_dom_exception.js",
);

// An error class may be registered once in a realm, and embedders register the
// `DOMException` classes for their own ops: the names here are this
// extension's alone.
const names = [
  "Abort",
  "InvalidState",
  "Network",
  "NotAllowed",
  "NotSupported",
  "Security",
  "Unknown",
];
for (let i = 0; i < names.length; i++) {
  const name = `${names[i]}Error`;
  core.registerErrorBuilder(
    `BackgroundFetch${name}`,
    (message) => new DOMException(message, name),
  );
}

// A builder is given the message only; `quota` and `requested` are put on the
// error afterwards. `QuotaExceededError` wants all three at once, and so it is
// made again where the error leaves this extension.
const withoutBounds = new SafeWeakSet();
core.registerErrorBuilder("BackgroundFetchQuotaExceeded", (message) => {
  const error = new QuotaExceededError(message);
  withoutBounds.add(error);
  return error;
});

/**
 * The exception that a script sees for `error`.
 * @param {unknown} error
 */
function toException(error) {
  if (!withoutBounds.has(error)) return error;
  const bounds = { __proto__: null };
  if (ObjectHasOwn(error, "quotaBytes")) bounds.quota = error.quotaBytes;
  if (ObjectHasOwn(error, "requestedBytes")) {
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
