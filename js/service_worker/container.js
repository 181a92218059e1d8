// https://w3c.github.io/ServiceWorker/#serviceworkercontainer-interface

(function () {
const { core, primordials } = __bootstrap;
const { call } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_calls.js",
);
const { fire } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { getWorker } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker.js",
);
const { getRegistration } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_registration.js",
);
const { PromiseReject, PromiseResolve, TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);

const controllerchangeHandler = eventHandler("controllerchange");
const messageHandler = eventHandler("message");
const messageerrorHandler = eventHandler("messageerror");

const convertWorkerType = webidl.createEnumConverter("WorkerType", [
  "classic",
  "module",
]);
const convertUpdateViaCache = webidl.createEnumConverter(
  "ServiceWorkerUpdateViaCache",
  ["imports", "all", "none"],
);
// https://w3c.github.io/ServiceWorker/#dictdef-registrationoptions
const convertRegistrationOptions = webidl.createDictionaryConverter(
  "RegistrationOptions",
  [
    { key: "scope", converter: webidl.converters.USVString },
    { key: "type", converter: convertWorkerType, defaultValue: "classic" },
    {
      key: "updateViaCache",
      converter: convertUpdateViaCache,
      defaultValue: "imports",
    },
  ],
);

const privateKey = { __proto__: null };

let setController;

class ServiceWorkerContainer extends EventTarget {
  #controller;
  #ready;

  constructor(key = undefined, ready = undefined, controller = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#ready = ready === undefined ? null : PromiseResolve(ready);
    this.#controller = controller;
  }

  static {
    setController = (container, worker) => {
      container.#controller = worker;
      fire(container, "controllerchange");
    };
  }

  get controller() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    return this.#controller;
  }

  // An attribute whose type is a promise answers a wrong `this` with one.
  get ready() {
    try {
      webidl.assertBranded(this, ServiceWorkerContainerPrototype);
      this.#ready ??= call({ __proto__: null, kind: "ready" });
      return this.#ready;
    } catch (error) {
      return PromiseReject(error);
    }
  }

  // https://w3c.github.io/ServiceWorker/#navigator-service-worker-register
  async register(scriptURL, options = undefined) {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    const prefix = "Failed to execute 'register' on 'ServiceWorkerContainer'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    scriptURL = webidl.converters.USVString(scriptURL, prefix, "Argument 1");
    options = convertRegistrationOptions(options, prefix, "Argument 2");
    const { scope } = options;
    return await call({
      __proto__: null,
      kind: "register",
      // Steps 2 to 5: both URLs are parsed against the page's.
      scriptURL: parse(scriptURL),
      scope: scope === undefined ? null : parse(scope),
      workerType: options.type,
      updateViaCache: options.updateViaCache,
    });
  }

  // https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistration
  async getRegistration(clientURL = "") {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    const prefix =
      "Failed to execute 'getRegistration' on 'ServiceWorkerContainer'";
    clientURL = webidl.converters.USVString(clientURL, prefix, "Argument 1");
    const url = new URL(parse(clientURL));
    url.hash = "";
    return await call({ __proto__: null, kind: "getRegistration", url: url.href });
  }

  // https://w3c.github.io/ServiceWorker/#navigator-service-worker-getRegistrations
  async getRegistrations() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    return await call({ __proto__: null, kind: "getRegistrations" });
  }

  // https://w3c.github.io/ServiceWorker/#navigator-service-worker-startMessages
  // Messages come from the event loop, which does not run before the script
  // was evaluated: they have always started.
  startMessages() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
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

  get onmessageerror() {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    return messageerrorHandler.get(this);
  }

  set onmessageerror(value) {
    webidl.assertBranded(this, ServiceWorkerContainerPrototype);
    messageerrorHandler.set(this, value);
  }
}

webidl.configureInterface(ServiceWorkerContainer);
const ServiceWorkerContainerPrototype = ServiceWorkerContainer.prototype;

/** A URL against the realm's base URL; throws a TypeError. */
function parse(url) {
  const base = getLocationHref();
  if (base === undefined) {
    throw new TypeError("This realm has no base URL");
  }
  return new URL(url, base).href;
}

/**
 * `navigator.serviceWorker`. Its `ready` is settled from the start in a worker
 * whose registration has an active one, and where the embedder vouches for it.
 * @param {object} options the realm's
 */
function createContainer(options) {
  const { kind, registration } = options;
  const ready = kind === "service-worker" && registration?.active === null
    ? undefined
    : getRegistration(registration);
  return new ServiceWorkerContainer(
    privateKey,
    ready,
    getWorker(options.controller),
  );
}

return {
  createContainer,
  ServiceWorkerContainer,
  setController,
};
})();
