// Values of scripts as bytes, for those who keep them or give them on.
// https://html.spec.whatwg.org/multipage/structured-data.html#structuredserialize

(function () {
const { core, primordials } = __bootstrap;
const { ObjectPrototypeIsPrototypeOf, TypeErrorPrototype } = primordials;

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { deserializeJsMessageData, serializeJsMessageData } = core.loadExtScript(
  "ext:deno_web/13_message_port.js",
);

function serialize(value, prefix) {
  let message;
  try {
    message = serializeJsMessageData(value, []);
  } catch (error) {
    if (!ObjectPrototypeIsPrototypeOf(TypeErrorPrototype, error)) throw error;
    throw new DOMException(error.message, "DataCloneError");
  }
  if (message.transferables.length > 0) {
    throw new DOMException(
      `${prefix}: the value has parts that only a message can carry`,
      "DataCloneError",
    );
  }
  return message.data;
}

/** The value as `data`, or undefined when it cannot be read. */
function deserialize(bytes) {
  try {
    const { 0: data } = deserializeJsMessageData({
      data: bytes,
      transferables: [],
    });
    return { data };
  } catch {
    return undefined;
  }
}

return { deserialize, serialize };
})();
