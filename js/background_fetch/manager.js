// https://wicg.github.io/background-fetch/#background-fetch-manager

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_fetch,
  op_bgfetch_get,
  op_bgfetch_get_ids,
  op_bgfetch_prepare_fetch,
  op_bgfetch_request_permission,
} = core.ops;
const { toException } = core.loadExtScript("ext:background_fetch/background_fetch/errors.js");
const { decodeId, encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { convertBackgroundFetchOptions } = core.loadExtScript(
  "ext:background_fetch/background_fetch/options.js",
);
const { getInstance } = core.loadExtScript(
  "ext:background_fetch/background_fetch/registration.js",
);
const {
  constructRequest,
  convertRequests,
  requestMode,
  serializeRequest,
} = core.loadExtScript("ext:background_fetch/background_fetch/requests.js");
const { storeRequestBodies } = core.loadExtScript(
  "ext:background_fetch/background_fetch/request_bodies.js",
);
const { append, filterList, mapList } = core.loadExtScript(
  "ext:background_fetch/common/lists.js",
);
const { TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

const privateKey = { __proto__: null };

class BackgroundFetchManager {
  // The service worker registration, by its number.
  #registration;
  #isStillInstalling;

  constructor(
    key = undefined,
    registration = undefined,
    isStillInstalling = undefined,
  ) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#registration = registration;
    this.#isStillInstalling = isStillInstalling;
  }

  // https://wicg.github.io/background-fetch/#background-fetch-manager-fetch
  async fetch(id, requests, options = undefined) {
    webidl.assertBranded(this, BackgroundFetchManagerPrototype);
    const prefix = "Failed to execute 'fetch' on 'BackgroundFetchManager'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    id = webidl.converters.DOMString(id, prefix, "Argument 1");
    // fetch.4: one request is a list of one.
    requests = convertRequests(requests, prefix, "Argument 2");
    options = convertBackgroundFetchOptions(options, prefix, "Argument 3");

    if (id === "") throw new TypeError(`${prefix}: the id is empty`);
    // fetch.5: an empty list is refused.
    if (requests.length === 0) {
      throw new TypeError(`${prefix}: there are no requests`);
    }
    // fetch.2, fetch.6: an inner request for each that was given.
    const inners = [];
    for (let i = 0; i < requests.length; i++) {
      // fetch.6.1: as the constructor of Request makes it.
      const inner = constructRequest(requests[i]);
      // fetch.6.2: a response that is opaque is of no use.
      if (requestMode(inner) === "no-cors") {
        throw new TypeError(
          `${prefix}: a request with the mode "no-cors" cannot be fetched`,
        );
      }
      append(inners, inner);
    }
    // fetch.8.4, which the engine checks: it may know more than the script has
    // been told, and a script that sees no active worker shall be refused.
    if (this.#isStillInstalling()) {
      throw new TypeError(
        `${prefix}: the service worker registration has no active worker`,
      );
    }

    try {
      // fetch.7, fetch.8.14.1, fetch.9: the promise resolves with an instance.
      return getInstance(
        await startBackgroundFetch(this.#registration, id, inners, options),
      );
    } catch (error) {
      throw toException(error);
    }
  }

  // https://wicg.github.io/background-fetch/#background-fetch-manager-get
  async get(id) {
    webidl.assertBranded(this, BackgroundFetchManagerPrototype);
    const prefix = "Failed to execute 'get' on 'BackgroundFetchManager'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    id = webidl.converters.DOMString(id, prefix, "Argument 1");
    if (id === "") throw new TypeError(`${prefix}: the id is empty`);
    // get.1, get.2: look the id up among those that are active.
    const bgFetch = op_bgfetch_get(this.#registration, encodeId(id));
    // get.3: without one the answer is undefined.
    if (bgFetch === null) return undefined;
    // get.4.1: otherwise, in the realm of the caller,
    // get.4.1.1, get.4.1.2: its instance is the answer.
    return getInstance(bgFetch);
  }

  // https://wicg.github.io/background-fetch/#background-fetch-manager-get-ids
  async getIds() {
    webidl.assertBranded(this, BackgroundFetchManagerPrototype);
    // ids.1, ids.2: resolve with the ids in their order.
    return mapList(op_bgfetch_get_ids(this.#registration), decodeId);
  }
}

webidl.configureInterface(BackgroundFetchManager);
const BackgroundFetchManagerPrototype = BackgroundFetchManager.prototype;

// https://wicg.github.io/background-fetch/#background-fetch-manager-fetch
async function startBackgroundFetch(registration, id, inners, options) {
  // fetch.1: the registration of this manager.
  const newFetch = op_bgfetch_prepare_fetch(
    registration,
    encodeId(id),
    mapList(inners, serializeRequest),
  );
  try {
    // fetch.8.6 to fetch.8.11. Where there are no bodies, nothing is waited
    // for: calls without bodies register in the order in which they were made,
    // and none of them has settled before the next one has looked at the ids.
    if (filterList(inners, (inner) => inner.body !== null).length > 0) {
      // fetch.8.1 to fetch.8.5: the user may be asked.
      await op_bgfetch_request_permission(newFetch);
      await storeRequestBodies(newFetch, inners);
    }
    // fetch.8.12 to fetch.8.16, and what is before them when the permission was
    // not asked for yet.
    return await op_bgfetch_fetch(newFetch, options);
  } finally {
    // What was stored and not taken is deleted.
    core.tryClose(newFetch);
  }
}

/**
 * The manager of a service worker registration.
 * @param {number} registration
 */
function createManager(registration, isStillInstalling) {
  return new BackgroundFetchManager(
    privateKey,
    registration,
    isStillInstalling,
  );
}

return {
  BackgroundFetchManager,
  createManager,
};
})();
