// As much of https://w3c.github.io/ServiceWorker/ as leads to a
// BackgroundFetchManager.

(function () {
const { core, primordials } = __bootstrap;
const { backgroundFetchManager } = core.loadExtScript(
  "ext:background_fetch/manager.js",
);
const {
  PromiseReject,
  PromiseResolve,
  StringPrototypeStartsWith,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/attributes.js",
);

const controllerchangeHandler = eventHandler("controllerchange");
const messageHandler = eventHandler("message");
const statechangeHandler = eventHandler("statechange");
const updatefoundHandler = eventHandler("updatefound");

const privateKey = { __proto__: null };

// https://w3c.github.io/ServiceWorker/#serviceworker-interface
class ServiceWorker extends EventTarget {
  #scriptURL;

  constructor(key = undefined, scriptURL = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#scriptURL = scriptURL;
  }

  get scriptURL() {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    return this.#scriptURL;
  }

  get state() {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    return "activated";
  }

  get onstatechange() {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    return statechangeHandler.get(this);
  }

  set onstatechange(value) {
    webidl.assertBranded(this, ServiceWorkerPrototype);
    statechangeHandler.set(this, value);
  }
}

webidl.configureInterface(ServiceWorker);
const ServiceWorkerPrototype = ServiceWorker.prototype;

// https://w3c.github.io/ServiceWorker/#serviceworkerregistration-interface
class ServiceWorkerRegistration extends EventTarget {
  #scope;
  #active;

  constructor(key = undefined, scope = undefined, active = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#scope = scope;
    this.#active = active;
  }

  get installing() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return null;
  }

  get waiting() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return null;
  }

  get active() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#active;
  }

  get scope() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return this.#scope;
  }

  // https://wicg.github.io/background-fetch/#extensions-to-service-worker-registration
  get backgroundFetch() {
    webidl.assertBranded(this, ServiceWorkerRegistrationPrototype);
    return backgroundFetchManager;
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

// https://w3c.github.io/ServiceWorker/#serviceworkercontainer-interface
class ServiceWorkerContainer extends EventTarget {
  #registration;
  #controlled;
  #ready;

  constructor(
    key = undefined,
    registration = undefined,
    controlled = undefined,
  ) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#registration = registration;
    this.#controlled = controlled;
    this.#ready = PromiseResolve(registration);
  }

  get controller() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    return this.#controlled ? this.#registration.active : null;
  }

  // An attribute whose type is a promise answers a wrong `this` with one.
  get ready() {
    try {
      webidl.assertBranded(this, ServiceWorkerContainerPrototype);
      return this.#ready;
    } catch (error) {
      return PromiseReject(error);
    }
  }

  // https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistration
  async getRegistration(clientURL = "") {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    const prefix =
      "Failed to execute 'getRegistration' on 'ServiceWorkerContainer'";
    clientURL = webidl.converters.USVString(clientURL, prefix, "Argument 1");
    const base = getLocationHref() ?? this.#registration.scope;
    const url = new URL(clientURL, base);
    url.hash = "";
    if (url.origin !== new URL(this.#registration.scope).origin) {
      throw new DOMException(
        `${prefix}: ${url.href} has another origin`,
        "SecurityError",
      );
    }
    return StringPrototypeStartsWith(url.href, this.#registration.scope)
      ? this.#registration
      : undefined;
  }

  // https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistrations
  async getRegistrations() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    return [this.#registration];
  }

  get oncontrollerchange() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    return controllerchangeHandler.get(this);
  }

  set oncontrollerchange(value) {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    controllerchangeHandler.set(this, value);
  }

  get onmessage() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    return messageHandler.get(this);
  }

  set onmessage(value) {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    messageHandler.set(this, value);
  }
}

webidl.configureInterface(ServiceWorkerContainer);
const ServiceWorkerContainerPrototype = ServiceWorkerContainer.prototype;

/**
 * The registration that this realm belongs to.
 * @param {{ scope: string, worker: string | null }} facts
 */
function createRegistration({ scope, worker }) {
  return new ServiceWorkerRegistration(
    privateKey,
    scope,
    worker === null ? null : new ServiceWorker(privateKey, worker),
  );
}

/** `navigator.serviceWorker` */
function createContainer(registration, controlled) {
  return new ServiceWorkerContainer(privateKey, registration, controlled);
}

return {
  createContainer,
  createRegistration,
  ServiceWorker,
  ServiceWorkerContainer,
  ServiceWorkerRegistration,
};
})();
