// Puts Background Fetch on the global object of the realm, and starts to
// listen to the engine. Everything else on the global is the embedder's.

import { core, primordials } from "ext:core/mod.js";
import { op_bgfetch_realm } from "ext:core/ops";
import {
  BackgroundFetchEvent,
  BackgroundFetchUpdateUIEvent,
} from "ext:background_fetch/events.js";
import { ExtendableEvent } from "ext:background_fetch/extendable_event.js";
import { BackgroundFetchManager } from "ext:background_fetch/manager.js";
import { receiveMessages } from "ext:background_fetch/messages.js";
import { BackgroundFetchRecord } from "ext:background_fetch/record.js";
import {
  BackgroundFetchRegistration,
} from "ext:background_fetch/registration.js";
import {
  createContainer,
  createRegistration,
  ServiceWorker,
  ServiceWorkerContainer,
  ServiceWorkerRegistration,
} from "ext:background_fetch/service_worker.js";
const { ObjectDefineProperty, ObjectGetPrototypeOf, ReflectHas } = primordials;

const { defineEventHandler } = core.loadExtScript("ext:deno_web/02_event.js");

const facts = op_bgfetch_realm();
const inServiceWorker = facts.kind === "service-worker";
const registration = createRegistration(facts);

function expose(interface_) {
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
  ObjectDefineProperty(globalThis, "registration", {
    __proto__: null,
    get() {
      return registration;
    },
    enumerable: true,
    configurable: true,
  });
  // https://wicg.github.io/background-fetch/#extensions-to-service-worker-global
  defineEventHandler(globalThis, "backgroundfetchsuccess");
  defineEventHandler(globalThis, "backgroundfetchfail");
  defineEventHandler(globalThis, "backgroundfetchabort");
  defineEventHandler(globalThis, "backgroundfetchclick");
}

// An embedder without a `navigator`, or with one that knows of service
// workers, is left alone.
const navigator = globalThis.navigator;
if (navigator !== undefined && !ReflectHas(navigator, "serviceWorker")) {
  const container = createContainer(registration, !inServiceWorker);
  ObjectDefineProperty(ObjectGetPrototypeOf(navigator), "serviceWorker", {
    __proto__: null,
    get() {
      return container;
    },
    enumerable: true,
    configurable: true,
  });
}

receiveMessages(globalThis);
