// The web globals of a realm that has none: what a service worker, a worker or
// a page may expect besides Background Fetch itself.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_globals_console, op_bgfetch_globals_options } = core.ops;
const {
  ArrayBuffer,
  FunctionPrototype,
  ObjectDefineProperties,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  Promise,
  PromisePrototype,
  StringPrototype,
  SymbolSpecies,
  SymbolToStringTag,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const url = core.loadExtScript("ext:deno_web/00_url.js");
const { URLPattern } = core.loadExtScript("ext:deno_web/01_urlpattern.js");
const { Console, setNoColorFns } = core.loadExtScript(
  "ext:deno_web/01_console.js",
);
const { DOMException, QuotaExceededError } = core.loadExtScript(
  "ext:deno_web/01_dom_exception.js",
);
const event = core.loadExtScript("ext:deno_web/02_event.js");
const timers = core.loadExtScript("ext:deno_web/02_timers.js");
const abortSignal = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const globalInterfaces = core.loadExtScript(
  "ext:deno_web/04_global_interfaces.js",
);
const { atob, btoa } = core.loadExtScript("ext:deno_web/05_base64.js");
const streams = core.loadExtScript("ext:deno_web/06_streams.js");
const encoding = core.loadExtScript("ext:deno_web/08_text_encoding.js");
const { Blob, File } = core.loadExtScript("ext:deno_web/09_file.js");
const { FileReader } = core.loadExtScript("ext:deno_web/10_filereader.js");
const location = core.loadExtScript("ext:deno_web/12_location.js");
const messagePort = core.loadExtScript("ext:deno_web/13_message_port.js");
const compression = core.loadExtScript("ext:deno_web/14_compression.js");
const performance = core.loadExtScript("ext:deno_web/15_performance.js");
const { Headers } = core.loadExtScript("ext:deno_fetch/20_headers.js");
const { FormData } = core.loadExtScript("ext:deno_fetch/21_formdata.js");
const { Request } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { Response } = core.loadExtScript("ext:deno_fetch/23_response.js");

const {
  defineAttribute,
  defineEventHandlerAttribute,
  defineReplaceableAttribute,
  sharedScope,
} = core.loadExtScript("ext:background_fetch/common/attributes.js");

const { endTurn, isHandled, isRejectionHandled, presentable, report } = core
  .loadExtScript("ext:background_fetch/common/exceptions.js");
const { createDataProperty } = core.loadExtScript(
  "ext:background_fetch/common/lists.js",
);
const { structuredClone } = core.loadExtScript(
  "ext:background_fetch/common/message_port.js",
);

const { prepareGlobalScope, registerExceptions } = core.loadExtScript(
  "ext:background_fetch/common/global_scope.js",
);

// https://webidl.spec.whatwg.org/#dfn-get-buffer-source-copy: a detached buffer
// has no bytes. deno_web's op refuses it, with QuickJS.
const { TextDecoder } = encoding;
const decode = uncurryThis(TextDecoder.prototype.decode);
const isDetached = uncurryThis(
  ObjectGetOwnPropertyDescriptor(ArrayBuffer.prototype, "detached").get,
);
ObjectDefineProperty(TextDecoder.prototype, "decode", {
  __proto__: null,
  value: {
    decode(input = undefined, options = undefined) {
      if (
        TypedArrayPrototypeGetSymbolToStringTag(input) === "Uint8Array" &&
        isDetached(TypedArrayPrototypeGetBuffer(input))
      ) {
        input = undefined;
      }
      return decode(this, input, options);
    },
  }.decode,
  enumerable: true,
  configurable: true,
  writable: true,
});

const options = op_bgfetch_globals_options();
const shared = sharedScope(options.kind);

registerExceptions();

function define(name, value) {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null,
    value,
    enumerable: false,
    configurable: true,
    writable: true,
  });
}

