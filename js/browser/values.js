// Values of scripts as bytes, for those who keep them or give them on.
// https://html.spec.whatwg.org/multipage/structured-data.html#structuredserialize

(function () {
const { core } = __bootstrap;
const { deserializeMessage, serializeMessage } = core.loadExtScript(
  "ext:background_fetch/common/structured_clone.js",
);

const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");

function serialize(value, prefix) {
  const message = serializeMessage(value, []);
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
  const message = deserializeMessage({ data: bytes, transferables: [] });
  return message === undefined ? undefined : { data: message.value };
}

return { deserialize, serialize };
})();
