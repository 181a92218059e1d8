// https://w3c.github.io/ServiceWorker/#serviceworker-interface

(function () {
const { core, primordials } = __bootstrap;
const { op_service_worker_post_to_worker } = core.ops;
const {
  ArrayBuffer,
  ArrayPrototypeIndexOf,
  ArrayPrototypePush,
  ArrayPrototypeSplice,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectPrototypeIsPrototypeOf,
  SafeMap,
  SymbolIterator,
  TypeErrorPrototype,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { Event, EventTarget, setIsTrusted } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);
const { serializeJsMessageData } = core.loadExtScript(
  "ext:deno_web/13_message_port.js",
);
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/attributes.js",
);

// Taken now: a script may replace it later.
const dispatchEvent = uncurryThis(EventTarget.prototype.dispatchEvent);
const detach = uncurryThis(ArrayBuffer.prototype.transfer);
const errorHandler = eventHandler("error");
const statechangeHandler = eventHandler("statechange");

const privateKey = { __proto__: null };

let setState;

class ServiceWorker extends EventTarget {
  #id;
  #scriptURL;
  #state;

  constructor(key = undefined, worker = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#id = worker.id;
    this.#scriptURL = worker.scriptURL;
    this.#state = worker.state;
  }

  static {
    setState = (worker, state) => {
      if (worker.#state === state) return;
      worker.#state = state;
      fire(worker, "statechange");
    };
  }

  get scriptURL() {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    return this.#scriptURL;
  }

  get state() {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    return this.#state;
  }

  // https://w3c.github.io/ServiceWorker/#service-worker-postmessage
  postMessage(message, options = undefined) {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    const prefix = "Failed to execute 'postMessage' on 'ServiceWorker'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const data = serializeMessage(message, options, prefix);
    op_service_worker_post_to_worker(this.#id, data);
  }

  get onstatechange() {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    return statechangeHandler.get(this);
  }

  set onstatechange(value) {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    statechangeHandler.set(this, value);
  }

  get onerror() {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    return errorHandler.get(this);
  }

  set onerror(value) {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    errorHandler.set(this, value);
  }
}

webidl.configureInterface(ServiceWorker);
const ServiceWorkerPrototype = ServiceWorker.prototype;

/** @type {Map<number, ServiceWorker>} */
const workers = new SafeMap();

/** https://w3c.github.io/ServiceWorker/#get-the-service-worker-object */
function getWorker(worker) {
  if (worker === null) return null;
  let object = MapPrototypeGet(workers, worker.id);
  if (object === undefined) {
    object = new ServiceWorker(privateKey, worker);
    MapPrototypeSet(workers, worker.id, object);
  }
  return object;
}

/** https://w3c.github.io/ServiceWorker/#update-state-algorithm, step 3 */
function updateWorkerState(id, state) {
  const worker = MapPrototypeGet(workers, id);
  if (worker !== undefined) setState(worker, state);
}

function fire(target, type) {
  const event = new Event(type);
  setIsTrusted(event, true);
  dispatchEvent(target, event);
}

/**
 * The message of a `postMessage()`, with its overloads, as it goes to another
 * thread.
 */
function serializeMessage(message, options, prefix) {
  const transfer = convertTransfer(options, prefix);
  const buffers = [];
  for (let i = transfer.length - 1; i >= 0; i--) {
    if (ArrayPrototypeIndexOf(transfer, transfer[i]) !== i) {
      throw new DOMException(
        `${prefix}: an object is transferred twice`,
        "DataCloneError",
      );
    }
    if (core.isArrayBuffer(transfer[i])) {
      ArrayPrototypePush(buffers, transfer[i]);
      ArrayPrototypeSplice(transfer, i, 1);
    }
  }
  let data;
  try {
    data = serializeJsMessageData(message, transfer);
  } catch (error) {
    // As deno_web does it for `structuredClone()`: QuickJS throws these for
    // what cannot be cloned.
    if (!ObjectPrototypeIsPrototypeOf(TypeErrorPrototype, error)) throw error;
    throw new DOMException(error.message, "DataCloneError");
  }
  // Threads share no memory here: a buffer is copied, and then detached.
  for (let i = 0; i < buffers.length; i++) detach(buffers[i]);
  return data;
}

function convertTransfer(options, prefix) {
  if (
    webidl.type(options) === "Object" && options[SymbolIterator] !== undefined
  ) {
    return webidl.converters["sequence<object>"](options, prefix, "Argument 2");
  }
  return webidl.converters.StructuredSerializeOptions(
    options,
    prefix,
    "Argument 2",
  ).transfer;
}

return {
  fire,
  getWorker,
  serializeMessage,
  ServiceWorker,
  updateWorkerState,
};
})();
