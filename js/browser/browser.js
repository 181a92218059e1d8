// What scripts that were written for a browser find besides Background Fetch.
// Nothing here is evaluated before a script asks for it.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_service_worker_realm } = core.ops;
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  SafeArrayIterator,
  SymbolFor,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { Request, toInnerRequest } = core.loadExtScript(
  "ext:deno_fetch/23_request.js",
);
const { Response } = core.loadExtScript("ext:deno_fetch/23_response.js");
const { defineAttribute, defineEventHandlerAttribute, sharedScope } = core
  .loadExtScript("ext:background_fetch/common/attributes.js");
const { registerSerializable } = core.loadExtScript(
  "ext:background_fetch/common/structured_clone.js",
);
const { setEventKind } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_messages.js",
);
const { idOf, ServiceWorkerRegistration } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_registration.js",
);
const {
  defineLazyInterface,
  defineLazyInterfaces,
  defineLazyOperation,
  defineMembers,
} = core.loadExtScript("ext:background_fetch_browser/lazy.js");
const { fireOnlineEvents } = core.loadExtScript(
  "ext:background_fetch_browser/online.js",
);

const { isSecureContext, kind } = op_bgfetch_service_worker_realm();
const inServiceWorker = kind === "service-worker";

// deno_core's function uses what strings inherit, which a script may change.
const script = (name) => {
  let loaded;
  const load = () =>
    loaded ??= core.loadExtScript(`ext:background_fetch_browser/${name}.js`);
  load.isLoaded = () => loaded !== undefined;
  return load;
};

const shared = sharedScope(kind);

// https://fetch.spec.whatwg.org/#fetch-method
defineLazyOperation(shared, "fetch", script("fetch"));

// https://w3c.github.io/ServiceWorker/#cache-objects
if (isSecureContext) {
  const cacheStorage = script("cache_storage");
  defineLazyInterface(globalThis, "Cache", script("cache"));
  defineLazyInterface(globalThis, "CacheStorage", cacheStorage);
  defineAttribute(shared, "caches", () => cacheStorage().caches);
}

// https://w3c.github.io/IndexedDB/
const databases = defineLazyInterfaces(
  globalThis,
  [
    "DOMStringList",
    "IDBCursor",
    "IDBCursorWithValue",
    "IDBDatabase",
    "IDBFactory",
    "IDBIndex",
    "IDBKeyRange",
    "IDBObjectStore",
    "IDBOpenDBRequest",
    "IDBRecord",
    "IDBRequest",
    "IDBTransaction",
    "IDBVersionChangeEvent",
  ],
  script("indexed_db/factory"),
);
defineAttribute(shared, "indexedDB", () => databases().indexedDB);

const headerGuards = script("header_guards");
const headersOfRequest = uncurryThis(
  ObjectGetOwnPropertyDescriptor(Request.prototype, "headers").get,
);
const headersOfResponse = uncurryThis(
  ObjectGetOwnPropertyDescriptor(Response.prototype, "headers").get,
);

// https://fetch.spec.whatwg.org/#request-class: what deno_fetch's class lacks.
defineMembers(Request.prototype, {
  get destination() {
    webidl.assertBranded(this, Request.prototype);
    return "";
  },
  get duplex() {
    webidl.assertBranded(this, Request.prototype);
    return "half";
  },
  get headers() {
    const headers = headersOfRequest(this);
    headerGuards().guardRequest(headers, toInnerRequest(this).mode);
    return headers;
  },
  get isHistoryNavigation() {
    webidl.assertBranded(this, Request.prototype);
    return false;
  },
  get isReloadNavigation() {
    webidl.assertBranded(this, Request.prototype);
    return false;
  },
});

