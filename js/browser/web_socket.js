// https://websockets.spec.whatwg.org/

(function () {
const { core, primordials } = __bootstrap;
const {
  op_web_socket_close,
  op_web_socket_fail,
  op_web_socket_next,
  op_web_socket_open,
  op_web_socket_send_binary,
  op_web_socket_send_text,
} = core.ops;
const { defineConstants, eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fire, fireEvent } = core.loadExtScript(
  "ext:background_fetch/common/dispatch.js",
);
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { invalidStateError } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const {
  ArrayBufferIsView,
  ArrayPrototypeIncludes,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  ObjectPrototypeIsPrototypeOf,
  RegExpPrototypeTest,
  SafeRegExp,
  StringPrototypeIncludes,
  SymbolIterator,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetSymbolToStringTag,
  Uint8Array,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { CloseEvent, EventTarget, MessageEvent } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);
const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

const arrayBufferOf = uncurryThis(Blob.prototype.arrayBuffer);
const closeHandler = eventHandler("close");
const errorHandler = eventHandler("error");
const messageHandler = eventHandler("message");
const openHandler = eventHandler("open");

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/** RFC 6455, section 4.1: a token, as RFC 2616 has it. */
const SUBPROTOCOL = new SafeRegExp("^[!#$%&'*+\\-.0-9A-Z^_`a-z|~]+$");

/** In bytes: what a control frame has room for beside the code. */
const MAX_REASON = 123;

const syntaxError = (message) => new DOMException(message, "SyntaxError");

const isBlob = (value) => ObjectPrototypeIsPrototypeOf(Blob.prototype, value);

class WebSocket extends EventTarget {
  #rid;
  #url;
  #readyState = CONNECTING;
  #protocol = "";
  #binaryType = "blob";
  // Bytes that were given to send(), and those that have left since.
  #given = 0;
  #sent = 0;
  // What waits for the bytes of a blob before it.
  #waiting = [];

  constructor(url, protocols = []) {
    const prefix = "Failed to construct 'WebSocket'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    url = webidl.converters.USVString(url, prefix, "Argument 1");
    protocols = convertProtocols(protocols, prefix);
    super();
    this[webidl.brand] = webidl.brand;
    // Steps 1 to 6: parse the URL, which needs a WebSocket scheme.
    const parsed = parse(url, prefix);
    // Steps 7 to 9: subprotocols are tokens, each named once.
    checkProtocols(protocols, prefix);
    this.#url = parsed.href;
    // Step 12: establish the connection in parallel.
    this.#rid = op_web_socket_open(this.#url, protocols);
    this.#listen(parsed.origin);
  }

  // https://websockets.spec.whatwg.org/#feedback-from-the-protocol
  async #listen(origin) {
    let news;
    do {
      news = await internal(op_web_socket_next(this.#rid));
      switch (news.kind) {
        case "open":
          // close() may have come first.
          if (this.#readyState !== CONNECTING) break;
          this.#readyState = OPEN;
          this.#protocol = news.protocol;
          fire(this, "open");
          break;
        case "text":
          this.#message(news.text, origin);
          break;
        case "binary":
          this.#message(
            this.#binaryType === "blob"
              ? new Blob([news.bytes])
              : TypedArrayPrototypeGetBuffer(news.bytes),
            origin,
          );
          break;
        case "sent":
          this.#sent = news.total;
          break;
        case "closing":
          if (this.#readyState === OPEN) this.#readyState = CLOSING;
          break;
      }
    } while (news.kind !== "closed");
    core.tryClose(this.#rid);
    // "When the WebSocket connection is closed"
    this.#readyState = CLOSED;
    if (news.failed) fire(this, "error");
    fireEvent(
      this,
      new CloseEvent("close", {
        __proto__: null,
        wasClean: news.was_clean,
        code: news.code,
        reason: news.reason,
      }),
    );
  }

  // "When a WebSocket message has been received"
  #message(data, origin) {
    if (this.#readyState !== OPEN) return;
    fireEvent(this, new MessageEvent("message", { __proto__: null, data, origin }));
  }

  // https://websockets.spec.whatwg.org/#dom-websocket-send
  send(data) {
    webidl.assertBranded(this, WebSocketPrototype);
    const prefix = "Failed to execute 'send' on 'WebSocket'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    data = convertData(data, prefix);
    if (this.#readyState === CONNECTING) {
      throw invalidStateError(`${prefix}: the connection is not open yet`);
    }
    const isText = typeof data === "string";
    const bytes = isText ? core.encode(data) : data;
    this.#given += isBlob(bytes)
      ? bytes.size
      : TypedArrayPrototypeGetByteLength(bytes);
    if (this.#readyState !== OPEN) return;
    this.#inOrder(isText ? data : bytes);
  }

  /** Sends `data`, or closes if it is a function, when all before it was. */
  #inOrder(data) {
    if (this.#waiting.length > 0 || isBlob(data)) {
      append(this.#waiting, data);
      if (this.#waiting.length === 1) this.#sendWaiting();
    } else {
      this.#sendNow(data);
    }
  }

  async #sendWaiting() {
    while (this.#waiting.length > 0) {
      let data = this.#waiting[0];
      if (isBlob(data)) {
        data = new Uint8Array(await internal(arrayBufferOf(data)));
      }
      this.#sendNow(data);
      const rest = [];
      for (let i = 1; i < this.#waiting.length; i++) {
        append(rest, this.#waiting[i]);
      }
      this.#waiting = rest;
    }
  }

  #sendNow(data) {
    // The connection may be gone meanwhile.
    if (this.#readyState === CLOSED) return;
    if (typeof data === "function") data();
    else if (typeof data === "string") op_web_socket_send_text(this.#rid, data);
    else op_web_socket_send_binary(this.#rid, data);
  }

  // https://websockets.spec.whatwg.org/#dom-websocket-close
  close(code = undefined, reason = undefined) {
    webidl.assertBranded(this, WebSocketPrototype);
    const prefix = "Failed to execute 'close' on 'WebSocket'";
    if (code !== undefined) {
      code = webidl.converters["unsigned short"](code, prefix, "Argument 1", {
        __proto__: null,
        clamp: true,
      });
    }
    reason = reason === undefined
      ? undefined
      : webidl.converters.USVString(reason, prefix, "Argument 2");
    // Step 1: only some codes are for scripts.
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
      throw new DOMException(
        `${prefix}: the code is ${code}, and has to be 1000 or from 3000 to 4999`,
        "InvalidAccessError",
      );
    }
    // Step 2: the reason has to fit into a control frame.
    if (
      reason !== undefined &&
      TypedArrayPrototypeGetByteLength(core.encode(reason)) > MAX_REASON
    ) {
      throw syntaxError(
        `${prefix}: the reason is longer than ${MAX_REASON} bytes`,
      );
    }
    // Step 3: what closing means depends on the ready state.
    if (this.#readyState === CONNECTING) {
      this.#readyState = CLOSING;
      op_web_socket_fail(this.#rid);
    } else if (this.#readyState === OPEN) {
      this.#readyState = CLOSING;
      // "If reason is given and code is not, 1000": a reason needs a code.
      const status = code ?? (reason === undefined || reason === "" ? -1 : 1000);
      this.#inOrder(() => op_web_socket_close(this.#rid, status, reason ?? ""));
    }
  }

  get url() {
    webidl.assertBranded(this, WebSocketPrototype);
    return this.#url;
  }

  get readyState() {
    webidl.assertBranded(this, WebSocketPrototype);
    return this.#readyState;
  }

  get bufferedAmount() {
    webidl.assertBranded(this, WebSocketPrototype);
    return this.#given - this.#sent;
  }

  get extensions() {
    webidl.assertBranded(this, WebSocketPrototype);
    return "";
  }

  get protocol() {
    webidl.assertBranded(this, WebSocketPrototype);
    return this.#protocol;
  }

  get binaryType() {
    webidl.assertBranded(this, WebSocketPrototype);
    return this.#binaryType;
  }

  set binaryType(value) {
    webidl.assertBranded(this, WebSocketPrototype);
    value = webidl.converters.DOMString(
      value,
      "Failed to set 'binaryType' on 'WebSocket'",
    );
    // What is not a value of the enumeration is passed over.
    if (value === "blob" || value === "arraybuffer") this.#binaryType = value;
  }

  get onopen() {
    webidl.assertBranded(this, WebSocketPrototype);
    return openHandler.get(this);
  }

  set onopen(value) {
    webidl.assertBranded(this, WebSocketPrototype);
    openHandler.set(this, value);
  }

  get onerror() {
    webidl.assertBranded(this, WebSocketPrototype);
    return errorHandler.get(this);
  }

  set onerror(value) {
    webidl.assertBranded(this, WebSocketPrototype);
    errorHandler.set(this, value);
  }

  get onclose() {
    webidl.assertBranded(this, WebSocketPrototype);
    return closeHandler.get(this);
  }

  set onclose(value) {
    webidl.assertBranded(this, WebSocketPrototype);
    closeHandler.set(this, value);
  }

  get onmessage() {
    webidl.assertBranded(this, WebSocketPrototype);
    return messageHandler.get(this);
  }

  set onmessage(value) {
    webidl.assertBranded(this, WebSocketPrototype);
    messageHandler.set(this, value);
  }
}

webidl.configureInterface(WebSocket);
// deno_web's lacks what Web IDL gives every interface.
webidl.configureInterface(CloseEvent);
const WebSocketPrototype = WebSocket.prototype;
defineConstants(WebSocket, { __proto__: null, CONNECTING, OPEN, CLOSING, CLOSED });

/** `(DOMString or sequence<DOMString>)` */
function convertProtocols(value, prefix) {
  const isObject = webidl.type(value) === "Object";
  if (isObject && value[SymbolIterator] != null) {
    return webidl.converters["sequence<DOMString>"](value, prefix, "Argument 2");
  }
  return [webidl.converters.DOMString(value, prefix, "Argument 2")];
}

/** The constructor, steps 1 to 6. */
function parse(url, prefix) {
  let parsed;
  try {
    parsed = new URL(url, getLocationHref());
  } catch {
    throw syntaxError(`${prefix}: ${url} is not a URL`);
  }
  if (parsed.protocol === "http:") parsed.protocol = "ws:";
  if (parsed.protocol === "https:") parsed.protocol = "wss:";
  if (parsed.protocol !== "ws:" && parsed.protocol !== "wss:") {
    throw syntaxError(
      `${prefix}: ${parsed.href} has the scheme ${parsed.protocol} and has to have ws: or wss:`,
    );
  }
  if (StringPrototypeIncludes(parsed.href, "#")) {
    throw syntaxError(`${prefix}: ${parsed.href} has a fragment`);
  }
  return parsed;
}

/** Steps 8 and 9. */
function checkProtocols(protocols, prefix) {
  const seen = [];
  for (let i = 0; i < protocols.length; i++) {
    const protocol = protocols[i];
    if (!RegExpPrototypeTest(SUBPROTOCOL, protocol)) {
      throw syntaxError(`${prefix}: ${protocol} is not a subprotocol`);
    }
    if (ArrayPrototypeIncludes(seen, protocol)) {
      throw syntaxError(`${prefix}: the subprotocol ${protocol} is there twice`);
    }
    append(seen, protocol);
  }
}

/** `(BufferSource or Blob or USVString)`: a string, a blob, or bytes. */
function convertData(value, prefix) {
  if (isBlob(value)) return value;
  if (ArrayBufferIsView(value)) {
    value = webidl.converters.ArrayBufferView(value, prefix, "Argument 1");
    const isDataView =
      TypedArrayPrototypeGetSymbolToStringTag(value) === undefined;
    return isDataView
      ? new Uint8Array(
        DataViewPrototypeGetBuffer(value),
        DataViewPrototypeGetByteOffset(value),
        DataViewPrototypeGetByteLength(value),
      )
      : new Uint8Array(
        TypedArrayPrototypeGetBuffer(value),
        TypedArrayPrototypeGetByteOffset(value),
        TypedArrayPrototypeGetByteLength(value),
      );
  }
  if (core.isArrayBuffer(value)) return new Uint8Array(value);
  return webidl.converters.USVString(value, prefix, "Argument 1");
}

return { WebSocket };
})();
