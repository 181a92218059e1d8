// What no script handles: exceptions of listeners, and rejected promises.
//
// https://html.spec.whatwg.org/#runtime-script-errors

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_report_error } = core.ops;
const {
  ArrayIsArray,
  Error,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  String,
  StringPrototypeStartsWith,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const {
  ErrorEvent,
  EventTargetPrototype,
  PromiseRejectionEvent,
  setIsTrusted,
} = core.loadExtScript("ext:deno_web/02_event.js");

// Taken now: a script may replace it later.
const global = globalThis;

// Set by dispatch.js, which reports what listeners throw: each needs the other.
let dispatch;
function setDispatch(f) {
  dispatch = f;
}

/** The global object of an embedder need not be an event target. */
function isEventTarget(object) {
  return ObjectPrototypeIsPrototypeOf(EventTargetPrototype, object) &&
    object[webidl.brand] === webidl.brand;
}

/** Fires a trusted event at the global; whether a listener prevented it. */
function isPreventedBy(event) {
  setIsTrusted(event, true);
  return !dispatch(global, event);
}

/**
 * What deno_core may be given in the place of an exception. With QuickJS it
 * panics, and takes the process with it, over one that cannot be made a string,
 * such as a symbol, or that has one in it.
 */
function presentable(error) {
  if (canBeShown(error, 0)) return error;
  const text = describe(error);
  // Its own stack is none of a script's.
  return ObjectDefineProperty(new Error(text), "stack", {
    __proto__: null,
    value: `Uncaught ${text}`,
  });
}

function canBeShown(error, depth) {
  try {
    `${error}`;
    if (core.isProxy(error) || depth > 10) return false;
    if (!core.isNativeError(error)) return true;
    const { cause, errors } = error;
    if (cause !== undefined && !canBeShown(cause, depth + 1)) return false;
    if (errors === undefined || errors === null) return true;
    const count = ArrayIsArray(errors) && !core.isProxy(errors)
      ? errors.length
      : Infinity;
    if (count > 1000) return false;
    for (let i = 0; i < count; i++) {
      if (!canBeShown(errors[i], depth + 1)) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** A text for people. */
function describe(error) {
  try {
    const heading = String(error);
    const stack = error?.stack;
    if (!stack) return heading;
    const text = String(stack);
    // QuickJS leaves the message out of the stack.
    return StringPrototypeStartsWith(text, heading)
      ? text
      : `${heading}\n${text}`;
  } catch {
    return "a value that cannot be shown";
  }
}

/** Where an exception was thrown. */
function locate(error) {
  try {
    const { exceptionMessage, frames } = core.destructureError(
      presentable(error),
    );
    const frame = frames.length > 0 ? frames[0] : undefined;
    return {
      message: exceptionMessage,
      filename: frame?.fileName ?? "",
      lineno: frame?.lineNumber ?? 0,
      colno: frame?.columnNumber ?? 0,
    };
  } catch {
    return { message: "", filename: "", lineno: 0, colno: 0 };
  }
}

// https://html.spec.whatwg.org/#in-error-reporting-mode
let isReporting = false;

/**
 * Fires `error` at the global for an exception; whether a listener handled it.
 * https://html.spec.whatwg.org/#report-an-exception
 */
function isHandled(error) {
  if (isReporting || !isEventTarget(global)) return false;
  isReporting = true;
  try {
    const { message, filename, lineno, colno } = locate(error);
    const event = new ErrorEvent("error", {
      __proto__: null,
      cancelable: true,
      message,
      filename,
      lineno,
      colno,
      error,
    });
    return isPreventedBy(event);
  } finally {
    isReporting = false;
  }
}

/**
 * Reports an exception of a listener that the user agent has called. Other
 * uncaught exceptions end the embedder's turn of the event loop; this one must
 * not, because another event may be on its way.
 */
function reportException(error) {
  if (!isHandled(error)) report(error);
}

/**
 * Fires `unhandledrejection`, or another event of its kind, at the global;
 * whether a listener handled it.
 * https://html.spec.whatwg.org/#unhandled-promise-rejections
 */
function isRejectionHandled(type, cancelable, promise, reason) {
  if (!isEventTarget(global)) return false;
  const event = new PromiseRejectionEvent(type, {
    __proto__: null,
    cancelable,
    promise,
    reason,
  });
  return isPreventedBy(event);
}

/** Reports that a promise given to `waitUntil()` was rejected. */
function reportRejection(promise, reason) {
  if (!isRejectionHandled("unhandledrejection", true, promise, reason)) {
    report(reason);
  }
}

/** Tells the embedder. */
function report(error) {
  op_bgfetch_report_error(describe(error));
}

/** Ends the embedder's turn of the event loop with an error. */
function endTurn(error) {
  core.reportUnhandledException(presentable(error));
}

return {
  endTurn,
  isHandled,
  isRejectionHandled,
  presentable,
  report,
  reportException,
  reportRejection,
  setDispatch,
};
})();
