// Puts Background Fetch on the global object of the realm, and starts to
// listen to the engine. Everything else on the global is the embedder's.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_attach, op_bgfetch_service_worker_realm } = core.ops;
const {
  BackgroundFetchEvent,
  BackgroundFetchUpdateUIEvent,
} = core.loadExtScript("ext:background_fetch/background_fetch/events.js");
const { ExtendableEvent } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_event.js",
);
const { BackgroundFetchManager } = core.loadExtScript(
  "ext:background_fetch/background_fetch/manager.js",
);
const { receiveMessages } = core.loadExtScript(
  "ext:background_fetch/background_fetch/messages.js",
);
const lifecycle = core.loadExtScript("ext:background_fetch/background_fetch/lifecycle.js");
const { BackgroundFetchRecord } = core.loadExtScript(
  "ext:background_fetch/background_fetch/record.js",
);
const { BackgroundFetchRegistration } = core.loadExtScript(
  "ext:background_fetch/background_fetch/registration.js",
);
const { Client, Clients, WindowClient } = core.loadExtScript(
  "ext:background_fetch/service_worker/clients.js",
);
const { createContainer, ServiceWorkerContainer } = core.loadExtScript(
  "ext:background_fetch/service_worker/container.js",
);
const { ExtendableMessageEvent } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_message_event.js",
);
const { getWorker, ServiceWorker } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker.js",
);
const { defineServiceWorkerGlobalScope } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_global_scope.js",
);
const {
  getRegistration,
  NavigationPreloadManager,
  ServiceWorkerRegistration,
} = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_registration.js",
);
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  ReflectHas,
  TypeError,
} = primordials;

const { markNotSerializable } = core.loadExtScript(
  "ext:deno_web/13_message_port.js",
);

op_bgfetch_attach();
const options = op_bgfetch_service_worker_realm();
const inServiceWorker = options.kind === "service-worker";
const container = createContainer(options);

function expose(interface_) {
  // None of them is [Serializable].
  markNotSerializable(interface_.prototype);
  ObjectDefineProperty(globalThis, interface_.name, {
    __proto__: null,
    value: interface_,
    enumerable: false,
    configurable: true,
    writable: true,
  });
}

// [Exposed=(Window,Worker)]
expose(BackgroundFetchManager);
expose(BackgroundFetchRecord);
expose(BackgroundFetchRegistration);
expose(NavigationPreloadManager);
expose(ServiceWorker);
expose(ServiceWorkerContainer);
expose(ServiceWorkerRegistration);

if (inServiceWorker) {
  // [Exposed=ServiceWorker]
  expose(ExtendableEvent);
  expose(BackgroundFetchEvent);
  expose(BackgroundFetchUpdateUIEvent);

  expose(Client);
  expose(Clients);
  expose(ExtendableMessageEvent);
  expose(WindowClient);
  defineServiceWorkerGlobalScope(
    globalThis,
    getWorker(options.worker),
    getRegistration(options.registration),
  );
}

// An embedder without a `navigator`, or with one that knows of service
// workers, is left alone.
const navigator = globalThis.navigator;
if (navigator !== undefined && !ReflectHas(navigator, "serviceWorker")) {
  const attributes = {
    get serviceWorker() {
      if (this !== navigator) throw new TypeError("Illegal invocation");
      return container;
    },
  };
  ObjectDefineProperty(
    ObjectGetPrototypeOf(navigator),
    "serviceWorker",
    ObjectGetOwnPropertyDescriptor(attributes, "serviceWorker"),
  );
}

lifecycle.start(options.kind);
receiveMessages(globalThis, container);
})();
