// https://html.spec.whatwg.org/multipage/workers.html#dedicatedworkerglobalscope

(function () {
const { core, primordials } = __bootstrap;
const {
  op_worker_close,
  op_worker_import,
  op_worker_own,
  op_worker_post_to_owner,
  op_worker_receive,
} = core.ops;
const { evaluateClassic } = core.loadExtScript(
  "ext:background_fetch/common/classic_script.js",
);
const { defineAttribute, defineEventHandlerAttribute } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { convertTransfer, deserializeMessage, serializeMessage } = core
  .loadExtScript("ext:background_fetch/common/structured_clone.js");
const { internal, newTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { ObjectDefineProperty, TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { MessageEvent } = core.loadExtScript("ext:deno_web/02_event.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

const global = globalThis;
let isClosed = false;

// https://html.spec.whatwg.org/multipage/workers.html#dom-workerglobalscope-importscripts
function importScripts(...urls) {
  const prefix = "Failed to execute 'importScripts'";
  // Step 1: module scripts cannot import in this way.
  if (op_worker_own().isModule) {
    throw new TypeError(`${prefix}: a module imports by \`import\``);
  }
  const parsed = [];
  for (let i = 0; i < urls.length; i++) {
    const url = webidl.converters.USVString(
      urls[i],
      prefix,
      `Argument ${i + 1}`,
    );
    try {
      parsed[i] = new URL(url, getLocationHref()).href;
    } catch {
      throw new DOMException(`${prefix}: ${url} is not a URL`, "SyntaxError");
    }
  }
  for (let i = 0; i < parsed.length; i++) {
    const source = op_worker_import(parsed[i]);
    const error = evaluateClassic(source, parsed[i]);
    if (error !== null) throw error.thrown;
  }
}

const operations = {
  // https://html.spec.whatwg.org/multipage/workers.html#dom-dedicatedworkerglobalscope-postmessage
  postMessage(message, options = undefined) {
    const prefix = "Failed to execute 'postMessage'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const transfer = convertTransfer(options, prefix);
    op_worker_post_to_owner(serializeMessage(message, transfer));
  },
  // https://html.spec.whatwg.org/multipage/workers.html#dom-dedicatedworkerglobalscope-close
  close() {
    isClosed = true;
    op_worker_close();
  },
  importScripts,
};

/** Reads messages forever, and keeps no event loop alive by doing so. */
async function receive() {
  while (true) {
    const next = op_worker_receive();
    core.unrefOpPromise(next);
    const data = await internal(next);
    if (isClosed) return;
    const message = deserializeMessage(data);
    const event = new MessageEvent(
      message === undefined ? "messageerror" : "message",
    );
    if (message !== undefined) {
      event.data = message.value;
      event.ports = message.ports;
    }
    fireEvent(global, event);
    await newTask();
  }
}

/** Makes the global object that of a worker which a script has made. */
function startWorker() {
  const own = op_worker_own();
  if (own === null) return;
  defineAttribute(global, "name", () => own.name);
  defineEventHandlerAttribute(global, "message");
  defineEventHandlerAttribute(global, "messageerror");
  for (const name in operations) {
    ObjectDefineProperty(global, name, {
      __proto__: null,
      value: operations[name],
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  receive();
}

return { startWorker };
})();
