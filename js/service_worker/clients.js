// https://w3c.github.io/ServiceWorker/#client-interface and
// https://w3c.github.io/ServiceWorker/#clients-interface

(function () {
const { core, primordials } = __bootstrap;
const {
  op_clients_focus,
  op_clients_navigate,
  op_clients_open_window,
  op_bgfetch_service_worker_post_to_client,
} = core.ops;
const { call } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_calls.js",
);
const { mapList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { convertTransfer, serializeMessage } = core.loadExtScript(
  "ext:background_fetch/common/structured_clone.js",
);
const { ObjectFreeze, TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

// https://w3c.github.io/ServiceWorker/#dictdef-clientqueryoptions
const convertClientQueryOptions = webidl.createDictionaryConverter(
  "ClientQueryOptions",
  [
    {
      key: "includeUncontrolled",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
    {
      key: "type",
      converter: webidl.createEnumConverter("ClientType", [
        "window",
        "worker",
        "sharedworker",
        "all",
      ]),
      defaultValue: "window",
    },
  ],
);

const privateKey = { __proto__: null };

class Client {
  #client;

  constructor(key = undefined, client = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#client = client;
  }

  get url() {
    webidl.assertBranded(this, ClientPrototype);
    return this.#client.url;
  }

  get frameType() {
    webidl.assertBranded(this, ClientPrototype);
    return this.#client.frameType;
  }

  get id() {
    webidl.assertBranded(this, ClientPrototype);
    return this.#client.id;
  }

  get type() {
    webidl.assertBranded(this, ClientPrototype);
    return this.#client.type;
  }

  // https://w3c.github.io/ServiceWorker/#client-postmessage
  postMessage(message, options = undefined) {
    webidl.assertBranded(this, ClientPrototype);
    const prefix = "Failed to execute 'postMessage' on 'Client'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const transfer = convertTransfer(options, prefix);
    const data = serializeMessage(message, transfer);
    op_bgfetch_service_worker_post_to_client(this.#client.id, data);
  }
}

webidl.configureInterface(Client);
const ClientPrototype = Client.prototype;

// No window is inside another one.
const noOrigins = ObjectFreeze([]);

/** Parses a URL as `navigate()` and `openWindow()` do. */
function checkUrl(url, prefix) {
  url = webidl.converters.USVString(url, prefix, "Argument 1");
  if (new URL(url, getLocationHref()).href === "about:blank") {
    throw new TypeError(`${prefix}: about:blank is not for service workers`);
  }
  return new URL(url, getLocationHref()).href;
}

/** Throws when the display was not asked, or has refused. */
function checkAnswer(error, prefix) {
  if (error === "") return;
  const message = error === "TypeError"
    ? `${prefix}: no window is shown here`
    : `${prefix}: no click of the user allows it`;
  if (error === "TypeError") throw new TypeError(message);
  throw new DOMException(message, error);
}

// Windows are the display's: the engine knows of none, so none is visible or
// focused until the display has said so.
// https://w3c.github.io/ServiceWorker/#windowclient
class WindowClient extends Client {
  #isFocused;

  constructor(key = undefined, client = undefined, isFocused = false) {
    if (key !== privateKey) webidl.illegalConstructor();
    super(key, client);
    this.#isFocused = isFocused;
  }

  get visibilityState() {
    webidl.assertBranded(this, WindowClientPrototype);
    return this.#isFocused ? "visible" : "hidden";
  }

  get focused() {
    webidl.assertBranded(this, WindowClientPrototype);
    return this.#isFocused;
  }

  get ancestorOrigins() {
    webidl.assertBranded(this, WindowClientPrototype);
    return noOrigins;
  }

  // https://w3c.github.io/ServiceWorker/#client-focus
  async focus() {
    webidl.assertBranded(this, WindowClientPrototype);
    const prefix = "Failed to execute 'focus' on 'WindowClient'";
    // Steps 1 and 3: the user agent may refuse to focus it.
    checkAnswer(op_clients_focus(this.url), prefix);
    const { url, frameType, id, type } = this;
    return new WindowClient(privateKey, { url, frameType, id, type }, true);
  }

  // https://w3c.github.io/ServiceWorker/#client-navigate
  async navigate(url) {
    webidl.assertBranded(this, WindowClientPrototype);
    const prefix = "Failed to execute 'navigate' on 'WindowClient'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    // Steps 1 to 3: the URL is parsed, and may not be `about:blank`.
    const target = checkUrl(url, prefix);
    // Steps 5 to 8: the window that is navigated is another client then.
    if (op_clients_navigate(this.url, target)) return null;
    // A navigation that has failed.
    throw new TypeError(`${prefix}: no window can be navigated here`);
  }
}

webidl.configureInterface(WindowClient);
const WindowClientPrototype = WindowClient.prototype;

/** A new object for a client. */
function createClient(client) {
  if (client === null) return undefined;
  return client.type === "window"
    ? new WindowClient(privateKey, client)
    : new Client(privateKey, client);
}

/** A new, frozen list of them. */
function createClients(clients) {
  return ObjectFreeze(mapList(clients, createClient));
}

class Clients {
  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
  }

  // https://w3c.github.io/ServiceWorker/#clients-get
  async get(id) {
    webidl.assertBranded(this, ClientsPrototype);
    const prefix = "Failed to execute 'get' on 'Clients'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    id = webidl.converters.DOMString(id, prefix, "Argument 1");
    return await call({ __proto__: null, kind: "getClient", id });
  }

  // https://w3c.github.io/ServiceWorker/#clients-matchall
  async matchAll(options = undefined) {
    webidl.assertBranded(this, ClientsPrototype);
    const prefix = "Failed to execute 'matchAll' on 'Clients'";
    options = convertClientQueryOptions(options, prefix, "Argument 1");
    return await call({
      __proto__: null,
      kind: "matchAll",
      includeUncontrolled: options.includeUncontrolled,
      type: options.type,
    });
  }

  // https://w3c.github.io/ServiceWorker/#clients-openwindow
  async openWindow(url) {
    webidl.assertBranded(this, ClientsPrototype);
    const prefix = "Failed to execute 'openWindow' on 'Clients'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    // Steps 1 to 3: the URL is parsed, and may not be `about:blank`.
    const target = checkUrl(url, prefix);
    // Steps 4 to 7: what happens in the new window is the display's.
    checkAnswer(op_clients_open_window(target), prefix);
    return null;
  }

  // https://w3c.github.io/ServiceWorker/#clients-claim
  async claim() {
    webidl.assertBranded(this, ClientsPrototype);
    return await call({ __proto__: null, kind: "claim" });
  }
}

webidl.configureInterface(Clients);
const ClientsPrototype = Clients.prototype;

/** The only instance in this realm. */
const clients = new Clients(privateKey);

return {
  Client,
  Clients,
  clients,
  createClient,
  createClients,
  WindowClient,
};
})();
