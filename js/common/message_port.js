// `structuredClone()` and messages between ports, by HTML: in the place of
// deno_web's, which leave to the engine's serializer what it cannot do.

(function () {
const { core, primordials } = __bootstrap;
const {
  op_message_port_post_message,
  op_message_port_recv_message,
} = core.ops;
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { reportException } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const {
  cloneWithTransfer,
  convertTransfer,
  deserializeMessage,
  serializeMessage,
} = core.loadExtScript("ext:background_fetch/common/structured_clone.js");
const { internal, newTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const {
  ArrayPrototypeIncludes,
  ObjectDefineProperty,
  SafeWeakSet,
  WeakSetPrototypeAdd,
  WeakSetPrototypeHas,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { MessageEvent } = core.loadExtScript("ext:deno_web/02_event.js");
const { getMessagePortId, MessagePortPrototype, setMessagePortId } = core
  .loadExtScript("ext:deno_web/13_message_port.js");

/** The ports whose messages are delivered. */
const started = new SafeWeakSet();

const methods = {
  // https://html.spec.whatwg.org/#dom-messageport-postmessage
  postMessage(message, options = undefined) {
    webidl.assertBranded(this, MessagePortPrototype);
    const prefix = "Failed to execute 'postMessage' on 'MessagePort'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    const transfer = convertTransfer(options, prefix);
    // https://html.spec.whatwg.org/#message-port-post-message-steps
    // Step 2: If transfer contains sourcePort, then throw a "DataCloneError".
    if (ArrayPrototypeIncludes(transfer, this)) {
      throw new DOMException(
        `${prefix}: a port cannot be sent through itself`,
        "DataCloneError",
      );
    }
    const data = serializeMessage(message, transfer);
    const id = getMessagePortId(this);
    // Step 6: If targetPort is null, then return.
    if (id !== null) op_message_port_post_message(id, data);
  },

  // https://html.spec.whatwg.org/#dom-messageport-start
  start() {
    webidl.assertBranded(this, MessagePortPrototype);
    if (WeakSetPrototypeHas(started, this)) return;
    WeakSetPrototypeAdd(started, this);
    receive(this);
  },

  // https://html.spec.whatwg.org/#dom-messageport-close
  close() {
    webidl.assertBranded(this, MessagePortPrototype);
    const id = getMessagePortId(this);
    if (id === null) return;
    setMessagePortId(this, null);
    core.close(id);
  },
};

/** Delivers messages until the port, or the one it is entangled with, closes. */
async function receive(port) {
  while (true) {
    const id = getMessagePortId(port);
    if (id === null) return;
    let data;
    try {
      data = await internal(op_message_port_recv_message(id));
    } catch {
      // It was closed, or has gone elsewhere.
      return;
    }
    if (data === null) return;
    try {
      deliver(port, data);
    } catch (error) {
      reportException(error);
    }
    // Each message is a task of its own.
    await newTask();
  }
}

// https://html.spec.whatwg.org/#message-port-post-message-steps, step 7: the
// task that delivers a message.
function deliver(port, data) {
  const message = deserializeMessage(data);
  // Step 7.3: If this throws an exception, then fire messageerror.
  if (message === undefined) {
    fireEvent(port, new MessageEvent("messageerror"));
    return;
  }
  const event = new MessageEvent("message");
  // The constructor makes null of undefined, and iterates over the ports, which
  // a script can change.
  event.data = message.value;
  event.ports = message.ports;
  fireEvent(port, event);
}

for (const name in methods) {
  ObjectDefineProperty(MessagePortPrototype, name, {
    __proto__: null,
    value: methods[name],
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

// https://html.spec.whatwg.org/#dom-structuredclone
function structuredClone(value, options = undefined) {
  const prefix = "Failed to execute 'structuredClone'";
  webidl.requiredArguments(arguments.length, 1, prefix);
  const { transfer } = webidl.converters.StructuredSerializeOptions(
    options,
    prefix,
    "Argument 2",
  );
  return cloneWithTransfer(value, transfer);
}

return { structuredClone };
})();
