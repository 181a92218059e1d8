// What scripts ask of the service workers' side, and what they are answered.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_service_worker_call } = core.ops;
const {
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeGetSize,
  MapPrototypeSet,
  Promise,
  SafeMap,
  TypeError,
} = primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");

/** @type {Map<number, { resolve: Function, reject: Function }>} */
const waiting = new SafeMap();
let last = 0;
let onWaiting = () => {};

/**
 * Asks; resolves with the answer's value. The answer comes between the other
 * messages, in the order in which things have happened.
 */
function call(what) {
  last = (last + 1) >>> 0;
  return new Promise((resolve, reject) => {
    MapPrototypeSet(waiting, last, { __proto__: null, resolve, reject });
    onWaiting();
    op_bgfetch_service_worker_call(last, what);
  });
}

function settleCall({ call, answer, error }, convert) {
  const promise = MapPrototypeGet(waiting, call);
  MapPrototypeDelete(waiting, call);
  if (error !== null) {
    promise.reject(
      error.name === "TypeError"
        ? new TypeError(error.message)
        : new DOMException(error.message, error.name),
    );
  } else {
    promise.resolve(convert(answer));
  }
}

/** Whether a script waits for an answer: that keeps the event loop alive. */
const isWaiting = () => MapPrototypeGetSize(waiting) > 0;

function setOnWaiting(f) {
  onWaiting = f;
}

return {
  call,
  isWaiting,
  setOnWaiting,
  settleCall,
};
})();
