// Stores the bodies of requests before `fetch()` resolves.

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_finish_request_body,
  op_bgfetch_open_request_body,
  op_bgfetch_write_request_body,
} = core.ops;
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { abortError } = core.loadExtScript("ext:background_fetch/background_fetch/errors.js");
const {
  PromisePrototypeThen,
  SafePromiseAll,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  uncurryThis,
} = primordials;

const {
  acquireReadableStreamDefaultReader,
  readableStreamCancel,
  ReadableStreamDefaultReader,
} = core.loadExtScript("ext:deno_web/06_streams.js");

const noop = () => {};
// Taken now: a script may replace them later.
const readerRead = uncurryThis(ReadableStreamDefaultReader.prototype.read);

/**
 * https://wicg.github.io/background-fetch/#background-fetch-manager-fetch,
 * fetch.8.6 to fetch.8.11
 * @param {number} newFetch the background fetch to be, a resource
 * @param {object[]} requests inner requests of deno_fetch
 */
async function storeRequestBodies(newFetch, requests) {
  const storing = [];
  const streams = [];
  // fetch.8.7: whether one of them has failed.
  const state = { failed: false };
  // fetch.8.6, fetch.8.8: each body is read at the same time as the others.
  for (let i = 0; i < requests.length; i++) {
    // fetch.8.8.1: without a body there is nothing to read.
    if (requests[i].body === null) continue;
    // fetch.8.8.2: the stream of the body.
    const stream = requests[i].body.stream;
    append(streams, stream);
    // fetch.8.8.3: store it, in parallel with the others.
    append(storing, storeBody(newFetch, i, stream, state));
  }
  try {
    // fetch.8.10, fetch.8.8.3.4: wait until all of them are stored.
    await SafePromiseAll(storing);
  } catch (error) {
    // fetch.8.8.3.2, fetch.8.11: one failure ends all of them.
    state.failed = true;
    const reason = abortError("Another request's body could not be read");
    for (let i = 0; i < streams.length; i++) {
      // The text errors them; cancelling also tells anyone who writes into
      // them.
      const cancelled = readableStreamCancel(streams[i], reason);
      PromisePrototypeThen(cancelled, noop, noop);
    }
    throw error;
  }
}

// fetch.8.8.3.1: a chunk is asked for when the one before is in the store.
async function storeBody(newFetch, index, stream, state) {
  const reader = acquireReadableStreamDefaultReader(stream);
  await op_bgfetch_open_request_body(newFetch, index);
  while (true) {
    let result;
    try {
      // fetch.8.8.3.1.1: read the next chunk.
      result = await readerRead(reader);
    } catch (cause) {
      // fetch.8.8.3.1.2: a stream that fails is refused.
      throw new TypeError("A request's body could not be read", { cause });
    }
    if (state.failed) return;
    if (result.done) {
      await op_bgfetch_finish_request_body(newFetch, index);
      return;
    }
    const { value } = result;
    if (TypedArrayPrototypeGetSymbolToStringTag(value) !== "Uint8Array") {
      throw new TypeError("A chunk of a request's body is not a Uint8Array");
    }
    await op_bgfetch_write_request_body(newFetch, index, value);
  }
}

return {
  storeRequestBodies,
};
})();
