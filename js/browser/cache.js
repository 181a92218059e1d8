// https://w3c.github.io/ServiceWorker/#cache-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_cache_delete,
  op_cache_keys,
  op_cache_match,
  op_cache_match_all,
  op_cache_may_add,
  op_cache_may_put,
  op_cache_put,
} = core.ops;
const { takeBody } = core.loadExtScript(
  "ext:background_fetch_browser/bodies.js",
);
const { fetch, throwIfAborted } = core.loadExtScript(
  "ext:background_fetch_browser/fetch.js",
);
const { createResponse, serializeResponse } = core.loadExtScript(
  "ext:background_fetch_browser/responses.js",
);
const { toException } = core.loadExtScript("ext:background_fetch/background_fetch/errors.js");
const {
  constructRequest,
  convertRequestInfo,
  createInnerRequest,
  serializeRequest,
} = core.loadExtScript("ext:background_fetch/background_fetch/requests.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const {
  ArrayPrototypeMap,
  ObjectFreeze,
  ObjectGetOwnPropertyDescriptor,
  SafeFinalizationRegistry,
  SafePromiseAll,
  TypeError,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { AbortController, createDependentAbortSignal } = core.loadExtScript(
  "ext:deno_web/03_abort_signal.js",
);
const { fromInnerRequest, Request, RequestPrototype, toInnerRequest } = core
  .loadExtScript("ext:deno_fetch/23_request.js");

// Taken now: a script may replace it later.
const signalOf = uncurryThis(
  ObjectGetOwnPropertyDescriptor(RequestPrototype, "signal").get,
);

// https://w3c.github.io/ServiceWorker/#dictdef-cachequeryoptions
const queryOptions = [
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
];
const convertCacheQueryOptions = webidl.createDictionaryConverter(
  "CacheQueryOptions",
  queryOptions,
);
const convertRequests = webidl.createSequenceConverter(convertRequestInfo);

const privateKey = { __proto__: null };
const unreachable = new SafeFinalizationRegistry((rid) => core.tryClose(rid));

class Cache {
  #rid;

  constructor(key = undefined, rid = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#rid = rid;
    unreachable.register(this, rid);
  }

  // https://w3c.github.io/ServiceWorker/#cache-match
  async match(request, options = undefined) {
    webidl.assertBranded(this, CachePrototype);
    const prefix = "Failed to execute 'match' on 'Cache'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    request = convertRequestInfo(request, prefix, "Argument 1");
    options = convertCacheQueryOptions(options, prefix, "Argument 2");
    return await exceptions(async () => {
      const found = await op_cache_match(this.#rid, query(request), options);
      return found === null ? undefined : createResponse(found);
    });
  }

  // https://w3c.github.io/ServiceWorker/#cache-matchall
  async matchAll(request = undefined, options = undefined) {
    webidl.assertBranded(this, CachePrototype);
    const prefix = "Failed to execute 'matchAll' on 'Cache'";
    if (request !== undefined) {
      request = convertRequestInfo(request, prefix, "Argument 1");
    }
    options = convertCacheQueryOptions(options, prefix, "Argument 2");
    return await exceptions(async () => {
      const found = await op_cache_match_all(
        this.#rid,
        request === undefined ? null : query(request),
        options,
      );
      return ObjectFreeze(ArrayPrototypeMap(found, createResponse));
    });
  }

  // https://w3c.github.io/ServiceWorker/#cache-add
  async add(request) {
    webidl.assertBranded(this, CachePrototype);
    const prefix = "Failed to execute 'add' on 'Cache'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    request = convertRequestInfo(request, prefix, "Argument 1");
    await exceptions(() => addAll(this.#rid, [request]));
  }

  // https://w3c.github.io/ServiceWorker/#cache-addAll
  async addAll(requests) {
    webidl.assertBranded(this, CachePrototype);
    const prefix = "Failed to execute 'addAll' on 'Cache'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    requests = convertRequests(requests, prefix, "Argument 1");
    await exceptions(() => addAll(this.#rid, requests));
  }

  // https://w3c.github.io/ServiceWorker/#cache-put
  async put(request, response) {
    webidl.assertBranded(this, CachePrototype);
    const prefix = "Failed to execute 'put' on 'Cache'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    request = convertRequestInfo(request, prefix, "Argument 1");
    response = webidl.converters.Response(response, prefix, "Argument 2");
    // Steps 2 and 3: the inner request, whatever was given.
    const inner = serializeRequest(constructRequest(request));
    // Step 4: only a GET with an HTTP(S) scheme can be put.
    op_cache_may_put(inner);
    // Step 8: a body that was read cannot be stored.
    if (response.bodyUsed || response.body?.locked) {
      throw new TypeError(`${prefix}: the response's body is used already`);
    }
    // Steps 9 to 17: store the response with its body.
    await exceptions(() => put(this.#rid, [inner], [response]));
  }

  // https://w3c.github.io/ServiceWorker/#cache-delete
  async delete(request, options = undefined) {
    webidl.assertBranded(this, CachePrototype);
    const prefix = "Failed to execute 'delete' on 'Cache'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    request = convertRequestInfo(request, prefix, "Argument 1");
    options = convertCacheQueryOptions(options, prefix, "Argument 2");
    return await exceptions(() =>
      op_cache_delete(this.#rid, query(request), options)
    );
  }

  // https://w3c.github.io/ServiceWorker/#cache-keys
  async keys(request = undefined, options = undefined) {
    webidl.assertBranded(this, CachePrototype);
    const prefix = "Failed to execute 'keys' on 'Cache'";
    if (request !== undefined) {
      request = convertRequestInfo(request, prefix, "Argument 1");
    }
    options = convertCacheQueryOptions(options, prefix, "Argument 2");
    return await exceptions(async () => {
      const found = await op_cache_keys(
        this.#rid,
        request === undefined ? null : query(request),
        options,
      );
      return ObjectFreeze(
        ArrayPrototypeMap(
          found,
          (stored) =>
            fromInnerRequest(createInnerRequest(stored, null), "immutable"),
        ),
      );
    });
  }
}

webidl.configureInterface(Cache);
const CachePrototype = Cache.prototype;

/** The request that is looked for: its body does not matter. */
function query(info) {
  return serializeRequest(
    typeof info === "string" ? constructRequest(info) : toInnerRequest(info),
  );
}

/** Puts responses, whose bodies are used from then on, under requests. */
async function put(rid, requests, responses) {
  const items = [];
  const streams = [];
  for (let i = 0; i < responses.length; i++) {
    const { stored, body } = serializeResponse(responses[i]);
    if (body !== null) append(streams, body.streamOrStatic);
    append(items, {
      request: requests[i],
      response: stored,
      body: takeBody(body),
    });
  }
  try {
    await op_cache_put(rid, items);
  } catch (error) {
    // A body whose fetch was aborted while it was stored.
    for (let i = 0; i < streams.length; i++) throwIfAborted(streams[i]);
    throw error;
  }
}

// https://w3c.github.io/ServiceWorker/#cache-addAll
async function addAll(rid, infos) {
  // Steps 2, 3 and 5.1 to 5.3: make and check all requests before one is
  // fetched.
  const requests = ArrayPrototypeMap(infos, (info) => new Request(info));
  const stored = ArrayPrototypeMap(
    requests,
    (request) => serializeRequest(toInnerRequest(request)),
  );
  for (let i = 0; i < stored.length; i++) op_cache_may_put(stored[i]);
  const controller = new AbortController();
  let responses;
  try {
    // Steps 5.7 and 5.8: fetch all of them; one failure aborts the others.
    responses = await SafePromiseAll(
      ArrayPrototypeMap(requests, async (request) => {
        const signal = createDependentAbortSignal([
          controller.signal,
          signalOf(request),
        ]);
        const response = await fetch(request, { signal });
        op_cache_may_add(serializeResponse(response).stored);
        return response;
      }),
    );
  } catch (error) {
    // 5.8.1: "terminate all the ongoing fetches"
    controller.abort();
    throw error;
  }
  await put(rid, stored, responses);
}

async function exceptions(work) {
  try {
    return await work();
  } catch (error) {
    throw toException(error);
  }
}

function createCache(rid) {
  return new Cache(privateKey, rid);
}

return {
  Cache,
  createCache,
  exceptions,
  query,
  queryOptions,
};
})();
