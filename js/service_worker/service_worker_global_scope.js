// https://w3c.github.io/ServiceWorker/#serviceworkerglobalscope-interface

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_service_worker_import, op_bgfetch_service_worker_is_module } = core.ops;
const { evaluateClassic } = core.loadExtScript(
  "ext:background_fetch/common/classic_script.js",
);
const { clients } = core.loadExtScript("ext:background_fetch/service_worker/clients.js");
const { call } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_calls.js",
);
const {
  defineAttribute,
  defineEventHandlerAttribute,
} = core.loadExtScript("ext:background_fetch/common/attributes.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const {
  ObjectDefineProperty,
  TypeError,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

/** What Web IDL calls an operation of a global object. */
function defineOperation(global, name, value) {
  ObjectDefineProperty(global, name, {
    __proto__: null,
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

// https://w3c.github.io/ServiceWorker/#importscripts
function importScripts(...urls) {
  const prefix = "Failed to execute 'importScripts'";
  // https://html.spec.whatwg.org/#import-scripts-into-worker-global-scope
  // Step 1: If worker global scope's type is "module", throw a TypeError.
  if (op_bgfetch_service_worker_is_module()) {
    throw new TypeError(`${prefix}: a module has import statements for that`);
  }
  const parsed = [];
  for (let i = 0; i < urls.length; i++) {
    const url = webidl.converters.USVString(
      urls[i],
      prefix,
      `Argument ${i + 1}`,
    );
    try {
      append(parsed, new URL(url, getLocationHref()).href);
    } catch {
      throw new DOMException(`${prefix}: ${url} is not a URL`, "SyntaxError");
    }
  }
  for (let i = 0; i < parsed.length; i++) {
    const source = op_bgfetch_service_worker_import(parsed[i]);
    const error = evaluateClassic(source, parsed[i]);
    if (error !== null) throw error.thrown;
  }
}

/** Puts a service worker's members on its global object. */
function defineServiceWorkerGlobalScope(global, worker, registration) {
  defineAttribute(global, "clients", () => clients);
  defineAttribute(global, "registration", () => registration);
  defineAttribute(global, "serviceWorker", () => worker);
  const operations = {
    // https://w3c.github.io/ServiceWorker/#service-worker-global-scope-skipwaiting
    async skipWaiting() {
      if ((this ?? global) !== global) throw new TypeError("Illegal invocation");
      return await call({ __proto__: null, kind: "skipWaiting" });
    },
    importScripts,
  };
  defineOperation(global, "skipWaiting", operations.skipWaiting);
  defineOperation(global, "importScripts", operations.importScripts);
  defineEventHandlerAttribute(global, "install");
  defineEventHandlerAttribute(global, "activate");
  defineEventHandlerAttribute(global, "message");
  defineEventHandlerAttribute(global, "messageerror");
  // https://wicg.github.io/background-fetch/#extensions-to-service-worker-global
  defineEventHandlerAttribute(global, "backgroundfetchsuccess");
  defineEventHandlerAttribute(global, "backgroundfetchfail");
  defineEventHandlerAttribute(global, "backgroundfetchabort");
  defineEventHandlerAttribute(global, "backgroundfetchclick");
}

return { defineServiceWorkerGlobalScope };
})();
