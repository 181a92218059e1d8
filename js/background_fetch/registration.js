// https://wicg.github.io/background-fetch/#background-fetch-registration

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_abort,
  op_bgfetch_match_all,
  op_bgfetch_unwatch,
  op_bgfetch_watch,
} = core.ops;
const { fire } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { invalidStateError } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const { decodeId } = core.loadExtScript("ext:background_fetch/background_fetch/id_encoding.js");
const { createRecordObjects } = core.loadExtScript(
  "ext:background_fetch/background_fetch/record.js",
);
const {
  constructRequest,
  convertRequestInfo,
  serializeRequest,
} = core.loadExtScript("ext:background_fetch/background_fetch/requests.js");
const {
  MapPrototypeDelete,
  MapPrototypeGet,
  MapPrototypeSet,
  SafeFinalizationRegistry,
  SafeMap,
  SafeWeakRef,
  SymbolFor,
  TypeError,
  WeakRefPrototypeDeref,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { createFilteredInspectProxy } = core.loadExtScript(
  "ext:deno_web/01_console.js",
);
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);

// https://w3c.github.io/ServiceWorker/#dictdef-cachequeryoptions
const convertCacheQueryOptions = webidl.createDictionaryConverter(
  "CacheQueryOptions",
  [
    {
      key: "ignoreMethod",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
    {
      key: "ignoreSearch",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
    {
      key: "ignoreVary",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
  ],
);

const progressHandler = eventHandler("progress");

const privateKey = { __proto__: null };

let newInstance;
let update;
let keyOf;
let mayStillChange;
let isInstance;

class BackgroundFetchRegistration extends EventTarget {
  // The background fetch as it was told to this realm last.
  #bgFetch;

  constructor(key = undefined, bgFetch = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#bgFetch = bgFetch;
  }

  static {
    newInstance = (bgFetch) =>
      new BackgroundFetchRegistration(privateKey, bgFetch);
    isInstance = (value) => #bgFetch in value;
    keyOf = (instance) => instance.#bgFetch.key;
    mayStillChange = (instance) =>
      instance.#bgFetch.result === "" || instance.#bgFetch.recordsAvailable;
    update = (instance, latest) => updateInstance(instance.#bgFetch, latest);
  }

  get id() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return decodeId(this.#bgFetch.id);
  }

  get uploadTotal() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return this.#bgFetch.uploadTotal;
  }

  get uploaded() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return this.#bgFetch.uploaded;
  }

  get downloadTotal() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return this.#bgFetch.downloadTotal;
  }

  get downloaded() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return this.#bgFetch.downloaded;
  }

  get result() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return this.#bgFetch.result;
  }

  get failureReason() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return this.#bgFetch.failureReason;
  }

  get recordsAvailable() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return this.#bgFetch.recordsAvailable;
  }

  // https://wicg.github.io/background-fetch/#dom-backgroundfetchregistration-onprogress
  get onprogress() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    return progressHandler.get(this);
  }

  set onprogress(value) {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    progressHandler.set(this, value);
  }

  // https://wicg.github.io/background-fetch/#background-fetch-registration-abort
  async abort() {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    // abort.3.5: resolve with whether it was still active.
    return await op_bgfetch_abort(this.#bgFetch.key);
  }

  // https://wicg.github.io/background-fetch/#background-fetch-registration-match
  async match(request, options = undefined) {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    const prefix =
      "Failed to execute 'match' on 'BackgroundFetchRegistration'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    request = convertRequestInfo(request, prefix, "Argument 1");
    options = convertCacheQueryOptions(options, prefix, "Argument 2");
    // match.1, match.2: the first of those that match.
    return (await this.#matchAll(request, options))[0];
  }

  // https://wicg.github.io/background-fetch/#background-fetch-registration-match-all
  async matchAll(request = undefined, options = undefined) {
    webidl.assertBranded(this, BackgroundFetchRegistrationPrototype);
    const prefix =
      "Failed to execute 'matchAll' on 'BackgroundFetchRegistration'";
    if (request !== undefined) {
      request = convertRequestInfo(request, prefix, "Argument 1");
    }
    options = convertCacheQueryOptions(options, prefix, "Argument 2");
    return await this.#matchAll(request, options);
  }

  async #matchAll(request, options) {
    // matchAll.1: refused once the records are gone.
    if (!this.#bgFetch.recordsAvailable) {
      throw invalidStateError(
        "The records of this background fetch are no longer available",
      );
    }
    // matchAll.2 to matchAll.4: find the records that match.
    const rids = op_bgfetch_match_all(
      this.#bgFetch.key,
      request === undefined
        ? null
        : serializeRequest(constructRequest(request)),
      options,
    );
    // matchAll.3.3: resolve with an object for each.
    return createRecordObjects(rids);
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, inspectOptions) {
    return inspect(
      createFilteredInspectProxy({
        object: this,
        evaluate: #bgFetch in this,
        keys: [
          "id",
          "uploadTotal",
          "uploaded",
          "downloadTotal",
          "downloaded",
          "result",
          "failureReason",
          "recordsAvailable",
          "onprogress",
        ],
      }),
      inspectOptions,
    );
  }
}