// https://webidl.spec.whatwg.org/#dfn-attribute-getter: names and lengths that
// deno_fetch's classes do not have.
function defineFunctionProperty(f, name, value) {
  ObjectDefineProperty(f, name, { __proto__: null, value, configurable: true });
}
for (const { prototype } of new SafeArrayIterator([Request, Response])) {
  for (const name of new SafeArrayIterator(["body", "bodyUsed"])) {
    const { get } = ObjectGetOwnPropertyDescriptor(prototype, name);
    defineFunctionProperty(get, "name", `get ${name}`);
  }
}
defineFunctionProperty(Response.json, "length", 1);
const { redirect } = Response;
defineMembers(Response, {
  redirect(url, status = undefined) {
    const prefix = "Failed to execute 'redirect' on 'Response'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    return redirect(url, status);
  },
});

// https://fetch.spec.whatwg.org/#dom-response-headers
defineMembers(Response.prototype, {
  get headers() {
    const headers = headersOfResponse(this);
    headerGuards().guardResponse(headers);
    return headers;
  },
});

// https://fetch.spec.whatwg.org/#body-mixin
const bodyMethods = script("body_methods");
const formDataOfResponse = uncurryThis(Response.prototype.formData);
for (const { prototype } of new SafeArrayIterator([Request, Response])) {
  const Class = {
    __proto__: null,
    prototype,
    blob: uncurryThis(prototype.blob),
    bytes: uncurryThis(prototype.bytes),
    formData: uncurryThis(prototype.formData),
    formDataOfResponse,
  };
  defineMembers(prototype, {
    blob() {
      return bodyMethods().blob(Class, this);
    },
    formData() {
      return bodyMethods().formData(Class, this);
    },
  });
}

// https://html.spec.whatwg.org/multipage/webappapis.html#dom-issecurecontext
const machine = script("navigator");
defineAttribute(shared, "isSecureContext", () => isSecureContext);
defineAttribute(shared, "crossOriginIsolated", () => false);

const Navigator = ObjectGetPrototypeOf(globalThis.navigator);
defineMembers(Navigator, {
  get hardwareConcurrency() {
    webidl.assertBranded(this, Navigator);
    return machine().hardwareConcurrency;
  },
  get language() {
    webidl.assertBranded(this, Navigator);
    return machine().language;
  },
  get languages() {
    webidl.assertBranded(this, Navigator);
    return machine().languages;
  },
  get onLine() {
    webidl.assertBranded(this, Navigator);
    return machine().isOnline();
  },
  get permissions() {
    webidl.assertBranded(this, Navigator);
    return permissions().permissions;
  },
  // https://html.spec.whatwg.org/multipage/system-state.html#dom-navigator-platform
  get platform() {
    webidl.assertBranded(this, Navigator);
    return machine().platform;
  },
});
if (kind === "window") {
  defineMembers(Navigator, {
    sendBeacon(url, data = undefined) {
      webidl.assertBranded(this, Navigator);
      return machine().sendBeacon(url, data);
    },
  });
}

// https://webidl.spec.whatwg.org/#SecureContext
if (isSecureContext) {
  const locks = script("locks");
  defineLazyInterface(globalThis, "Lock", locks);
  defineLazyInterface(globalThis, "LockManager", locks);
  const storageManager = script("storage_manager");
  defineLazyInterface(globalThis, "StorageManager", storageManager);
  defineMembers(Navigator, {
    get locks() {
      webidl.assertBranded(this, Navigator);
      return locks().locks;
    },
    get storage() {
      webidl.assertBranded(this, Navigator);
      return storageManager().storage;
    },
  });
}
const permissions = script("permissions");
defineLazyInterface(globalThis, "Permissions", permissions);
defineLazyInterface(globalThis, "PermissionStatus", permissions);

