// https://w3c.github.io/ServiceWorker/#extendableevent-interface

(function () {
const { core, primordials } = __bootstrap;
const { invalidStateError } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const { dispatch } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { reportRejection } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const { internal, nextTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { Promise, PromiseResolve, queueMicrotask } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { Event, setIsTrusted } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);

const convertEventInit = webidl.createDictionaryConverter("EventInit", [
  {
    key: "bubbles",
    converter: webidl.converters.boolean,
    defaultValue: false,
  },
  {
    key: "cancelable",
    converter: webidl.converters.boolean,
    defaultValue: false,
  },
  {
    key: "composed",
    converter: webidl.converters.boolean,
    defaultValue: false,
  },
]);

/**
 * `ExtendableEventInit` adds no member to `EventInit`. Without a dictionary
 * every member has its default, and nothing is converted: the converter uses
 * what strings inherit, and no event of the user agent's is lost by that.
 */
function convertExtendableEventInit(init, prefix, context) {
  return init === undefined
    ? undefined
    : convertEventInit(init, prefix, context);
}

/**
 * Fires an event at a target; resolves once the event is inactive and the
 * worker not needed for it, with whether a promise given to `waitUntil()` was
 * rejected.
 */
let dispatchAndWait;
let isActive;

/**
 * The worker is needed until the promise has settled, whether the event is
 * active or not; it is not rejected.
 */
let keepWorkerUntil;

class ExtendableEvent extends Event {
  // https://w3c.github.io/ServiceWorker/#extendableevent-pending-promises-count
  #pendingPromisesCount = 0;
  // What the worker is needed for besides.
  #keptCount = 0;
  // Set while the user agent dispatches it; a script's own `dispatchEvent()`
  // makes no event active.
  #dispatching = false;
  #onInactive = null;
  #hasRejected = false;

  constructor(type, eventInitDict = undefined) {
    const prefix = "Failed to construct 'ExtendableEvent'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    type = webidl.converters.DOMString(type, prefix, "Argument 1");
    super(
      type,
      convertExtendableEventInit(eventInitDict, prefix, "Argument 2"),
    );
    this[webidl.brand] = webidl.brand;
  }

  static {
    isActive = (event) => event.#isActive();
    keepWorkerUntil = (event, promise) => {
      event.#keepWorkerUntil(promise);
    };
    dispatchAndWait = (event, target) =>
      internal(event.#dispatchAndWait(target));
  }

  // https://w3c.github.io/ServiceWorker/#dom-extendableevent-waituntil
  waitUntil(f) {
    webidl.assertBranded(this, ExtendableEventPrototype);
    const prefix = "Failed to execute 'waitUntil' on 'ExtendableEvent'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const promise = PromiseResolve(f);
    // https://w3c.github.io/ServiceWorker/#extendableevent-add-lifetime-promise
    // Step 1: an event of a script cannot be extended.
    if (!this.isTrusted) {
      throw invalidStateError(`${prefix}: the event was made by a script`);
    }
    // Step 2: nor one that is not active any more.
    if (!this.#isActive()) {
      throw invalidStateError(`${prefix}: the event is over`);
    }
    // Steps 3 and 4: one more promise keeps it active.
    this.#pendingPromisesCount++;
    this.#settle(promise);
  }

  // Step 5: Upon fulfillment or rejection of promise, queue a microtask.
  async #settle(promise) {
    try {
      await promise;
    } catch (reason) {
      this.#hasRejected = true;
      reportRejection(promise, reason);
    } finally {
      queueMicrotask(() => {
        this.#pendingPromisesCount--;
        this.#becomeInactive();
      });
    }
  }

  // https://w3c.github.io/ServiceWorker/#extendableevent-active
  #isActive() {
    return this.#dispatching || this.#pendingPromisesCount > 0;
  }

  #isOver() {
    return !this.#isActive() && this.#keptCount === 0;
  }

  #becomeInactive() {
    if (!this.#isOver()) return;
    this.#onInactive?.();
    this.#onInactive = null;
  }

  async #keepWorkerUntil(promise) {
    this.#keptCount++;
    try {
      await internal(promise);
    } finally {
      this.#keptCount--;
      this.#becomeInactive();
    }
  }

  async #dispatchAndWait(target) {
    setIsTrusted(this, true);
    this.#dispatching = true;
    // A browser runs the microtasks that the handlers left behind before the
    // event's dispatch flag is unset. They have run when a new task does, and
    // the flag is unset before a task that the handlers have left.
    const handled = nextTask();
    try {
      dispatch(target, this);
      await handled;
    } finally {
      this.#dispatching = false;
    }
    if (!this.#isOver()) {
      await internal(
        new Promise((resolve) => {
          this.#onInactive = resolve;
        }),
      );
    }
    return this.#hasRejected;
  }
}

webidl.configureInterface(ExtendableEvent);
const ExtendableEventPrototype = ExtendableEvent.prototype;

return {
  convertExtendableEventInit,
  dispatchAndWait,
  ExtendableEvent,
  isActive,
  keepWorkerUntil,
};
})();
