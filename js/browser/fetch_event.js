// https://w3c.github.io/ServiceWorker/#fetchevent-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_fetch_event_abandoned,
  op_fetch_event_no_response,
  op_fetch_event_respond,
} = core.ops;
const { createBody, takeBody } = core.loadExtScript(
  "ext:background_fetch_browser/bodies.js",
);
const { isResponse, serializeResponse } = core.loadExtScript(
  "ext:background_fetch_browser/responses.js",
);
const { invalidStateError } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const {
  convertExtendableEventInit,
  ExtendableEvent,
  keepWorkerUntil,
} = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_event.js",
);
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { createInnerRequest } = core.loadExtScript(
  "ext:background_fetch/background_fetch/requests.js",
);
const {
  Promise,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  String,
  TypeError,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { Event } = core.loadExtScript("ext:deno_web/02_event.js");
const { defer } = core.loadExtScript("ext:deno_web/02_timers.js");
const { abortRequest, fromInnerRequest } = core.loadExtScript(
  "ext:deno_fetch/23_request.js",
);

const noop = () => {};
// Taken now: a script may replace them later.
const waitUntil = uncurryThis(ExtendableEvent.prototype.waitUntil);
const stopImmediatePropagation = uncurryThis(
  Event.prototype.stopImmediatePropagation,
);

const convertOwnMembers = webidl.createDictionaryConverter("FetchEventInit", [
  { key: "clientId", converter: webidl.converters.DOMString, defaultValue: "" },
  { key: "handled", converter: webidl.converters["Promise<undefined>"] },
  { key: "preloadResponse", converter: webidl.converters["Promise<any>"] },
  {
    key: "replacesClientId",
    converter: webidl.converters.DOMString,
    defaultValue: "",
  },
  { key: "request", converter: webidl.converters.Request, required: true },
  {
    key: "resultingClientId",
    converter: webidl.converters.DOMString,
    defaultValue: "",
  },
]);

const illegalInvocation = () =>
  PromiseReject(new TypeError("Illegal invocation"));

let begin;
let end;

class FetchEvent extends ExtendableEvent {
  #init;
  // The resource of the way back; null for an event that a script has made.
  #rid = null;
  #isDispatching = false;
  // https://w3c.github.io/ServiceWorker/#fetchevent-respond-with-entered-flag
  #hasEntered = false;
  #settleHandled = { __proto__: null, resolve: noop, reject: noop };

  constructor(type, eventInitDict) {
    const prefix = "Failed to construct 'FetchEvent'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    type = webidl.converters.DOMString(type, prefix, "Argument 1");
    super(
      type,
      convertExtendableEventInit(eventInitDict, prefix, "Argument 2"),
    );
    this.#init = convertOwnMembers(eventInitDict, prefix, "Argument 2");
    this.#init.handled ??= new Promise((resolve, reject) => {
      this.#settleHandled = { __proto__: null, resolve, reject };
    });
    this.#init.preloadResponse ??= PromiseResolve();
    PromisePrototypeThen(this.#init.handled, noop, noop);
  }

  static {
    begin = (event, rid) => {
      event.#rid = rid;
      event.#isDispatching = true;
    };
    end = (event) => event.#end();
  }

  get request() {
    webidl.assertBranded(this, FetchEventPrototype);
    return this.#init.request;
  }

  // Web IDL has an attribute of a promise reject, where another one throws.
  get preloadResponse() {
    if (!(#init in this)) return illegalInvocation();
    return this.#init.preloadResponse;
  }

  get clientId() {
    webidl.assertBranded(this, FetchEventPrototype);
    return this.#init.clientId;
  }

  get resultingClientId() {
    webidl.assertBranded(this, FetchEventPrototype);
    return this.#init.resultingClientId;
  }

  get replacesClientId() {
    webidl.assertBranded(this, FetchEventPrototype);
    return this.#init.replacesClientId;
  }

  get handled() {
    if (!(#init in this)) return illegalInvocation();
    return this.#init.handled;
  }

  // https://w3c.github.io/ServiceWorker/#dom-fetchevent-respondwith
  respondWith(r) {
    webidl.assertBranded(this, FetchEventPrototype);
    const prefix = "Failed to execute 'respondWith' on 'FetchEvent'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const promise = PromiseResolve(r);
    // Step 2: it has to be called while the event is dispatched.
    if (!this.#isDispatching) {
      throw invalidStateError(`${prefix}: the event is not being dispatched`);
    }
    // Step 3: it may be called once only.
    if (this.#hasEntered) {
      throw invalidStateError(`${prefix}: it was called already`);
    }
    // Step 4: the event lives until the promise has settled.
    waitUntil(this, promise);
    // Steps 5 and 6: no other listener is to respond.
    stopImmediatePropagation(this);
    // Steps 7 and 8: remember that it was called.
    this.#hasEntered = true;
    // Steps 9 and 10: respond with what the promise brings.
    PromisePrototypeThen(
      promise,
      (response) => this.#respond(response),
      (reason) => this.#fail(`respondWith() was rejected: ${text(reason)}`),
    );
  }

  // Step 10: what is done with a response.
  #respond(response) {
    // Step 10.1: anything else is a network error.
    if (!isResponse(response)) {
      return this.#fail("respondWith() was given something else than a Response");
    }
    // Step 10.2: so is a response that cannot be used.
    if (response.type === "error") {
      return this.#fail("the response is a network error");
    }
    if (response.bodyUsed || response.body?.locked) {
      return this.#fail("the response's body is used already");
    }
    const { stored, body } = serializeResponse(response);
    this.#settleHandled.resolve();
    // The worker is needed until the page has all of the body.
    keepWorkerUntil(
      this,
      op_fetch_event_respond(this.#rid, stored, takeBody(body)),
    );
  }

  #fail(reason) {
    op_fetch_event_no_response(this.#rid, reason);
    this.#settleHandled.reject(new TypeError(reason));
  }

  // https://w3c.github.io/ServiceWorker/#handle-fetch, when all handlers have
  // run
  #end() {
    this.#isDispatching = false;
    if (this.#hasEntered) return;
    if (this.defaultPrevented) {
      return this.#fail("the event was prevented, and nothing was answered");
    }
    op_fetch_event_no_response(this.#rid, null);
    this.#settleHandled.resolve();
  }
}

webidl.configureInterface(FetchEvent);
const FetchEventPrototype = FetchEvent.prototype;

function text(reason) {
  try {
    return String(reason);
  } catch {
    return "a value that cannot be shown";
  }
}

function createFetchEvent(event) {
  const inner = createInnerRequest(event.request, createBody(event.body));
  const request = fromInnerRequest(inner, "immutable");
  const created = new FetchEvent("fetch", {
    cancelable: true,
    request,
    clientId: event.clientId,
    resultingClientId: event.resultingClientId,
  });
  begin(created, event.rid);
  abortWith(request, event.abandoned);
  return created;
}

// https://w3c.github.io/ServiceWorker/#handle-fetch: the request's signal is
// aborted with the client's fetch.
async function abortWith(request, rid) {
  const abandoned = op_fetch_event_abandoned(rid);
  // It keeps no event loop alive.
  core.unrefOpPromise(abandoned);
  if (await internal(abandoned)) abortRequest(request);
}

/** The handlers have run, but for the microtasks that they have left. */
function dispatched(event) {
  defer(() => end(event));
}

return {
  createFetchEvent,
  dispatched,
  FetchEvent,
};
})();