// https://webidl.spec.whatwg.org/#define-the-operations: a global's operations
// can be enumerated, its interfaces cannot.
function defineOperation(name, value) {
  // Where deno_core has it.
  if (shared !== globalThis) delete globalThis[name];
  ObjectDefineProperty(shared, name, {
    __proto__: null,
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

const interfaces = {
  __proto__: null,
  AbortController: abortSignal.AbortController,
  AbortSignal: abortSignal.AbortSignal,
  Blob,
  ByteLengthQueuingStrategy: streams.ByteLengthQueuingStrategy,
  CloseEvent: event.CloseEvent,
  CompressionStream: compression.CompressionStream,
  CountQueuingStrategy: streams.CountQueuingStrategy,
  CustomEvent: event.CustomEvent,
  DecompressionStream: compression.DecompressionStream,
  DOMException,
  ErrorEvent: event.ErrorEvent,
  Event: event.Event,
  EventTarget: event.EventTarget,
  File,
  FileReader,
  FormData,
  Headers,
  MessageChannel: messagePort.MessageChannel,
  MessageEvent: event.MessageEvent,
  MessagePort: messagePort.MessagePort,
  Performance: performance.Performance,
  PerformanceEntry: performance.PerformanceEntry,
  PerformanceMark: performance.PerformanceMark,
  PerformanceMeasure: performance.PerformanceMeasure,
  ProgressEvent: event.ProgressEvent,
  PromiseRejectionEvent: event.PromiseRejectionEvent,
  QuotaExceededError,
  ReadableByteStreamController: streams.ReadableByteStreamController,
  ReadableStream: streams.ReadableStream,
  ReadableStreamBYOBReader: streams.ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest: streams.ReadableStreamBYOBRequest,
  ReadableStreamDefaultController: streams.ReadableStreamDefaultController,
  ReadableStreamDefaultReader: streams.ReadableStreamDefaultReader,
  Request,
  Response,
  TextDecoder: encoding.TextDecoder,
  TextDecoderStream: encoding.TextDecoderStream,
  TextEncoder: encoding.TextEncoder,
  TextEncoderStream: encoding.TextEncoderStream,
  TransformStream: streams.TransformStream,
  TransformStreamDefaultController: streams.TransformStreamDefaultController,
  URL: url.URL,
  URLPattern,
  URLSearchParams: url.URLSearchParams,
  WritableStream: streams.WritableStream,
  WritableStreamDefaultController: streams.WritableStreamDefaultController,
  WritableStreamDefaultWriter: streams.WritableStreamDefaultWriter,
};
for (const name in interfaces) define(name, interfaces[name]);

// https://html.spec.whatwg.org/#dom-reporterror
function reportError(error) {
  if ((this ?? globalThis) !== globalThis) {
    throw new TypeError("Illegal invocation");
  }
  webidl.requiredArguments(
    arguments.length,
    1,
    "Failed to execute 'reportError'",
  );
  reportException(error);
}

const operations = {
  __proto__: null,
  atob,
  btoa,
  clearInterval: timers.clearInterval,
  clearTimeout: timers.clearTimeout,
  queueMicrotask: globalThis.queueMicrotask,
  reportError,
  setInterval: timers.setInterval,
  setTimeout: timers.setTimeout,
  structuredClone,
};
for (const name in operations) defineOperation(name, operations[name]);

setNoColorFns(() => !options.stdoutColor, () => !options.stderrColor);
// https://console.spec.whatwg.org: deno_web's levels 2 and 3 are warnings and
// errors.
define(
  "console",
  new Console((message, level) => op_bgfetch_globals_console(message, level > 1)),
);

performance.setTimeOrigin();
define("performance", performance.performance);

// https://html.spec.whatwg.org/multipage/workers.html#workerlocation
ObjectDefineProperty(
  shared,
  "location",
  options.kind === "window"
    ? location.locationDescriptor
    : location.workerLocationDescriptor,
);
const { origin } = new url.URL(options.url);
defineReplaceableAttribute(shared, "origin", () => origin);
defineAttribute(shared, "self", () => globalThis);

// The global object is an EventTarget of the kind that the realm has.
class ServiceWorkerGlobalScope extends globalInterfaces.WorkerGlobalScope {
  constructor() {
    webidl.illegalConstructor();
  }
}
webidl.configureInterface(ServiceWorkerGlobalScope);

class SharedWorkerGlobalScope extends globalInterfaces.WorkerGlobalScope {
  constructor() {
    webidl.illegalConstructor();
  }
}
webidl.configureInterface(SharedWorkerGlobalScope);

let globalInterface;
switch (options.kind) {
  case "window":
    globalInterface = globalInterfaces.Window;
    defineAttribute(globalThis, "window", () => globalThis);
    break;
  case "dedicated-worker":
    globalInterface = globalInterfaces.DedicatedWorkerGlobalScope;
    define("WorkerGlobalScope", globalInterfaces.WorkerGlobalScope);
    break;
  case "shared-worker":
    globalInterface = SharedWorkerGlobalScope;
    define("WorkerGlobalScope", globalInterfaces.WorkerGlobalScope);
    defineEventHandlerAttribute(globalThis, "connect");
    break;
  case "service-worker":
    globalInterface = ServiceWorkerGlobalScope;
    define("WorkerGlobalScope", globalInterfaces.WorkerGlobalScope);
    break;
  default:
    throw new TypeError(`Unknown kind of realm: ${options.kind}`);
}
define(globalInterface.name, globalInterface);
prepareGlobalScope(options.url, globalInterface.prototype, reportException);
event.defineEventHandler(globalThis, "error", undefined, true);
defineEventHandlerAttribute(shared, "rejectionhandled");
defineEventHandlerAttribute(shared, "unhandledrejection");
if (options.kind === "window") defineEventHandlerAttribute(globalThis, "load");

// https://html.spec.whatwg.org/multipage/system-state.html#the-navigator-object
class Navigator {
  constructor(key = undefined) {
    if (key !== Navigator) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
  }

  get userAgent() {
    webidl.assertBranded(this, Navigator.prototype);
    return options.userAgent;
  }
}
webidl.configureInterface(Navigator);
const navigator = new Navigator(Navigator);
const navigatorName = options.kind === "window" ? "Navigator" : "WorkerNavigator";
ObjectDefineProperties(Navigator, {
  name: { __proto__: null, value: navigatorName, configurable: true },
});
ObjectDefineProperty(Navigator.prototype, SymbolToStringTag, {
  __proto__: null,
  value: navigatorName,
  configurable: true,
});
define(navigatorName, Navigator);
defineAttribute(shared, "navigator", () => navigator);

// What no listener wants ends a page, by way of the embedder's event loop. A
// worker continues: its owner, or its host, is notified.
const isPage = options.kind === "window";
function reportException(error) {
  if (isHandled(error)) return;
  if (isPage) endTurn(error);
  else report(error);
}

core.setReportExceptionCallback(reportException);
// deno_web's own `dispatchEvent()` calls this for what a listener throws, when
// it has fired `error` itself. deno_core's would stop the script that runs.
if (!isPage) core.reportUnhandledException = report;
core.setUnhandledPromiseRejectionHandler((promise, reason) => {
  if (isRejectionHandled("unhandledrejection", true, promise, reason)) {
    return true;
  }
  if (!isPage) report(reason);
  else if (presentable(reason) === reason) return false;
  else endTurn(reason);
  return true;
});
core.setHandledPromiseRejectionHandler((promise, reason) => {
  isRejectionHandled("rejectionhandled", false, promise, reason);
});

// deno_core calls its ops, and waits for them, by these, and QuickJS makes a
// template literal with the last, so that a script that changes them would never
// hear of anything again. They stay what they are; a promise may still have a
// `constructor` of its own, and a function a `call`.
ObjectDefineProperty(Promise, SymbolSpecies, {
  __proto__: null,
  configurable: false,
});
ObjectDefineProperty(StringPrototype, "concat", {
  __proto__: null,
  configurable: false,
  writable: false,
});
/** What inherits the property may still be given one of its own. */
function keep(object, name, key) {
  const value = object[key];
  const accessor = {
    get [key]() {
      return value;
    },
    set [key](own) {
      if (this === object) {
        throw new TypeError(`${name}.${key} cannot be changed`);
      }
      createDataProperty(this, key, own);
    },
  };
  ObjectDefineProperty(object, key, {
    __proto__: null,
    ...ObjectGetOwnPropertyDescriptor(accessor, key),
    enumerable: false,
    configurable: false,
  });
}
keep(FunctionPrototype, "Function.prototype", "call");
keep(PromisePrototype, "Promise.prototype", "constructor");

// No script of such a realm needs the embedder's own interface, and through it
// would reach ops that ask no permission.
delete globalThis.Deno;
delete globalThis.__bootstrap;
})();
