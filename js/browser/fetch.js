// https://fetch.spec.whatwg.org/#fetch-method

(function () {
const { core, primordials } = __bootstrap;
const {
  op_fetch_body_wanted,
  op_fetch_response,
  op_fetch_send_body,
  op_fetch_start,
} = core.ops;
const { closeStream, isStatic, takeBytes, takeStream } = core.loadExtScript(
  "ext:background_fetch_browser/bodies.js",
);
const { blobResponse } = core.loadExtScript(
  "ext:background_fetch_browser/blob_response.js",
);
const { bodyOf, createResponse } = core.loadExtScript(
  "ext:background_fetch_browser/responses.js",
);
const { serializeRequest } = core.loadExtScript(
  "ext:background_fetch/background_fetch/requests.js",
);
const {
  ObjectGetOwnPropertyDescriptor,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  PromisePrototypeThen,
  SafeWeakMap,
  TypeError,
  uncurryThis,
  WeakMapPrototypeGet,
  WeakMapPrototypeSet,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { add, remove } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const {
  errorReadableStream,
  isReadableStream,
  readableStreamCancel,
} = core.loadExtScript("ext:deno_web/06_streams.js");
const { Blob, BlobPrototype } = core.loadExtScript("ext:deno_web/09_file.js");
const { Request, RequestPrototype, toInnerRequest } = core.loadExtScript(
  "ext:deno_fetch/23_request.js",
);

const noop = () => {};
const global = globalThis;
// Taken now: a script may replace them later.
const signalOf = uncurryThis(
  ObjectGetOwnPropertyDescriptor(RequestPrototype, "signal").get,
);
const streamOfBlob = uncurryThis(Blob.prototype.stream);

// https://fetch.spec.whatwg.org/#fetch-method
function fetch(input, init = undefined) {
  const { length } = arguments;
  // Step 1: everything below settles this promise.
  return new Promise((resolve, reject) => {
    const prefix = "Failed to execute 'fetch'";
    if ((this ?? global) !== global) {
      throw new TypeError(`${prefix}: Illegal invocation`);
    }
    webidl.requiredArguments(length, 1, prefix);
    // Step 2: An exception rejects the promise.
    const request = new Request(input, init);
    const inner = toInnerRequest(request);
    checkRequest(inner, input, init, prefix);
    // Step 3: the signal of the request.
    const signal = signalOf(request);
    const ongoing = newOngoing();
    // Steps 4 and 11: an abort, before the fetch or in its middle.
    const abort = () => {
      reject(signal.reason);
      abortFetch(inner, ongoing, signal.reason);
    };
    if (signal.aborted) return abort();
    signal[add](abort);
    // Step 12: fetch the request.
    PromisePrototypeThen(
      start(inner, ongoing),
      resolve,
      (error) => {
        signal[remove](abort);
        reject(error);
      },
    );
  });
}

// https://fetch.spec.whatwg.org/#dom-request: what deno_fetch leaves out.
function checkRequest(inner, input, init, prefix) {
  // Step 5.3: a URL that is given has no credentials.
  if (!ObjectPrototypeIsPrototypeOf(RequestPrototype, input)) {
    const { username, password } = new URL(inner.url());
    if (username !== "" || password !== "") {
      throw new TypeError(`${prefix}: the URL includes credentials`);
    }
  }
  // Step 32.1: without CORS only simple methods may be used.
  if (inner.mode === "no-cors") {
    const { method } = inner;
    if (method !== "GET" && method !== "HEAD" && method !== "POST") {
      throw new TypeError(`${prefix}: ${method} is not for the mode no-cors`);
    }
  }
  // Steps 36.2 and 39: a stream that a script has made.
  if (init?.body !== undefined && isReadableStream(init.body)) {
    if (inner.keepalive) {
      throw new TypeError(`${prefix}: a stream cannot be kept alive`);
    }
    if (init.duplex === undefined) {
      throw new TypeError(
        `${prefix}: a stream as the body needs the option duplex: "half"`,
      );
    }
    if (inner.mode === "no-cors") {
      throw new TypeError(`${prefix}: a stream is not for the mode no-cors`);
    }
  }
}

/** A fetch on its way, for {@link start} and {@link abortFetch}. */
const newOngoing = () => ({
  __proto__: null,
  rid: undefined,
  response: undefined,
  // Why it was aborted: `{ reason }`.
  abort: undefined,
});

async function start(inner, ongoing) {
  const response = inner.blobUrlEntry === null
    ? await send(inner, ongoing)
    : await blobResponse(inner);
  ongoing.response = response;
  // Its body is there, although the fetch was aborted before this was known.
  if (ongoing.abort !== undefined) abortBody(response, ongoing.abort.reason);
  return response;
}

async function send(inner, ongoing) {
  const { body } = inner;
  const bytes = body !== null && isStatic(body) ? takeBytes(body) : null;
  const isStream = body !== null && bytes === null;
  ongoing.rid = op_fetch_start(
    serializeRequest(inner),
    bytes,
    isStream,
    isStream && isBlob(body) ? body.length : -1,
  );
  if (isStream) {
    // What cannot be read makes the fetch fail.
    PromisePrototypeThen(sendBody(ongoing.rid, body), noop, noop);
  }
  try {
    return createResponse(await op_fetch_response(ongoing.rid));
  } finally {
    core.tryClose(ongoing.rid);
  }
}

const isBlob = (body) =>
  ObjectPrototypeIsPrototypeOf(BlobPrototype, body.source);

/** Sends the body as often as it is wanted: a redirect may want it again. */
async function sendBody(rid, body) {
  let stream = body.stream;
  while (true) {
    // Who waits for the response keeps the event loop alive.
    const wanted = op_fetch_body_wanted(rid);
    core.unrefOpPromise(wanted);
    if (!await wanted) return;
    stream ??= streamOfBlob(body.source);
    const resource = takeStream(stream);
    stream = undefined;
    try {
      await op_fetch_send_body(rid, resource);
    } finally {
      core.tryClose(resource);
    }
    if (!isBlob(body)) return;
  }
}

// https://fetch.spec.whatwg.org/#abort-fetch
function abortFetch(inner, ongoing, reason) {
  ongoing.abort = { __proto__: null, reason };
  if (ongoing.rid !== undefined) core.tryClose(ongoing.rid);
  // Step 2: cancel the body that is being sent.
  if (inner.body !== null && !isStatic(inner.body)) {
    const { stream } = inner.body;
    if (!stream.locked) {
      PromisePrototypeThen(readableStreamCancel(stream, reason), noop, noop);
    }
  }
  // Steps 3 to 5: error the body that is being received.
  if (ongoing.response !== undefined) abortBody(ongoing.response, reason);
}

function abortBody(response, reason) {
  const body = bodyOf(response);
  if (body !== null) {
    WeakMapPrototypeSet(aborted, body.stream, { __proto__: null, reason });
    errorReadableStream(body.stream, reason);
    closeStream(body.stream);
  }
}

/**
 * The reasons why the fetches of these bodies were aborted.
 * @type {WeakMap<ReadableStream, { reason: unknown }>}
 */
const aborted = new SafeWeakMap();

/** Throws the reason for which the fetch of a body's stream was aborted. */
function throwIfAborted(stream) {
  const abort = WeakMapPrototypeGet(aborted, stream);
  if (abort !== undefined) throw abort.reason;
}

return { abortFetch, fetch, newOngoing, start, throwIfAborted };
})();
