// https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts

(function () {
const { core, primordials } = __bootstrap;
const {
  op_broadcast_listen,
  op_broadcast_next,
  op_broadcast_parts,
  op_broadcast_post,
} = core.ops;
const { encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { invalidStateError } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const { internal, newTask } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { deserializeForMany, serializeForMany } = core.loadExtScript(
  "ext:background_fetch/common/structured_clone.js",
);
const { append } = core.loadExtScript("ext:background_fetch/common/lists.js");
const {
  ArrayPrototypeIndexOf,
  ArrayPrototypeSlice,
  ArrayPrototypeSplice,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { EventTarget, MessageEvent } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);

const { origin } = globalThis;
const messageHandler = eventHandler("message");
const messageerrorHandler = eventHandler("messageerror");

/** The channels that are open, in the order in which they were made. */
const channels = [];
let lastNumber = 0;

let receive;

class BroadcastChannel extends EventTarget {
  #name;
  /** The name as the engine has it. */
  #encodedName;
  #number;
  #isClosed = false;

  constructor(name) {
    const prefix = "Failed to construct 'BroadcastChannel'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    super();
    this.#name = webidl.converters.DOMString(name, prefix, "Argument 1");
    this.#encodedName = encodeId(this.#name);
    lastNumber += 1;
    this.#number = lastNumber;
    append(channels, this);
    listen();
  }

  static {
    receive = (channel, { name, sender, data }) => {
      if (channel.#isClosed || channel.#encodedName !== name) return;
      if (channel.#number === sender) return;
      const message = deserializeForMany(data, op_broadcast_parts());
      const event = new MessageEvent(
        message === undefined ? "messageerror" : "message",
        { __proto__: null, origin },
      );
      // The constructor makes null of undefined.
      if (message !== undefined) event.data = message.value;
      fireEvent(channel, event);
    };
  }

  get name() {
    webidl.assertBranded(this, BroadcastChannelPrototype);
    return this.#name;
  }

  // https://html.spec.whatwg.org/multipage/web-messaging.html#dom-broadcastchannel-postmessage
  postMessage(message) {
    webidl.assertBranded(this, BroadcastChannelPrototype);
    const prefix = "Failed to execute 'postMessage' on 'BroadcastChannel'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    // Step 2: a channel that is closed sends nothing.
    if (this.#isClosed) {
      throw invalidStateError(`${prefix}: the channel is closed`);
    }
    // Steps 3 to 8: every other channel of the name gets a clone.
    const { data, parts } = serializeForMany(message);
    op_broadcast_post(this.#encodedName, this.#number, data, parts);
  }

  // https://html.spec.whatwg.org/multipage/web-messaging.html#dom-broadcastchannel-close
  close() {
    webidl.assertBranded(this, BroadcastChannelPrototype);
    this.#isClosed = true;
    const index = ArrayPrototypeIndexOf(channels, this);
    if (index !== -1) ArrayPrototypeSplice(channels, index, 1);
  }

  get onmessage() {
    webidl.assertBranded(this, BroadcastChannelPrototype);
    return messageHandler.get(this);
  }

  set onmessage(value) {
    webidl.assertBranded(this, BroadcastChannelPrototype);
    messageHandler.set(this, value);
  }

  get onmessageerror() {
    webidl.assertBranded(this, BroadcastChannelPrototype);
    return messageerrorHandler.get(this);
  }

  set onmessageerror(value) {
    webidl.assertBranded(this, BroadcastChannelPrototype);
    messageerrorHandler.set(this, value);
  }
}

webidl.configureInterface(BroadcastChannel);
const BroadcastChannelPrototype = BroadcastChannel.prototype;

let isListening = false;

/** Reads messages forever, and keeps no event loop alive by doing so. */
async function listen() {
  if (isListening) return;
  isListening = true;
  op_broadcast_listen();
  while (true) {
    const next = op_broadcast_next();
    core.unrefOpPromise(next);
    const message = await internal(next);
    const open = ArrayPrototypeSlice(channels);
    for (let i = 0; i < open.length; i++) {
      receive(open[i], message);
    }
    // Each message is a task of its own.
    await newTask();
  }
}

return { BroadcastChannel };
})();
