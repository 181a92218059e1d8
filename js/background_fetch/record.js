// https://wicg.github.io/background-fetch/#background-fetch-record-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_bgfetch_read_response_body,
  op_bgfetch_record_request,
  op_bgfetch_record_response,
} = core.ops;
const { mapList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { createRequestObject } = core.loadExtScript(
  "ext:background_fetch/background_fetch/requests.js",
);
const { storedBodyStream } = core.loadExtScript(
  "ext:background_fetch/background_fetch/stored_body.js",
);
const {
  PromisePrototypeThen,
  PromiseReject,
  SafeFinalizationRegistry,
  SymbolFor,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { createFilteredInspectProxy } = core.loadExtScript(
  "ext:deno_web/01_console.js",
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
    // records.2.4, records.2.5: a request object, with the stored body.
    return this.#request ??= createRequestObject(
      this.#handle,
      op_bgfetch_record_request(this.#handle.rid),
    );
  }

  // The wait starts at the first look: an operation under way would keep the
  // event loop of a script that does not care alive.
  get responseReady() {
    // An attribute whose type is a promise answers a wrong `this` with one.
    try {
      webidl.assertBranded(this, BackgroundFetchRecordPrototype);
    } catch (error) {
      return PromiseReject(error);
    }
    // records.2.3: the promise for the response.
    if (this.#responseReady === undefined) {
      this.#responseReady = waitForResponse(this.#handle);
      // Anyone who only looks at `request` has not left a rejection unhandled.
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
 * What keeps a record in the engine, and its bytes readable: anyone who reads
 * from it holds it. When none does any more, the engine is notified.
 * @typedef {{ rid: number }} RecordHandle
 */
const unreachable = new SafeFinalizationRegistry((rid) => core.tryClose(rid));

/**
 * https://wicg.github.io/background-fetch/#create-record-objects
 * @param {number[]} rids the records in the engine
 */
function createRecordObjects(rids) {
  // records.1 to records.3, records.2.10: an object for each record, in their
  // order.
  return mapList(rids, (rid) => {
    const handle = { __proto__: null, rid };
    unreachable.register(handle, rid);
    // records.2.2: a new record object, in this realm.
    return recordFrom(handle);
  });
}

// records.2.9: the engine has chosen between the response and the exception,
// and has deleted what records.2.9.2.2 and records.2.9.2.3 delete.
async function waitForResponse(handle) {
  const stored = await op_bgfetch_record_response(handle.rid);
  const inner = newInnerResponse(stored.status, stored.status_message);
  inner.type = stored.type;
  inner.urlList = stored.url_list;
  inner.headerList = stored.headers;
  // records.2.9.2.4, records.2.9.2.5; a response to which the Fetch standard
  // forbids a body has none.
  if (stored.status !== 0 && !nullBodyStatus(stored.status)) {
    inner.body = new InnerBody(storedBodyStream((offset, length) =>
      op_bgfetch_read_response_body(handle.rid, offset, length)
    ));
  }
  // records.2.9.2.6.1, records.2.9.2.6.2: a response object with
  // immutable headers.
  return fromInnerResponse(inner, "immutable");
}

return {
  BackgroundFetchRecord,
  createRecordObjects,
};
})();
