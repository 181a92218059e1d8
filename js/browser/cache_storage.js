// https://w3c.github.io/ServiceWorker/#cachestorage-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_cache_delete_cache,
  op_cache_find,
  op_cache_has,
  op_cache_names,
  op_cache_open,
} = core.ops;
const { createCache, exceptions, query, queryOptions } = core.loadExtScript(
  "ext:background_fetch_browser/cache.js",
);
const { createResponse } = core.loadExtScript(
  "ext:background_fetch_browser/responses.js",
);
const { convertRequestInfo } = core.loadExtScript(
  "ext:background_fetch/background_fetch/requests.js",
);
const { decodeId, encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { ArrayPrototypeConcat, ArrayPrototypeMap } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

// https://w3c.github.io/ServiceWorker/#dictdef-multicachequeryoptions
const convertMultiCacheQueryOptions = webidl.createDictionaryConverter(
  "MultiCacheQueryOptions",
  ArrayPrototypeConcat(queryOptions, [
    { key: "cacheName", converter: webidl.converters.DOMString },
  ]),
);

const privateKey = { __proto__: null };

class CacheStorage {
  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
  }

  // https://w3c.github.io/ServiceWorker/#cache-storage-match
  async match(request, options = undefined) {
    webidl.assertBranded(this, CacheStoragePrototype);
    const prefix = "Failed to execute 'match' on 'CacheStorage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    request = convertRequestInfo(request, prefix, "Argument 1");
    options = convertMultiCacheQueryOptions(options, prefix, "Argument 2");
    return await exceptions(async () => {
      const found = await op_cache_find(
        query(request),
        options,
        options.cacheName === undefined ? null : encodeId(options.cacheName),
      );
      return found === null ? undefined : createResponse(found);
    });
  }

  // https://w3c.github.io/ServiceWorker/#cache-storage-has
  async has(cacheName) {
    webidl.assertBranded(this, CacheStoragePrototype);
    const prefix = "Failed to execute 'has' on 'CacheStorage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    cacheName = webidl.converters.DOMString(cacheName, prefix, "Argument 1");
    return await exceptions(() => op_cache_has(encodeId(cacheName)));
  }

  // https://w3c.github.io/ServiceWorker/#cache-storage-open
  async open(cacheName) {
    webidl.assertBranded(this, CacheStoragePrototype);
    const prefix = "Failed to execute 'open' on 'CacheStorage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    cacheName = webidl.converters.DOMString(cacheName, prefix, "Argument 1");
    return await exceptions(async () =>
      createCache(await op_cache_open(encodeId(cacheName)))
    );
  }

  // https://w3c.github.io/ServiceWorker/#cache-storage-delete
  async delete(cacheName) {
    webidl.assertBranded(this, CacheStoragePrototype);
    const prefix = "Failed to execute 'delete' on 'CacheStorage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    cacheName = webidl.converters.DOMString(cacheName, prefix, "Argument 1");
    return await exceptions(() => op_cache_delete_cache(encodeId(cacheName)));
  }

  // https://w3c.github.io/ServiceWorker/#cache-storage-keys
  async keys() {
    webidl.assertBranded(this, CacheStoragePrototype);
    const names = await exceptions(() => op_cache_names());
    return ArrayPrototypeMap(names, decodeId);
  }
}

webidl.configureInterface(CacheStorage);
const CacheStoragePrototype = CacheStorage.prototype;

/** The only instance in this realm. */
const caches = new CacheStorage(privateKey);

return { caches, CacheStorage };
})();