webidl.configureInterface(BackgroundFetchRegistration);
const BackgroundFetchRegistrationPrototype =
  BackgroundFetchRegistration.prototype;

webidl.converters.BackgroundFetchRegistration = (V, prefix, context) => {
  if (webidl.type(V) === "Object" && isInstance(V)) return V;
  throw webidl.makeException(
    TypeError,
    "is not of type BackgroundFetchRegistration",
    prefix,
    context,
  );
};

/**
 * https://wicg.github.io/background-fetch/#backgroundfetchmanager-backgroundfetchregistration-instances
 *
 * By the key of the background fetch. While something about it can still
 * change, the object is held: a script may have left a listener or a property
 * on it, and reaches it again with `get()` or an event. Afterwards only the
 * script holds it.
 * @type {Map<string, { strong: object | null, weak: WeakRef }>}
 */
const instances = new SafeMap();

// QuickJS hashes integers so that thousands of them are in one chain.
const place = (key) => `${key}`;

const collected = new SafeFinalizationRegistry((at) => {
  const entry = MapPrototypeGet(instances, at);
  // Another object may have taken the place of the one that is gone.
  if (entry !== undefined && WeakRefPrototypeDeref(entry.weak) === undefined) {
    MapPrototypeDelete(instances, at);
  }
});

/** https://wicg.github.io/background-fetch/#get-a-backgroundfetchregistration-instance */
function getInstance(bgFetch) {
  // instance.1, instance.2: there is at most one in a realm.
  const existing = existingInstance(bgFetch.key);
  if (existing !== undefined) return existing;
  // instance.3 to instance.5: make one, and remember it.
  const instance = newInstance(bgFetch);
  const held = mayStillChange(instance);
  const at = place(bgFetch.key);
  MapPrototypeSet(instances, at, {
    __proto__: null,
    strong: held ? instance : null,
    weak: new SafeWeakRef(instance),
  });
  collected.register(instance, at);
  if (held) op_bgfetch_watch(bgFetch.key);
  return instance;
}

function existingInstance(key) {
  const entry = MapPrototypeGet(instances, place(key));
  return entry === undefined ? undefined : WeakRefPrototypeDeref(entry.weak);
}

/**
 * https://wicg.github.io/background-fetch/#update-background-fetch-instances,
 * update.6: one realm takes over what has changed.
 */
function updateInstances(latest) {
  // update.6.1, update.6.2: a realm without an instance has nothing to do.
  const instance = existingInstance(latest.key);
  if (instance === undefined) return;
  // update.6.3 to update.6.9: take over what has changed.
  const progressed = update(instance, latest);
  if (!mayStillChange(instance)) letGo(instance);
  // update.6.10: scripts hear of progress.
  if (progressed) fire(instance, "progress");
}

function letGo(instance) {
  const entry = MapPrototypeGet(instances, place(keyOf(instance)));
  if (entry.strong === null) return;
  entry.strong = null;
  op_bgfetch_unwatch(keyOf(instance));
}

// update.6.3 to update.6.9: take over what has changed. Returns whether scripts
// hear of it.
function updateInstance(bgFetch, latest) {
  // update.6.3: the records may have gone.
  if (!latest.recordsAvailable) bgFetch.recordsAvailable = false;
  // update.6.4: with a result nothing else changes.
  if (bgFetch.result !== "") return false;
  // update.6.5: nothing has changed since the last time.
  if (
    bgFetch.downloaded === latest.downloaded &&
    bgFetch.uploaded === latest.uploaded &&
    bgFetch.result === latest.result &&
    bgFetch.failureReason === latest.failureReason
  ) {
    return false;
  }
  // update.6.6 to update.6.9: copy the numbers, the result and its reason.
  bgFetch.downloaded = latest.downloaded;
  bgFetch.uploaded = latest.uploaded;
  bgFetch.result = latest.result;
  bgFetch.failureReason = latest.failureReason;
  return true;
}

return {
  BackgroundFetchRegistration,
  getInstance,
  keyOf,
  updateInstances,
};
})();
