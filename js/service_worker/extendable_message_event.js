// https://w3c.github.io/ServiceWorker/#extendablemessageevent-interface

(function () {
const { core, primordials } = __bootstrap;
const { convertExtendableEventInit, ExtendableEvent } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_event.js",
);
const { Client } = core.loadExtScript("ext:background_fetch/service_worker/clients.js");
const { ServiceWorker } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker.js",
);
const { ObjectFreeze, ObjectHasOwn, ObjectPrototypeIsPrototypeOf, TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { MessagePortPrototype } = core.loadExtScript(
  "ext:deno_web/13_message_port.js",
);

// https://webidl.spec.whatwg.org/#js-union, of interfaces
const sources = [Client.prototype, ServiceWorker.prototype, MessagePortPrototype];
function convertSource(value, prefix, context) {
  for (let i = 0; i < sources.length; i++) {
    const isOne = ObjectPrototypeIsPrototypeOf(sources[i], value) &&
      ObjectHasOwn(value, webidl.brand);
    if (isOne) return value;
  }
  throw webidl.makeException(
    TypeError,
    "is not a Client, ServiceWorker or MessagePort",
    prefix,
    context,
  );
}

const convertOwnMembers = webidl.createDictionaryConverter(
  "ExtendableMessageEventInit",
  [
    { key: "data", converter: webidl.converters.any, defaultValue: null },
    {
      key: "lastEventId",
      converter: webidl.converters.DOMString,
      defaultValue: "",
    },
    {
      key: "origin",
      converter: webidl.converters.USVString,
      defaultValue: "",
    },
    {
      key: "ports",
      converter: webidl.createSequenceConverter(
        webidl.createInterfaceConverter("MessagePort", MessagePortPrototype),
      ),
      get defaultValue() {
        return [];
      },
    },
    {
      key: "source",
      converter: webidl.createNullableConverter(convertSource),
      defaultValue: null,
    },
  ],
);

/** An event of the user agent's own, whose members need no conversion. */
let createMessageEvent;
// What an event of the user agent's own is made with: to convert it would be to
// iterate over the ports, which is a script's to change.
let unconverted = null;

class ExtendableMessageEvent extends ExtendableEvent {
  #init;

  static {
    createMessageEvent = (type, init) => {
      unconverted = init;
      return new ExtendableMessageEvent(type);
    };
  }

  constructor(type, eventInitDict = undefined) {
    const prefix = "Failed to construct 'ExtendableMessageEvent'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    type = webidl.converters.DOMString(type, prefix, "Argument 1");
    super(
      type,
      convertExtendableEventInit(eventInitDict, prefix, "Argument 2"),
    );
    if (unconverted !== null) {
      this.#init = unconverted;
      unconverted = null;
      return;
    }
    this.#init = convertOwnMembers(eventInitDict, prefix, "Argument 2");
    this.#init.ports = ObjectFreeze(this.#init.ports);
  }

  get data() {
    webidl.assertBranded(this, ExtendableMessageEventPrototype);
    return this.#init.data;
  }

  get origin() {
    webidl.assertBranded(this, ExtendableMessageEventPrototype);
    return this.#init.origin;
  }

  get lastEventId() {
    webidl.assertBranded(this, ExtendableMessageEventPrototype);
    return this.#init.lastEventId;
  }

  get source() {
    webidl.assertBranded(this, ExtendableMessageEventPrototype);
    return this.#init.source;
  }

  get ports() {
    webidl.assertBranded(this, ExtendableMessageEventPrototype);
    return this.#init.ports;
  }
}

webidl.configureInterface(ExtendableMessageEvent);
const ExtendableMessageEventPrototype = ExtendableMessageEvent.prototype;

return { createMessageEvent, ExtendableMessageEvent };
})();
