// https://w3c.github.io/ServiceWorker/#serviceworker-interface

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_service_worker_post_to_worker } = core.ops;
const { fire } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { convertTransfer, serializeMessage } = core.loadExtScript(
  "ext:background_fetch/common/structured_clone.js",
);
const { MapPrototypeGet, MapPrototypeSet, SafeMap } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);

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
    const transfer = convertTransfer(options, prefix);
    const data = serializeMessage(message, transfer);
    op_bgfetch_service_worker_post_to_worker(this.#id, data);
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

return {
  getWorker,
  ServiceWorker,
  updateWorkerState,
};
})();
