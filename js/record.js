// https://wicg.github.io/background-fetch/#background-fetch-record-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_read_response_body,
  op_bgfetch_record_request,
  op_bgfetch_record_response,
} = core.ops;
const { createRequestObject, SLICE } = core.loadExtScript(
  "ext:background_fetch/requests.js",
);
const {
  ArrayPrototypeMap,
  PromisePrototypeThen,
  PromiseReject,
  SafeFinalizationRegistry,
  SymbolFor,
  TypedArrayPrototypeGetByteLength,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { createFilteredInspectProxy } = core.loadExtScript(
  "ext:deno_web/01_console.js",
);
const { createReadableStream } = core.loadExtScript(
  "ext:deno_web/06_streams.js",
);
const { InnerBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const {
  fromInnerResponse,
  newInnerResponse,
  nullBodyStatus,
} = core.loadExtScript("ext:deno_fetch/23_response.js");

const noop = () => {};
const privateKey = { __proto__: null };

let recordFrom;

class BackgroundFetchRecord {
  #handle;
  #request;
  #responseReady;

  constructor(key = undefined, handle = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#handle = handle;
  }

  static {
    recordFrom = (handle) => new BackgroundFetchRecord(privateKey, handle);
  }

  get request() {
    webidl.assertBranded(this, BackgroundFetchRecordPrototype);
    return this.#request ??= createRequestObject(
      this.#handle,
      op_bgfetch_record_request(this.#handle.rid),
    );
  }

  // The wait starts when somebody looks: an operation under way would keep the
  // event loop of a script that does not care alive.
  get responseReady() {
    // An attribute whose type is a promise answers a wrong `this` with one.
    try {
      webidl.assertBranded(this, BackgroundFetchRecordPrototype);
    } catch (error) {
      return PromiseReject(error);
    }
    if (this.#responseReady === undefined) {
      this.#responseReady = waitForResponse(this.#handle);
      // Whoever only looks at `request` has not left a rejection unhandled.
      PromisePrototypeThen(this.#responseReady, noop, noop);
    }
    return this.#responseReady;
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, inspectOptions) {
    return inspect(
      createFilteredInspectProxy({
        object: this,
        evaluate: #handle in this,
        // To look at `responseReady` would start to wait.
        keys: ["request"],
      }),
      inspectOptions,
    );
  }
}

webidl.configureInterface(BackgroundFetchRecord);
const BackgroundFetchRecordPrototype = BackgroundFetchRecord.prototype;

/**
 * What keeps a record in the engine, and its bytes readable: whoever reads
 * from it holds it. When nobody does any more, the engine is told.
 * @typedef {{ rid: number }} RecordHandle
 */
const unreachable = new SafeFinalizationRegistry((rid) => core.tryClose(rid));

/**
 * https://wicg.github.io/background-fetch/#create-record-objects
 * @param {number[]} rids the records in the engine
 */
function createRecordObjects(rids) {
  return ArrayPrototypeMap(rids, (rid) => {
    const handle = { rid };
    unreachable.register(handle, rid);
    return recordFrom(handle);
  });
}

// Step 2.10. The engine has chosen between the response and the exception, and
// has deleted what steps 2.10.2.2 and 2.10.2.3 delete.
async function waitForResponse(handle) {
  const stored = await op_bgfetch_record_response(handle.rid);
  const inner = newInnerResponse(stored.status, stored.status_message);
  inner.type = stored.type;
  inner.urlList = stored.url_list;
  inner.headerList = stored.headers;
  // Steps 2.10.2.4 and 2.10.2.5; a response to which the Fetch standard
  // forbids a body has none.
  if (stored.status !== 0 && !nullBodyStatus(stored.status)) {
    inner.body = new InnerBody(responseBodyStream(handle));
  }
  return fromInnerResponse(inner, "immutable");
}

// Steps 2.7 to 2.9.
function responseBodyStream(handle) {
  let transmittedBytes = 0;
  return createReadableStream(
    noop,
    async (controller) => {
      const bytes = await op_bgfetch_read_response_body(
        handle.rid,
        transmittedBytes,
        SLICE,
      );
      const length = TypedArrayPrototypeGetByteLength(bytes);
      if (length === 0) {
        controller.close();
      } else {
        transmittedBytes += length;
        controller.enqueue(bytes);
      }
    },
    async () => {},
    // Nothing is read from the store before somebody asks for it.
    0,
  );
}

return {
  BackgroundFetchRecord,
  createRecordObjects,
};
})();
