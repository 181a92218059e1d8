// https://html.spec.whatwg.org/multipage/server-sent-events.html

(function () {
const { core, primordials } = __bootstrap;
const {
  op_event_source_read,
  op_fetch_response,
  op_fetch_start,
} = core.ops;
const { defineConstants, eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fire, fireEvent } = core.loadExtScript(
  "ext:background_fetch/common/dispatch.js",
);
const { constructRequest, serializeRequest } = core.loadExtScript(
  "ext:background_fetch/background_fetch/requests.js",
);
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const {
  NumberParseInt,
  Promise,
  RegExpPrototypeTest,
  SafeRegExp,
  StringPrototypeIncludes,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  StringPrototypeToLowerCase,
  StringPrototypeTrim,
  TypedArrayPrototypeGetByteLength,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { EventTarget, MessageEvent } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);
const { clearTimeout, setTimeout } = core.loadExtScript(
  "ext:deno_web/02_timers.js",
);
const { TextDecoder } = core.loadExtScript("ext:deno_web/08_text_encoding.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

const decode = uncurryThis(TextDecoder.prototype.decode);
const errorHandler = eventHandler("error");
const messageHandler = eventHandler("message");
const openHandler = eventHandler("open");

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/** In milliseconds, until the server says otherwise. */
const RECONNECTION_TIME = 3000;

const DIGITS = new SafeRegExp("^[0-9]+$");

const convertEventSourceInit = webidl.createDictionaryConverter(
  "EventSourceInit",
  [{
    key: "withCredentials",
    converter: webidl.converters.boolean,
    defaultValue: false,
  }],
);

class EventSource extends EventTarget {
  #url;
  #withCredentials;
  #readyState = CONNECTING;
  #reconnectionTime = RECONNECTION_TIME;
  #lastEventId = "";
  // What ends the connection, or the wait for the next one.
  #rids = [];
  #timer;
  #origin = "";

  constructor(url, eventSourceInitDict = undefined) {
    const prefix = "Failed to construct 'EventSource'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    super();
    this[webidl.brand] = webidl.brand;
    url = webidl.converters.USVString(url, prefix, "Argument 1");
    const init = convertEventSourceInit(
      eventSourceInitDict,
      prefix,
      "Argument 2",
    );
    // Steps 3 to 5: the URL is parsed against the page's.
    try {
      this.#url = new URL(url, getLocationHref()).href;
    } catch {
      throw new DOMException(`${prefix}: ${url} is not a URL`, "SyntaxError");
    }
    this.#withCredentials = init.withCredentials;
    this.#connect();
  }

  async #connect() {
    let response;
    try {
      response = await this.#fetch();
    } catch {
      // A network error.
      return this.#reestablish();
    }
    const { response: head, body } = response;
    try {
      // close() may have come first.
      if (this.#readyState === CLOSED) return;
      if (head.status !== 200 || !isEventStream(head.headers) || body === null) {
        return this.#fail();
      }
      // https://html.spec.whatwg.org/multipage/server-sent-events.html#announce-the-connection
      this.#origin = new URL(head.url_list[head.url_list.length - 1]).origin;
      this.#readyState = OPEN;
      fire(this, "open");
      await this.#read(body);
    } catch {
      // The connection has broken.
    } finally {
      if (body !== null) core.tryClose(body);
    }
    this.#reestablish();
  }

  async #fetch() {
    const request = serializeRequest(constructRequest(this.#url));
    append(request.headers, ["accept", "text/event-stream"]);
    if (this.#lastEventId !== "") {
      append(
        request.headers,
        ["last-event-id", core.decode(core.encode(this.#lastEventId))],
      );
    }
    request.cache = "no-store";
    request.credentials = this.#withCredentials ? "include" : "same-origin";
    const rid = op_fetch_start(request, null, false, -1);
    this.#rids = [rid];
    try {
      const response = await internal(op_fetch_response(rid));
      if (response.body !== null) this.#rids = [response.body];
      return response;
    } finally {
      core.tryClose(rid);
    }
  }

  // https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
  async #read(body) {
    const decoder = new TextDecoder();
    const event = { __proto__: null, data: "", type: "", id: this.#lastEventId };
    let rest = "";
    let endedWithReturn = false;
    while (this.#readyState === OPEN) {
      const bytes = await internal(op_event_source_read(body));
      if (TypedArrayPrototypeGetByteLength(bytes) === 0) return;
      let text = decode(decoder, bytes, { __proto__: null, stream: true });
      // A line may end with CRLF, and each of them may come by itself.
      if (endedWithReturn && StringPrototypeStartsWith(text, "\n")) {
        text = StringPrototypeSlice(text, 1);
      }
      if (text === "") continue;
      endedWithReturn = text[text.length - 1] === "\r";
      text = rest + text;
      let start = 0;
      while (true) {
        const end = endOfLine(text, start);
        if (end === -1) break;
        this.#line(StringPrototypeSlice(text, start, end), event);
        if (this.#readyState !== OPEN) return;
        const isPair = text[end] === "\r" && text[end + 1] === "\n";
        start = end + (isPair ? 2 : 1);
      }
      rest = StringPrototypeSlice(text, start);
    }
  }

  #line(line, event) {
    if (line === "") return this.#dispatch(event);
    const colon = StringPrototypeIndexOf(line, ":");
    if (colon === 0) return;
    const field = colon === -1 ? line : StringPrototypeSlice(line, 0, colon);
    let value = colon === -1 ? "" : StringPrototypeSlice(line, colon + 1);
    if (StringPrototypeStartsWith(value, " ")) {
      value = StringPrototypeSlice(value, 1);
    }
    switch (field) {
      case "event":
        event.type = value;
        break;
      case "data":
        event.data += `${value}\n`;
        break;
      case "id":
        if (!StringPrototypeIncludes(value, "\0")) event.id = value;
        break;
      case "retry":
        if (RegExpPrototypeTest(DIGITS, value)) {
          this.#reconnectionTime = NumberParseInt(value, 10);
        }
        break;
    }
  }

  // https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage
  #dispatch(event) {
    this.#lastEventId = event.id;
    const { data, type } = event;
    event.data = "";
    event.type = "";
    if (data === "") return;
    fireEvent(
      this,
      new MessageEvent(type === "" ? "message" : type, {
        __proto__: null,
        data: StringPrototypeSlice(data, 0, -1),
        origin: this.#origin,
        lastEventId: this.#lastEventId,
      }),
    );
  }

  // https://html.spec.whatwg.org/multipage/server-sent-events.html#reestablish-the-connection
  async #reestablish() {
    if (this.#readyState === CLOSED) return;
    this.#readyState = CONNECTING;
    fire(this, "error");
    await new Promise((resolve) => {
      this.#timer = setTimeout(resolve, this.#reconnectionTime);
    });
    if (this.#readyState === CONNECTING) this.#connect();
  }

  // https://html.spec.whatwg.org/multipage/server-sent-events.html#fail-the-connection
  #fail() {
    this.close();
    fire(this, "error");
  }

  close() {
    webidl.assertBranded(this, EventSourcePrototype);
    this.#readyState = CLOSED;
    clearTimeout(this.#timer);
    for (let i = 0; i < this.#rids.length; i++) core.tryClose(this.#rids[i]);
  }

  get url() {
    webidl.assertBranded(this, EventSourcePrototype);
    return this.#url;
  }

  get withCredentials() {
    webidl.assertBranded(this, EventSourcePrototype);
    return this.#withCredentials;
  }

  get readyState() {
    webidl.assertBranded(this, EventSourcePrototype);
    return this.#readyState;
  }

  get onopen() {
    webidl.assertBranded(this, EventSourcePrototype);
    return openHandler.get(this);
  }

  set onopen(value) {
    webidl.assertBranded(this, EventSourcePrototype);
    openHandler.set(this, value);
  }

  get onmessage() {
    webidl.assertBranded(this, EventSourcePrototype);
    return messageHandler.get(this);
  }

  set onmessage(value) {
    webidl.assertBranded(this, EventSourcePrototype);
    messageHandler.set(this, value);
  }

  get onerror() {
    webidl.assertBranded(this, EventSourcePrototype);
    return errorHandler.get(this);
  }

  set onerror(value) {
    webidl.assertBranded(this, EventSourcePrototype);
    errorHandler.set(this, value);
  }
}

webidl.configureInterface(EventSource);
const EventSourcePrototype = EventSource.prototype;
defineConstants(EventSource, { __proto__: null, CONNECTING, OPEN, CLOSED });

function isEventStream(headers) {
  for (let i = 0; i < headers.length; i++) {
    const { 0: name, 1: value } = headers[i];
    if (StringPrototypeToLowerCase(name) !== "content-type") continue;
    const end = StringPrototypeIndexOf(value, ";");
    const essence = end === -1 ? value : StringPrototypeSlice(value, 0, end);
    return StringPrototypeToLowerCase(StringPrototypeTrim(essence)) ===
      "text/event-stream";
  }
  return false;
}

/** Where the line that begins at `start` ends, or -1 when its end is not there. */
function endOfLine(text, start) {
  const feed = StringPrototypeIndexOf(text, "\n", start);
  const carriage = StringPrototypeIndexOf(text, "\r", start);
  if (feed === -1) return carriage;
  if (carriage === -1) return feed;
  return carriage < feed ? carriage : feed;
}

return { EventSource };
})();
