// https://w3c.github.io/ServiceWorker/#serviceworkerregistration-interface

(function () {
const { core, primordials } = __bootstrap;
const { BackgroundFetchManager, createManager } = core.loadExtScript(
  "ext:background_fetch/background_fetch/manager.js",
);
const { call } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_calls.js",
);
const { fire } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { createNavigationPreload, NavigationPreloadManager } = core
  .loadExtScript("ext:background_fetch/service_worker/navigation_preload_manager.js");
const { getWorker } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker.js",
);
const { MapPrototypeGet, MapPrototypeSet, SafeMap } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);

const updatefoundHandler = eventHandler("updatefound");

const privateKey = { __proto__: null };

let idOf;
let update;

class ServiceWorkerRegistration extends EventTarget {
  #id;
  #scope;
  #updateViaCache;
  #installing = null;
  #waiting = null;
  #active = null;
  #backgroundFetch;
  #navigationPreload;

  constructor(key = undefined, registration = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#id = registration.id;
    this.#scope = registration.scope;
    this.#backgroundFetch = createManager(
      registration.id,
      () =>
        this.#active === null &&
        (this.#installing !== null || this.#waiting !== null),
    );
    this.#navigationPreload = createNavigationPreload(registration.id);
    update(this, registration);
  }

  static {
    idOf = (object) => object.#id;
    update = (object, registration) => {
      object.#updateViaCache = registration.updateViaCache;
      object.#installing = getWorker(registration.installing);
      object.#waiting = getWorker(registration.waiting);
      object.#active = getWorker(registration.active);
    };
  }

  get installing() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#installing;
  }

  get waiting() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#waiting;
  }

  get active() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#active;
  }

  // https://w3c.github.io/ServiceWorker/#service-worker-registration-navigationpreload
  get navigationPreload() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#navigationPreload;
  }

  get scope() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#scope;
  }

  get updateViaCache() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#updateViaCache;
  }

  // https://wicg.github.io/background-fetch/#extensions-to-service-worker-registration
  get backgroundFetch() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#backgroundFetch;
  }

  // https://w3c.github.io/ServiceWorker/#service-worker-registration-update
  async update() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return await call({ __proto__: null, kind: "update", registration: this.#id });
  }

  // https://w3c.github.io/ServiceWorker/#navigator-service-worker-unregister
  async unregister() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return await call({ __proto__: null, kind: "unregister", registration: this.#id });
  }

  get onupdatefound() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return updatefoundHandler.get(this);
  }

  set onupdatefound(value) {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    updatefoundHandler.set(this, value);
  }
}

webidl.configureInterface(ServiceWorkerRegistration);
const ServiceWorkerRegistrationPrototype = ServiceWorkerRegistration.prototype;

/** @type {Map<number, ServiceWorkerRegistration>} */
const registrations = new SafeMap();

/** https://w3c.github.io/ServiceWorker/#get-the-service-worker-registration-object */
function getRegistration(registration) {
  if (registration === null) return undefined;
  let object = MapPrototypeGet(registrations, registration.id);
  if (object === undefined) {
    object = new ServiceWorkerRegistration(privateKey, registration);
    MapPrototypeSet(registrations, registration.id, object);
  }
  return object;
}

/** https://w3c.github.io/ServiceWorker/#update-registration-state-algorithm */
function updateRegistration(registration) {
  const object = MapPrototypeGet(registrations, registration.id);
  if (object !== undefined) update(object, registration);
}

function updateFound(id) {
  const object = MapPrototypeGet(registrations, id);
  if (object !== undefined) fire(object, "updatefound");
}

return {
  BackgroundFetchManager,
  getRegistration,
  idOf,
  NavigationPreloadManager,
  ServiceWorkerRegistration,
  updateFound,
  updateRegistration,
};
})();