defineLazyInterface(globalThis, "EventSource", script("event_source"));
defineLazyInterface(globalThis, "WebSocket", script("web_socket"));
if (!inServiceWorker) {
  defineLazyInterface(globalThis, "Worker", script("worker"));
  // https://xhr.spec.whatwg.org/#interface-xmlhttprequest
  defineLazyInterfaces(
    globalThis,
    [
      "XMLHttpRequest",
      "XMLHttpRequestEventTarget",
      "XMLHttpRequestUpload",
    ],
    script("xml_http_request"),
  );
}
if (kind === "window") {
  const storage = script("storage");
  defineLazyInterface(globalThis, "Storage", storage);
  defineAttribute(globalThis, "localStorage", () => storage().localStorage);
  defineAttribute(globalThis, "sessionStorage", () => storage().sessionStorage);
  // A host that has read a page asks for it before its scripts run.
  ObjectDefineProperty(globalThis, SymbolFor("background_fetch.openDocument"), {
    __proto__: null,
    value() {
      delete globalThis[SymbolFor("background_fetch.openDocument")];
      script("document")().openDocument();
    },
    configurable: true,
  });
}
if (kind === "dedicated-worker") {
  // The host asks for it before the worker's script runs.
  ObjectDefineProperty(globalThis, SymbolFor("background_fetch.startWorker"), {
    __proto__: null,
    value() {
      delete globalThis[SymbolFor("background_fetch.startWorker")];
      script("worker_scope")().startWorker();
    },
    configurable: true,
  });
}

// https://w3c.github.io/webcrypto/, unless the embedder leaves deno_crypto out.
if (core.ops.op_crypto_is_seeded !== undefined) {
  const webCrypto = script("crypto");
  defineLazyInterface(globalThis, "Crypto", webCrypto);
  if (isSecureContext) {
    defineLazyInterface(globalThis, "CryptoKey", webCrypto);
    defineLazyInterface(globalThis, "SubtleCrypto", webCrypto);
  }
  defineAttribute(shared, "crypto", () => webCrypto().crypto);
  registerSerializable({
    __proto__: null,
    name: "CryptoKey",
    isInstance: (value) => webCrypto.isLoaded() && webCrypto().isKey(value),
    serialize: (key) => webCrypto().serializeKey(key),
    deserialize: (data) => webCrypto().deserializeKey(data),
  });
}

defineEventHandlerAttribute(shared, "offline");
defineEventHandlerAttribute(shared, "online");
fireOnlineEvents(globalThis);

defineLazyInterface(
  globalThis,
  "BroadcastChannel",
  script("broadcast_channel"),
);

// https://notifications.spec.whatwg.org/#service-worker-api
const notifications = script("notifications");
defineLazyInterface(globalThis, "Notification", notifications);
defineMembers(ServiceWorkerRegistration.prototype, {
  async showNotification(title, options = undefined) {
    webidl.assertBranded(this, ServiceWorkerRegistration.prototype);
    const prefix =
      "Failed to execute 'showNotification' on 'ServiceWorkerRegistration'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const { showNotification } = notifications();
    await showNotification(idOf(this), title, options, prefix);
  },
  async getNotifications(filter = undefined) {
    webidl.assertBranded(this, ServiceWorkerRegistration.prototype);
    const prefix =
      "Failed to execute 'getNotifications' on 'ServiceWorkerRegistration'";
    const { getNotifications } = notifications();
    return await getNotifications(idOf(this), filter, prefix);
  },
});

if (inServiceWorker) {
  // https://w3c.github.io/ServiceWorker/#service-worker-global-scope-event-handlers
  defineEventHandlerAttribute(globalThis, "fetch");
  const fetchEvent = script("fetch_event");
  defineLazyInterface(globalThis, "FetchEvent", fetchEvent);
  setEventKind("fetch", {
    __proto__: null,
    create: ({ extension }) => fetchEvent().createFetchEvent(extension),
    dispatched: (event) => fetchEvent().dispatched(event),
  });

  const installEvent = script("install_event");
  defineLazyInterface(globalThis, "InstallEvent", installEvent);
  setEventKind("install", {
    __proto__: null,
    create: ({ name }) => new (installEvent().InstallEvent)(name),
  });
  // Every service worker gets this event, whatever its script has changed.
  installEvent();

  defineEventHandlerAttribute(globalThis, "notificationclick");
  defineEventHandlerAttribute(globalThis, "notificationclose");
  defineLazyInterface(globalThis, "NotificationEvent", notifications);
  const ofNotification = {
    __proto__: null,
    create: ({ name, extension }) =>
      notifications().createNotificationEvent(name, extension),
  };
  setEventKind("notificationclick", ofNotification);
  setEventKind("notificationclose", ofNotification);
}
})();
