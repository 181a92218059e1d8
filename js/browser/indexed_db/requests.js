// https://w3c.github.io/IndexedDB/#request-api

(function () {
const { core } = __bootstrap;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);

const blockedHandler = eventHandler("blocked");
const errorHandler = eventHandler("error");
const successHandler = eventHandler("success");
const upgradeneededHandler = eventHandler("upgradeneeded");

const privateKey = { __proto__: null };

/**
 * A request: https://w3c.github.io/IndexedDB/#request-construct. The objects
 * `source`, `transaction` and `result` are those that scripts see.
 */
function newState(source, transaction) {
  return {
    __proto__: null,
    source,
    transaction,
    isDone: false,
    result: undefined,
    error: null,
    /** The IDBRequest. */
    object: undefined,
  };
}

class IDBRequest extends EventTarget {
  #state;

  constructor(key = undefined, state = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#state = state;
  }

  #done(prefix) {
    if (!this.#state.isDone) {
      throw new DOMException(
        `${prefix}: the request is still pending`,
        "InvalidStateError",
      );
    }
    return this.#state;
  }

  get result() {
    webidl.assertBranded(this, IDBRequestPrototype);
    const prefix = "Failed to read the 'result' property from 'IDBRequest'";
    return this.#done(prefix).result;
  }

  get error() {
    webidl.assertBranded(this, IDBRequestPrototype);
    const prefix = "Failed to read the 'error' property from 'IDBRequest'";
    return this.#done(prefix).error;
  }

  get source() {
    webidl.assertBranded(this, IDBRequestPrototype);
    return this.#state.source;
  }

  get transaction() {
    webidl.assertBranded(this, IDBRequestPrototype);
    return this.#state.transaction;
  }

  get readyState() {
    webidl.assertBranded(this, IDBRequestPrototype);
    return this.#state.isDone ? "done" : "pending";
  }

  get onsuccess() {
    webidl.assertBranded(this, IDBRequestPrototype);
    return successHandler.get(this);
  }

  set onsuccess(value) {
    webidl.assertBranded(this, IDBRequestPrototype);
    successHandler.set(this, value);
  }

  get onerror() {
    webidl.assertBranded(this, IDBRequestPrototype);
    return errorHandler.get(this);
  }

  set onerror(value) {
    webidl.assertBranded(this, IDBRequestPrototype);
    errorHandler.set(this, value);
  }
}

webidl.configureInterface(IDBRequest);
const IDBRequestPrototype = IDBRequest.prototype;

class IDBOpenDBRequest extends IDBRequest {
  get onblocked() {
    webidl.assertBranded(this, IDBOpenDBRequestPrototype);
    return blockedHandler.get(this);
  }

  set onblocked(value) {
    webidl.assertBranded(this, IDBOpenDBRequestPrototype);
    blockedHandler.set(this, value);
  }

  get onupgradeneeded() {
    webidl.assertBranded(this, IDBOpenDBRequestPrototype);
    return upgradeneededHandler.get(this);
  }

  set onupgradeneeded(value) {
    webidl.assertBranded(this, IDBOpenDBRequestPrototype);
    upgradeneededHandler.set(this, value);
  }
}

webidl.configureInterface(IDBOpenDBRequest);
const IDBOpenDBRequestPrototype = IDBOpenDBRequest.prototype;

/** A new request; its object is `object`. */
function newRequest(source, transaction) {
  const state = newState(source, transaction);
  state.object = new IDBRequest(privateKey, state);
  return state;
}

function newOpenRequest() {
  const state = newState(null, null);
  state.object = new IDBOpenDBRequest(privateKey, state);
  return state;
}

function succeed(request, result) {
  request.isDone = true;
  request.result = result;
  request.error = null;
}

function fail(request, error) {
  request.isDone = true;
  request.result = undefined;
  request.error = error;
}

return {
  fail,
  IDBOpenDBRequest,
  IDBRequest,
  newOpenRequest,
  newRequest,
  succeed,
};
})();
