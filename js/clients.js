// https://w3c.github.io/ServiceWorker/#client-interface and
// https://w3c.github.io/ServiceWorker/#clients-interface

(function () {
const { core, primordials } = __bootstrap;
const { op_service_worker_post_to_client } = core.ops;
const { call } = core.loadExtScript(
  "ext:background_fetch/service_worker_calls.js",
);
const { serializeMessage } = core.loadExtScript(
  "ext:background_fetch/service_worker.js",
);
const { ArrayPrototypeMap, ObjectFreeze } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

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
    const data = serializeMessage(message, options, prefix);
    op_service_worker_post_to_client(this.#client.id, data);
  }
}

webidl.configureInterface(Client);
const ClientPrototype = Client.prototype;

// No page is shown anywhere here, so none is visible or focused, and there is
// no way to focus one or to navigate it.
// https://w3c.github.io/ServiceWorker/#windowclient
class WindowClient extends Client {
  constructor(key = undefined, client = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super(key, client);
  }

  get visibilityState() {
    webidl.assertBranded(this, WindowClientPrototype);
    return "hidden";
  }

  get focused() {
    webidl.assertBranded(this, WindowClientPrototype);
    return false;
  }

  // No window is inside another one.
  get ancestorOrigins() {
    webidl.assertBranded(this, WindowClientPrototype);
    return ObjectFreeze([]);
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
  return ObjectFreeze(ArrayPrototypeMap(clients, createClient));
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
    return await call({ kind: "getClient", id });
  }

  // https://w3c.github.io/ServiceWorker/#clients-matchall
  async matchAll(options = undefined) {
    webidl.assertBranded(this, ClientsPrototype);
    const prefix = "Failed to execute 'matchAll' on 'Clients'";
    options = convertClientQueryOptions(options, prefix, "Argument 1");
    return await call({
      kind: "matchAll",
      includeUncontrolled: options.includeUncontrolled,
      type: options.type,
    });
  }

  // https://w3c.github.io/ServiceWorker/#clients-claim
  async claim() {
    webidl.assertBranded(this, ClientsPrototype);
    return await call({ kind: "claim" });
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
