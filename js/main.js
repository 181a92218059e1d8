// Puts Background Fetch on the global object of the realm, and starts to
// listen to the engine. Everything else on the global is the embedder's.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_realm } = core.ops;
const {
  BackgroundFetchEvent,
  BackgroundFetchUpdateUIEvent,
} = core.loadExtScript("ext:background_fetch/events.js");
const { ExtendableEvent } = core.loadExtScript(
  "ext:background_fetch/extendable_event.js",
);
const { BackgroundFetchManager } = core.loadExtScript(
  "ext:background_fetch/manager.js",
);
const { receiveMessages } = core.loadExtScript(
  "ext:background_fetch/messages.js",
);
const { BackgroundFetchRecord } = core.loadExtScript(
  "ext:background_fetch/record.js",
);
const { BackgroundFetchRegistration } = core.loadExtScript(
  "ext:background_fetch/registration.js",
);
const {
  createContainer,
  createRegistration,
  ServiceWorker,
  ServiceWorkerContainer,
  ServiceWorkerRegistration,
} = core.loadExtScript("ext:background_fetch/service_worker.js");
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  ReflectHas,
  TypeError,
} = primordials;

const { defineAttribute, defineEventHandlerAttribute } = core.loadExtScript(
  "ext:background_fetch/attributes.js",
);

const { markNotSerializable } = core.loadExtScript(
  "ext:deno_web/13_message_port.js",
);

const facts = op_bgfetch_realm();
const inServiceWorker = facts.kind === "service-worker";
const registration = createRegistration(facts);

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
expose(ServiceWorker);
expose(ServiceWorkerContainer);
expose(ServiceWorkerRegistration);

if (inServiceWorker) {
  // [Exposed=ServiceWorker]
  expose(ExtendableEvent);
  expose(BackgroundFetchEvent);
  expose(BackgroundFetchUpdateUIEvent);

  // https://w3c.github.io/ServiceWorker/#serviceworkerglobalscope-interface
  defineAttribute(globalThis, "registration", () => registration);
  // https://wicg.github.io/background-fetch/#extensions-to-service-worker-global
  defineEventHandlerAttribute(globalThis, "backgroundfetchsuccess");
  defineEventHandlerAttribute(globalThis, "backgroundfetchfail");
  defineEventHandlerAttribute(globalThis, "backgroundfetchabort");
  defineEventHandlerAttribute(globalThis, "backgroundfetchclick");
}

// An embedder without a `navigator`, or with one that knows of service
// workers, is left alone.
const navigator = globalThis.navigator;
if (navigator !== undefined && !ReflectHas(navigator, "serviceWorker")) {
  const container = createContainer(registration, !inServiceWorker);
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

receiveMessages(globalThis);
})();
