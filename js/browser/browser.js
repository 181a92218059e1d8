// What scripts that were written for a browser find besides Background Fetch.
// Nothing here is evaluated before a script asks for it.

(function () {
const { core, primordials } = __bootstrap;
const { op_service_worker_realm } = core.ops;
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { Request } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { defineAttribute, defineEventHandlerAttribute } = core.loadExtScript(
  "ext:background_fetch/attributes.js",
);
const { setEventKind } = core.loadExtScript(
  "ext:background_fetch/service_worker_messages.js",
);
const { defineLazyInterface, defineLazyOperation } = core.loadExtScript(
  "ext:background_fetch_browser/lazy.js",
);

const { kind } = op_service_worker_realm();
const inServiceWorker = kind === "service-worker";

const script = (name) => () =>
  core.loadExtScript(`ext:background_fetch_browser/${name}.js`);

// https://fetch.spec.whatwg.org/#fetch-method
defineLazyOperation(globalThis, "fetch", script("fetch"));

// https://w3c.github.io/ServiceWorker/#cache-objects
const cacheStorage = script("cache_storage");
defineLazyInterface(globalThis, "Cache", script("cache"));
defineLazyInterface(globalThis, "CacheStorage", cacheStorage);
defineAttribute(globalThis, "caches", () => cacheStorage().caches);

// https://fetch.spec.whatwg.org/#request-class: what deno_fetch's class lacks.
const attributes = {
  get destination() {
    webidl.assertBranded(this, Request.prototype);
    return "";
  },
  get duplex() {
    webidl.assertBranded(this, Request.prototype);
    return "half";
  },
  get isHistoryNavigation() {
    webidl.assertBranded(this, Request.prototype);
    return false;
  },
  get isReloadNavigation() {
    webidl.assertBranded(this, Request.prototype);
    return false;
  },
};
for (const name in attributes) {
  ObjectDefineProperty(
    Request.prototype,
    name,
    ObjectGetOwnPropertyDescriptor(attributes, name),
  );
}

if (inServiceWorker) {
  // https://w3c.github.io/ServiceWorker/#service-worker-global-scope-event-handlers
  defineEventHandlerAttribute(globalThis, "fetch");
  const fetchEvent = script("fetch_event");
  defineLazyInterface(globalThis, "FetchEvent", fetchEvent);
  setEventKind("fetch", {
    __proto__: null,
    create: (message) => fetchEvent().createFetchEvent(message.fetch),
    dispatched: (event) => fetchEvent().dispatched(event),
  });
}
})();
