// https://xhr.spec.whatwg.org/, without requests that block and without
// documents.

(function () {
const { core, primordials } = __bootstrap;
const { op_fetch_is_forbidden_header } = core.ops;
const { defineConstants, eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fire, fireEvent } = core.loadExtScript(
  "ext:background_fetch/common/dispatch.js",
);
const { invalidStateError } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { bodyOf } = core.loadExtScript(
  "ext:background_fetch_browser/responses.js",
);
const { defineMembers } = core.loadExtScript(
  "ext:background_fetch_browser/lazy.js",
);
const { abortFetch, newOngoing, start } = core.loadExtScript(
  "ext:background_fetch_browser/fetch.js",
);
const {
  ArrayPrototypeIncludes,
  ArrayPrototypeJoin,
  ArrayPrototypeSort,
  DateNow,
  JSONParse,
  MapPrototypeGet,
  MapPrototypeSet,
  NumberParseInt,
  RegExpPrototypeTest,
  SafeRegExp,
  StringPrototypeReplace,
  StringPrototypeToLowerCase,
  StringPrototypeToUpperCase,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeSet,
  Uint8Array,
  uncurryThis,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { extractMimeType, parseMimeType, serializeMimeType } = core
  .loadExtScript("ext:deno_web/01_mimesniff.js");
const { eventTargetData, EventTarget, ProgressEvent } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);
const { clearTimeout, setTimeout } = core.loadExtScript(
  "ext:deno_web/02_timers.js",
);
const { acquireReadableStreamDefaultReader, ReadableStreamDefaultReader } = core
  .loadExtScript("ext:deno_web/06_streams.js");
const { TextDecoder } = core.loadExtScript("ext:deno_web/08_text_encoding.js");
const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");
const { extractBody } = core.loadExtScript("ext:deno_fetch/22_body.js");
const { newInnerRequest } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { toInnerResponse } = core.loadExtScript("ext:deno_fetch/23_response.js");

// Taken now: a script may replace them later.
const decode = uncurryThis(TextDecoder.prototype.decode);
const read = uncurryThis(ReadableStreamDefaultReader.prototype.read);

const UNSENT = 0;
const OPENED = 1;
const HEADERS_RECEIVED = 2;
const LOADING = 3;
const DONE = 4;

/** Progress is told no more often than this, in milliseconds. */
const PROGRESS_INTERVAL = 50;

// https://httpwg.org/specs/rfc9110.html#tokens
const TOKEN = new SafeRegExp("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$");
// https://fetch.spec.whatwg.org/#header-value
const VALUE = new SafeRegExp("^[\\x01-\\x09\\x0b\\x0c\\x0e-\\xff]*$");
// https://encoding.spec.whatwg.org/#names-and-labels
const REPLACEMENT = new SafeRegExp(
  "^\\s*(replacement|csiso2022kr|hz-gb-2312|iso-2022-(cn|cn-ext|kr))\\s*$",
  "i",
);
const BLANKS_AROUND = new SafeRegExp("^[\\t\\n\\r ]+|[\\t\\n\\r ]+$", "g");
const NORMALIZED = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
const FORBIDDEN = ["CONNECT", "TRACE", "TRACK"];

const convertResponseType = webidl.createEnumConverter(
  "XMLHttpRequestResponseType",
  ["", "arraybuffer", "blob", "document", "json", "text"],
);

const privateKey = { __proto__: null };

class XMLHttpRequestEventTarget extends EventTarget {
  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this[webidl.brand] = webidl.brand;
  }
}

function defineHandlers(prototype, types) {
  for (let i = 0; i < types.length; i++) {
    const handler = eventHandler(types[i]);
    // The computed names make the functions' names "get name" and "set name".
    defineMembers(prototype, {
      get [`on${types[i]}`]() {
        webidl.assertBranded(this, prototype);
        return handler.get(this);
      },
      set [`on${types[i]}`](value) {
        webidl.assertBranded(this, prototype);
        handler.set(this, value);
      },
    });
  }
}

defineHandlers(XMLHttpRequestEventTarget.prototype, [
  "loadstart",
  "progress",
  "abort",
  "error",
  "load",
  "timeout",
  "loadend",
]);
webidl.configureInterface(XMLHttpRequestEventTarget);

class XMLHttpRequestUpload extends XMLHttpRequestEventTarget {}
webidl.configureInterface(XMLHttpRequestUpload);

/** https://xhr.spec.whatwg.org/#concept-event-fire-progress */
function fireProgress(target, type, loaded, total) {
  fireEvent(
    target,
    new ProgressEvent(type, {
      __proto__: null,
      lengthComputable: total !== 0,
      loaded,
      total,
    }),
  );
}

class XMLHttpRequest extends XMLHttpRequestEventTarget {
  #readyState = UNSENT;
  #timeout = 0;
  #withCredentials = false;
  #upload = new XMLHttpRequestUpload(privateKey);
  #method;
  #url;
  #blobUrlEntry = null;
  #headers = [];
  #isSent = false;
  #isUploaded = false;
  #hasUploadListener = false;
  #mimeTypeOverride = null;
  #responseType = "";
  // The inner response of deno_fetch; null is a network error.
  #response = null;
  // What is made of the body, when a script has asked for it.
  #object;
  #chunks = [];
  #received = 0;
  // What is being fetched; null when nothing is.
  #ongoing = null;
  #timer;
  #begun = 0;

  constructor() {
    super(privateKey);
  }

  get readyState() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    return this.#readyState;
  }

  // https://xhr.spec.whatwg.org/#the-open()-method
  open(method, url, async = true) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const prefix = "Failed to execute 'open' on 'XMLHttpRequest'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    method = webidl.converters.ByteString(method, prefix, "Argument 1");
    url = webidl.converters.USVString(url, prefix, "Argument 2");
    async = arguments.length < 3 || webidl.converters.boolean(async);
    const [, , , username, password] = arguments;
    // Steps 2 to 4: the method has to be one, and an allowed one.
    if (!RegExpPrototypeTest(TOKEN, method)) {
      throw new DOMException(`${prefix}: it is not a method`, "SyntaxError");
    }
    const upper = StringPrototypeToUpperCase(method);
    if (ArrayPrototypeIncludes(FORBIDDEN, upper)) {
      throw new DOMException(`${prefix}: ${upper} is forbidden`, "SecurityError");
    }
    if (ArrayPrototypeIncludes(NORMALIZED, upper)) method = upper;
    // Steps 5 and 6: the URL is parsed against the page's.
    let parsed;
    try {
      parsed = new URL(url, getLocationHref());
    } catch {
      throw new DOMException(`${prefix}: ${url} is not a URL`, "SyntaxError");
    }
    // Step 8: the user and the password become a part of it.
    if (parsed.host !== "") {
      if (username !== undefined && username !== null) {
        parsed.username = webidl.converters.USVString(username, prefix);
      }
      if (password !== undefined && password !== null) {
        parsed.password = webidl.converters.USVString(password, prefix);
      }
    }
    if (!async) {
      throw new DOMException(
        `${prefix}: a request cannot block the script here`,
        "InvalidAccessError",
      );
    }
    // Step 10: terminate what is being fetched.
    this.#terminate();
    // Step 11: begin with a clean state.
    this.#isSent = false;
    this.#hasUploadListener = false;
    this.#method = method;
    this.#url = parsed.href;
    // A URL of a blob means the blob from here on, even if it is revoked.
    const { blobUrlEntry } = newInnerRequest(
      method,
      this.#url,
      () => [],
      null,
      true,
    );
    this.#blobUrlEntry = blobUrlEntry;
    this.#headers = [];
    this.#forget();
    // Step 12: the state is opened.
    if (this.#readyState !== OPENED) this.#setState(OPENED);
  }

  // https://xhr.spec.whatwg.org/#the-setrequestheader()-method
  setRequestHeader(name, value) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const prefix = "Failed to execute 'setRequestHeader' on 'XMLHttpRequest'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    name = webidl.converters.ByteString(name, prefix, "Argument 1");
    value = webidl.converters.ByteString(value, prefix, "Argument 2");
    // Steps 1 and 2: it has to be opened, and not yet sent.
    this.#checkNotSent(prefix);
    // Step 3: normalize the value.
    value = StringPrototypeReplace(value, BLANKS_AROUND, "");
    // Step 4: both have to be a header's.
    if (
      !RegExpPrototypeTest(TOKEN, name) || !RegExpPrototypeTest(VALUE, value)
    ) {
      throw new DOMException(`${prefix}: it is not a header`, "SyntaxError");
    }
    // Step 5: a forbidden one is passed over.
    if (op_fetch_is_forbidden_header(name, value)) return;
    // Step 6: combine it with what is there.
    const header = this.#header(name);
    if (header === undefined) append(this.#headers, [name, value]);
    else header[1] = `${header[1]}, ${value}`;
  }

  #header(name) {
    const lower = StringPrototypeToLowerCase(name);
    for (let i = 0; i < this.#headers.length; i++) {
      if (StringPrototypeToLowerCase(this.#headers[i][0]) === lower) {
        return this.#headers[i];
      }
    }
    return undefined;
  }

  #checkNotSent(prefix) {
    if (this.#readyState !== OPENED || this.#isSent) {
      throw invalidStateError(`${prefix}: it is not opened, or was sent already`);
    }
  }

  get timeout() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    return this.#timeout;
  }

  set timeout(value) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    this.#timeout = webidl.converters["unsigned long"](value);
    if (this.#isSent) this.#startTimer();
  }

  get withCredentials() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    return this.#withCredentials;
  }

  // https://xhr.spec.whatwg.org/#dom-xmlhttprequest-withcredentials
  set withCredentials(value) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    value = webidl.converters.boolean(value);
    if (
      (this.#readyState !== UNSENT && this.#readyState !== OPENED) ||
      this.#isSent
    ) {
      throw invalidStateError("withCredentials: it was sent already");
    }
    this.#withCredentials = value;
  }

  get upload() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    return this.#upload;
  }

  // https://xhr.spec.whatwg.org/#the-send()-method
  send(body = null) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const prefix = "Failed to execute 'send' on 'XMLHttpRequest'";
    body = webidl.converters["BodyInit_DOMString?"](body, prefix, "Argument 1");
    // Steps 1 and 2: it has to be opened, and not yet sent.
    this.#checkNotSent(prefix);
    // Step 3: what is only read has no body.
    if (this.#method === "GET" || this.#method === "HEAD") body = null;
    // Step 4: extract the body, and say what it is.
    let inner = null;
    let length = 0;
    if (body !== null) {
      const isText = typeof body === "string";
      const extracted = extractBody(isText ? core.encode(body) : body);
      inner = extracted.body;
      length = inner.length ?? 0;
      this.#describeBody(
        isText ? "text/plain;charset=UTF-8" : extracted.contentType,
        isText,
      );
    }
    // Step 5: whether someone listens to the upload.
    this.#hasUploadListener = hasListeners(this.#upload);
    // Step 6: let req be a new request, with the method, URL and headers.
    const headers = this.#headers;
    const request = newInnerRequest(
      this.#method,
      this.#url,
      () => headers,
      inner,
      false,
    );
    request.blobUrlEntry = this.#blobUrlEntry;
    request.mode = "cors";
    request.credentialsMode = this.#withCredentials ? "include" : "same-origin";
    // Steps 7 to 10: nothing is uploaded of no body; it is sent.
    this.#isUploaded = inner === null;
    this.#isSent = true;
    // Step 11.1: fire a progress event named loadstart.
    fireProgress(this, "loadstart", 0, 0);
    // Step 11.4: the same for the upload.
    if (!this.#isUploaded && this.#hasUploadListener) {
      fireProgress(this.#upload, "loadstart", 0, length);
    }
    // Step 11.5: a listener may have opened or aborted it.
    if (this.#readyState !== OPENED || !this.#isSent) return;
    this.#ongoing = { __proto__: null, ongoing: newOngoing(), request };
    this.#begun = DateNow();
    this.#startTimer();
    internal(this.#fetch(this.#ongoing, length));
  }

  // Step 4.4 to 4.6: the author's `Content-Type` counts, but for the charset of
  // a text.
  #describeBody(type, isText) {
    const header = this.#header("content-type");
    if (header === undefined) {
      if (type !== null) append(this.#headers, ["Content-Type", type]);
      return;
    }
    const mimeType = isText ? parseMimeType(header[1]) : null;
    if (mimeType === null) return;
    const charset = MapPrototypeGet(mimeType.parameters, "charset");
    if (
      charset === undefined || StringPrototypeToLowerCase(charset) === "utf-8"
    ) {
      return;
    }
    MapPrototypeSet(mimeType.parameters, "charset", "UTF-8");
    header[1] = serializeMimeType(mimeType);
  }

  async #fetch(fetch, bodyLength) {
    let response;
    try {
      response = await internal(start(fetch.request, fetch.ongoing));
    } catch {
      if (this.#ongoing === fetch) this.#fail("error");
      return;
    }
    if (this.#ongoing !== fetch) return;
    this.#uploaded(bodyLength);
    if (this.#ongoing !== fetch) return;
    // https://xhr.spec.whatwg.org/#the-send()-method, processResponse
    this.#response = toInnerResponse(response);
    this.#setState(HEADERS_RECEIVED);
    if (this.#ongoing !== fetch) return;
    const body = bodyOf(response);
    const total = this.#contentLength();
    if (body !== null && !await this.#receive(fetch, body, total)) return;
    this.#end(total);
  }

  // processRequestEndOfBody
  #uploaded(length) {
    if (this.#isUploaded) return;
    this.#isUploaded = true;
    if (!this.#hasUploadListener) return;
    fireProgress(this.#upload, "progress", length, length);
    fireProgress(this.#upload, "load", length, length);
    fireProgress(this.#upload, "loadend", length, length);
  }

  // processBodyChunk: whether all of it came.
  async #receive(fetch, body, total) {
    const reader = acquireReadableStreamDefaultReader(body.stream);
    let told = 0;
    while (true) {
      let result;
      try {
        result = await internal(read(reader));
      } catch {
        if (this.#ongoing === fetch) this.#fail("error");
        return false;
      }
      if (this.#ongoing !== fetch) return false;
      if (result.done) return true;
      append(this.#chunks, result.value);
      this.#received += TypedArrayPrototypeGetByteLength(result.value);
      const now = DateNow();
      if (now - told < PROGRESS_INTERVAL) continue;
      told = now;
      if (this.#readyState === HEADERS_RECEIVED) this.#readyState = LOADING;
      fire(this, "readystatechange");
      fireProgress(this, "progress", this.#received, total);
      if (this.#ongoing !== fetch) return false;
    }
  }

  // https://xhr.spec.whatwg.org/#handle-response-end-of-body
  #end(total) {
    const received = this.#received;
    fireProgress(this, "progress", received, total);
    if (this.#ongoing === null) return;
    this.#ongoing = null;
    clearTimeout(this.#timer);
    this.#isSent = false;
    this.#setState(DONE);
    if (this.#readyState !== DONE) return;
    fireProgress(this, "load", received, total);
    fireProgress(this, "loadend", received, total);
  }

  // https://xhr.spec.whatwg.org/#request-error-steps
  #fail(type) {
    this.#terminate();
    this.#isSent = false;
    this.#forget();
    this.#setState(DONE);
    if (!this.#isUploaded) {
      this.#isUploaded = true;
      if (this.#hasUploadListener) {
        fireProgress(this.#upload, type, 0, 0);
        fireProgress(this.#upload, "loadend", 0, 0);
      }
    }
    fireProgress(this, type, 0, 0);
    fireProgress(this, "loadend", 0, 0);
  }

  #startTimer() {
    clearTimeout(this.#timer);
    if (this.#timeout === 0 || this.#ongoing === null) return;
    const left = this.#begun + this.#timeout - DateNow();
    this.#timer = setTimeout(() => {
      if (this.#ongoing !== null) this.#fail("timeout");
    }, left < 0 ? 0 : left);
  }

  #terminate() {
    clearTimeout(this.#timer);
    const fetch = this.#ongoing;
    this.#ongoing = null;
    if (fetch === null) return;
    const reason = new DOMException("The request was aborted", "AbortError");
    abortFetch(fetch.request, fetch.ongoing, reason);
  }

  #forget() {
    this.#response = null;
    this.#object = undefined;
    this.#chunks = [];
    this.#received = 0;
  }

  #setState(state) {
    this.#readyState = state;
    fire(this, "readystatechange");
  }

  // https://xhr.spec.whatwg.org/#the-abort()-method
  abort() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const state = this.#readyState;
    // Step 2: an error, if there is something to abort.
    if (
      (state === OPENED && this.#isSent) || state === HEADERS_RECEIVED ||
      state === LOADING
    ) {
      this.#fail("abort");
    }
    // Step 3: no event is fired for this.
    if (this.#readyState === DONE) {
      this.#readyState = UNSENT;
      this.#forget();
    }
  }

  get responseURL() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const urls = this.#response?.urlList;
    if (urls === undefined || urls.length === 0) return "";
    const last = urls[urls.length - 1];
    const url = new URL(typeof last === "function" ? last() : last);
    url.hash = "";
    return url.href;
  }

  get status() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    return this.#response?.status ?? 0;
  }

  get statusText() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    return this.#response?.statusMessage ?? "";
  }

  // https://xhr.spec.whatwg.org/#the-getresponseheader()-method
  getResponseHeader(name) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const prefix = "Failed to execute 'getResponseHeader' on 'XMLHttpRequest'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    name = webidl.converters.ByteString(name, prefix, "Argument 1");
    const values = this.#responseHeader(StringPrototypeToLowerCase(name));
    return values.length === 0 ? null : ArrayPrototypeJoin(values, ", ");
  }

  #responseHeader(lower) {
    const headers = this.#response?.headerList ?? [];
    const values = [];
    for (let i = 0; i < headers.length; i++) {
      if (StringPrototypeToLowerCase(headers[i][0]) === lower) {
        append(values, headers[i][1]);
      }
    }
    return values;
  }

  // https://fetch.spec.whatwg.org/#concept-header-extract-a-length: 0 where it
  // is not known
  #contentLength() {
    const values = this.#responseHeader("content-length");
    const length = NumberParseInt(values[0], 10);
    return length > 0 ? length : 0;
  }

  // https://xhr.spec.whatwg.org/#the-getallresponseheaders()-method
  getAllResponseHeaders() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const headers = this.#response?.headerList ?? [];
    const names = [];
    for (let i = 0; i < headers.length; i++) {
      const name = StringPrototypeToUpperCase(headers[i][0]);
      if (!ArrayPrototypeIncludes(names, name)) append(names, name);
    }
    // Sorted as if they were in upper case.
    ArrayPrototypeSort(names, (a, b) => a < b ? -1 : 1);
    let all = "";
    for (let i = 0; i < names.length; i++) {
      const name = StringPrototypeToLowerCase(names[i]);
      const value = ArrayPrototypeJoin(this.#responseHeader(name), ", ");
      all += `${name}: ${value}\r\n`;
    }
    return all;
  }

  // https://xhr.spec.whatwg.org/#the-overridemimetype()-method
  overrideMimeType(mime) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    const prefix = "Failed to execute 'overrideMimeType' on 'XMLHttpRequest'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    mime = webidl.converters.DOMString(mime, prefix, "Argument 1");
    this.#checkNotLoading(prefix);
    this.#mimeTypeOverride = parseMimeType(mime) ??
      parseMimeType("application/octet-stream");
  }

  #checkNotLoading(prefix) {
    if (this.#readyState === LOADING || this.#readyState === DONE) {
      throw invalidStateError(`${prefix}: the body is there already`);
    }
  }

  get responseType() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    return this.#responseType;
  }

  set responseType(value) {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    // An assignment of what is not a value of the enumeration is ignored.
    try {
      value = convertResponseType(value);
    } catch {
      return;
    }
    this.#checkNotLoading("responseType");
    this.#responseType = value;
  }

  // https://xhr.spec.whatwg.org/#the-response-attribute
  get response() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    if (this.#responseType === "" || this.#responseType === "text") {
      return this.#text();
    }
    // Steps 2 and 3: nothing before the end, and nothing of an error.
    if (this.#readyState !== DONE || this.#response === null) return null;
    this.#object ??= this.#makeObject();
    return this.#object.value;
  }

  #makeObject() {
    switch (this.#responseType) {
      case "arraybuffer": {
        // A chunk may be a part of a buffer.
        const bytes = new Uint8Array(this.#bytes());
        return { value: TypedArrayPrototypeGetBuffer(bytes) };
      }
      case "blob": {
        const type = serializeMimeType(this.#finalMimeType());
        return { value: new Blob([this.#bytes()], { __proto__: null, type }) };
      }
      case "json":
        try {
          return { value: JSONParse(core.decode(this.#bytes())) };
        } catch {
          return { value: null };
        }
      default:
        // There are no documents here.
        return { value: null };
    }
  }

  // All that was received, in one piece.
  #bytes() {
    if (this.#chunks.length !== 1) {
      const all = new Uint8Array(this.#received);
      let at = 0;
      for (let i = 0; i < this.#chunks.length; i++) {
        TypedArrayPrototypeSet(all, this.#chunks[i], at);
        at += TypedArrayPrototypeGetByteLength(this.#chunks[i]);
      }
      this.#chunks = [all];
    }
    return this.#chunks[0];
  }

  // https://xhr.spec.whatwg.org/#response-mime-type
  #responseMimeType() {
    const values = this.#responseHeader("content-type");
    return (values.length === 0 ? null : extractMimeType(values)) ??
      parseMimeType("text/xml");
  }

  #finalMimeType() {
    return this.#mimeTypeOverride ?? this.#responseMimeType();
  }

  // https://xhr.spec.whatwg.org/#text-response
  #text() {
    if (this.#readyState !== LOADING && this.#readyState !== DONE) return "";
    if (this.#response === null || this.#received === 0) return "";
    // https://xhr.spec.whatwg.org/#final-charset: the override's, else the
    // response's.
    const charsetOf = (type) => MapPrototypeGet(type.parameters, "charset");
    const override = this.#mimeTypeOverride;
    const label = (override === null ? undefined : charsetOf(override)) ??
      charsetOf(this.#responseMimeType()) ?? "utf-8";
    return decodeText(this.#bytes(), label);
  }

  // https://xhr.spec.whatwg.org/#the-responsetext-attribute
  get responseText() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    if (this.#responseType !== "" && this.#responseType !== "text") {
      throw invalidStateError(
        `responseText: the response type is ${this.#responseType}`,
      );
    }
    return this.#text();
  }

  // https://xhr.spec.whatwg.org/#the-responsexml-attribute
  get responseXML() {
    webidl.assertBranded(this, XMLHttpRequestPrototype);
    if (this.#responseType !== "" && this.#responseType !== "document") {
      throw invalidStateError(
        `responseXML: the response type is ${this.#responseType}`,
      );
    }
    // There are no documents here.
    return null;
  }
}

const XMLHttpRequestPrototype = XMLHttpRequest.prototype;
defineHandlers(XMLHttpRequestPrototype, ["readystatechange"]);
webidl.configureInterface(XMLHttpRequest);
defineConstants(XMLHttpRequest, {
  __proto__: null,
  UNSENT,
  OPENED,
  HEADERS_RECEIVED,
  LOADING,
  DONE,
});

function hasListeners(target) {
  const listeners = target[eventTargetData]?.listeners;
  for (const type in listeners) {
    if (listeners[type]?.length > 0) return true;
  }
  return false;
}

// https://encoding.spec.whatwg.org/#decode: a byte order mark counts more than
// a label.
function decodeText(bytes, label) {
  const [first, second, third] = [bytes[0], bytes[1], bytes[2]];
  if (first === 0xef && second === 0xbb && third === 0xbf) label = "utf-8";
  if (first === 0xfe && second === 0xff) label = "utf-16be";
  if (first === 0xff && second === 0xfe) label = "utf-16le";
  // https://encoding.spec.whatwg.org/#replacement, which is no decoder's.
  if (RegExpPrototypeTest(REPLACEMENT, label)) return "\ufffd";
  let decoder;
  try {
    decoder = new TextDecoder(label);
  } catch {
    // It is not an encoding.
    decoder = new TextDecoder();
  }
  return decode(decoder, bytes);
}

return { XMLHttpRequest, XMLHttpRequestEventTarget, XMLHttpRequestUpload };
})();
