// https://html.spec.whatwg.org/multipage/workers.html#dedicated-workers-and-the-worker-interface

(function () {
const { core, primordials } = __bootstrap;
const { op_worker_next, op_worker_post, op_worker_start } = core.ops;
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { reportException } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const { convertTransfer, deserializeMessage, serializeMessage } = core
  .loadExtScript("ext:background_fetch/common/structured_clone.js");
const { internal, newTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { fetch } = core.loadExtScript("ext:background_fetch_browser/fetch.js");
const {
  Error,
  PromisePrototypeThen,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { ErrorEvent, Event, EventTarget, MessageEvent } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");
const { Response } = core.loadExtScript("ext:deno_fetch/23_response.js");

// Taken now: a script may replace it later.
const textOf = uncurryThis(Response.prototype.text);
const errorHandler = eventHandler("error");
const messageHandler = eventHandler("message");
const messageerrorHandler = eventHandler("messageerror");

// https://html.spec.whatwg.org/multipage/workers.html#workeroptions
const convertWorkerOptions = webidl.createDictionaryConverter("WorkerOptions", [
  {
    key: "credentials",
    converter: webidl.createEnumConverter("RequestCredentials", [
      "omit",
      "same-origin",
      "include",
    ]),
    defaultValue: "same-origin",
  },
  { key: "name", converter: webidl.converters.DOMString, defaultValue: "" },
  {
    key: "type",
    converter: webidl.createEnumConverter("WorkerType", ["classic", "module"]),
    defaultValue: "classic",
  },
]);

class Worker extends EventTarget {
  #rid = null;
  #isTerminated = false;
  // Messages that wait until the worker's script is there.
  #waiting = [];
  #posted = 0;
  // The op that waits for the worker: it holds the event loop while the worker
  // has something to do.
  #next = null;
  #isBusy = true;

  constructor(scriptURL, options = undefined) {
    const prefix = "Failed to construct 'Worker'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    super();
    scriptURL = webidl.converters.USVString(scriptURL, prefix, "Argument 1");
    options = convertWorkerOptions(options, prefix, "Argument 2");
    let url;
    try {
      url = new URL(scriptURL, getLocationHref());
    } catch {
      throw new DOMException(`${prefix}: ${scriptURL} is not a URL`, "SyntaxError");
    }
    this[webidl.brand] = webidl.brand;
    this.#start(url, options);
  }

  async #start(url, options) {
    try {
      const { protocol } = url;
      const isLocal = protocol === "blob:" || protocol === "data:";
      // https://html.spec.whatwg.org/multipage/workers.html#dom-worker, 9: a
      // script of another origin is a network error.
      if (protocol !== "data:" && url.origin !== globalThis.origin) {
        throw new Error(`${url.href} is of another origin`);
      }
      const source = isLocal ? await textOf(await fetch(url.href)) : null;
      if (this.#isTerminated) return;
      this.#rid = op_worker_start(
        url.href,
        source,
        options.type === "module",
        options.name,
      );
      const waiting = this.#waiting;
      this.#waiting = [];
      for (let i = 0; i < waiting.length; i++) this.#post(waiting[i]);
      await this.#receive();
    } catch (error) {
      if (this.#isTerminated) return;
      await newTask();
      // A script that cannot be had: a plain event.
      fireEvent(this, new Event("error"));
    }
  }

  async #receive() {
    while (true) {
      this.#next = op_worker_next(this.#rid);
      if (!this.#isBusy) core.unrefOpPromise(this.#next);
      const next = await internal(this.#next);
      this.#next = null;
      if (this.#isTerminated) return;
      switch (next.kind) {
        case "message":
          this.#deliver(next.data);
          break;
        case "error":
          this.#fail(next.message);
          break;
        case "idle":
          this.#isBusy = next.taken < this.#posted;
          continue;
        case "closed":
          return;
      }
      // Each is a task of its own.
      await newTask();
    }
  }

  #deliver(data) {
    const message = deserializeMessage(data);
    if (message === undefined) {
      fireEvent(this, new MessageEvent("messageerror"));
      return;
    }
    const event = new MessageEvent("message");
    event.data = message.value;
    event.ports = message.ports;
    fireEvent(this, event);
  }

  // https://html.spec.whatwg.org/multipage/webappapis.html#report-an-exception, 6.3
  #fail(text) {
    // Behind the message comes the stack.
    const stack = StringPrototypeIndexOf(text, "\n    at ");
    const message = stack < 0 ? text : StringPrototypeSlice(text, 0, stack);
    const event = new ErrorEvent("error", { cancelable: true, message });
    if (fireEvent(this, event)) {
      reportException(new Error(`in a worker: ${text}`));
    }
  }

  #post(data) {
    this.#posted++;
    this.#isBusy = true;
    if (this.#next !== null) core.refOpPromise(this.#next);
    op_worker_post(this.#rid, data);
  }

  // https://html.spec.whatwg.org/multipage/workers.html#dom-worker-postmessage
  postMessage(message, options = undefined) {
    webidl.assertBranded(this, WorkerPrototype);
    const prefix = "Failed to execute 'postMessage' on 'Worker'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const transfer = convertTransfer(options, prefix);
    const data = serializeMessage(message, transfer);
    if (this.#isTerminated) return;
    if (this.#rid === null) this.#waiting[this.#waiting.length] = data;
    else this.#post(data);
  }

  // https://html.spec.whatwg.org/multipage/workers.html#dom-worker-terminate
  terminate() {
    webidl.assertBranded(this, WorkerPrototype);
    this.#isTerminated = true;
    if (this.#rid !== null) core.tryClose(this.#rid);
  }

  get onerror() {
    webidl.assertBranded(this, WorkerPrototype);
    return errorHandler.get(this);
  }

  set onerror(value) {
    webidl.assertBranded(this, WorkerPrototype);
    errorHandler.set(this, value);
  }

  get onmessage() {
    webidl.assertBranded(this, WorkerPrototype);
    return messageHandler.get(this);
  }

  set onmessage(value) {
    webidl.assertBranded(this, WorkerPrototype);
    messageHandler.set(this, value);
  }

  get onmessageerror() {
    webidl.assertBranded(this, WorkerPrototype);
    return messageerrorHandler.get(this);
  }

  set onmessageerror(value) {
    webidl.assertBranded(this, WorkerPrototype);
    messageerrorHandler.set(this, value);
  }
}

webidl.configureInterface(Worker);
const WorkerPrototype = Worker.prototype;

return { Worker };
})();
