// https://w3c.github.io/ServiceWorker/#navigationpreloadmanager

(function () {
const { core, primordials } = __bootstrap;
const { call } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_calls.js",
);

const { RegExpPrototypeExec, TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const NOT_IN_A_HEADER = /[\0\r\n]/;

const privateKey = { __proto__: null };

class NavigationPreloadManager {
  #registration;

  constructor(key = undefined, registration = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#registration = registration;
  }

  #change(enabled, headerValue) {
    return call({
      __proto__: null,
      kind: "changeNavigationPreload",
      registration: this.#registration,
      change: { __proto__: null, enabled, headerValue },
    });
  }

  // https://w3c.github.io/ServiceWorker/#navigation-preload-manager-enable
  async enable() {
    webidl.assertBranded(this, NavigationPreloadManagerPrototype);
    return await this.#change(true, null);
  }

  // https://w3c.github.io/ServiceWorker/#navigation-preload-manager-disable
  async disable() {
    webidl.assertBranded(this, NavigationPreloadManagerPrototype);
    return await this.#change(false, null);
  }

  // https://w3c.github.io/ServiceWorker/#navigation-preload-manager-setheadervalue
  async setHeaderValue(value) {
    webidl.assertBranded(this, NavigationPreloadManagerPrototype);
    const prefix =
      "Failed to execute 'setHeaderValue' on 'NavigationPreloadManager'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    value = webidl.converters.ByteString(value, prefix, "Argument 1");
    // https://fetch.spec.whatwg.org/#header-value
    if (RegExpPrototypeExec(NOT_IN_A_HEADER, value) !== null) {
      throw new TypeError(`${prefix}: Argument 1 is not a header value`);
    }
    return await this.#change(null, value);
  }

  // https://w3c.github.io/ServiceWorker/#navigation-preload-manager-getstate
  async getState() {
    webidl.assertBranded(this, NavigationPreloadManagerPrototype);
    const { enabled, headerValue } = await call({
      __proto__: null,
      kind: "getNavigationPreload",
      registration: this.#registration,
    });
    return { enabled, headerValue };
  }
}

webidl.configureInterface(NavigationPreloadManager);
const NavigationPreloadManagerPrototype = NavigationPreloadManager.prototype;

/** That of a registration. */
const createNavigationPreload = (registration) =>
  new NavigationPreloadManager(privateKey, registration);

return { createNavigationPreload, NavigationPreloadManager };
})();
