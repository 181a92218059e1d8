// What this realm is notified of service workers.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_service_worker_event_handled } = core.ops;
const { createClient, createClients } = core.loadExtScript(
  "ext:background_fetch/service_worker/clients.js",
);
const { setController } = core.loadExtScript(
  "ext:background_fetch/service_worker/container.js",
);
const { dispatchAndWait, ExtendableEvent } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_event.js",
);
const { createMessageEvent } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_message_event.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { reportException } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const { mapList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { getWorker, updateWorkerState } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker.js",
);
const { settleCall } = core.loadExtScript(
  "ext:background_fetch/service_worker/service_worker_calls.js",
);
const { getRegistration, updateFound, updateRegistration } = core
  .loadExtScript("ext:background_fetch/service_worker/service_worker_registration.js");
const { deserializeMessage } = core.loadExtScript(
  "ext:background_fetch/common/structured_clone.js",
);
const { ObjectFreeze } = primordials;

const { MessageEvent } = core.loadExtScript("ext:deno_web/02_event.js");

function handleServiceWorkerMessage({ message, data }, global, container) {
  switch (message.kind) {
    case "registration":
      updateRegistration(message.registration);
      break;
    case "workerState":
      updateWorkerState(message.worker, message.state);
      break;
    case "updateFound":
      updateFound(message.registration);
      break;
    case "controllerChange":
      setController(container, getWorker(message.controller));
      break;
    case "reply":
      settleCall(message, convertAnswer);
      break;
    case "message":
      receiveMessage(message, data, container);
      break;
    case "event":
      fireExtendableEvent(message, data, global);
      break;
  }
}

function convertAnswer({ kind, value }) {
  switch (kind) {
    case "boolean":
    case "navigationPreload":
      return value;
    case "registration":
      return getRegistration(value);
    case "registrations":
      return ObjectFreeze(mapList(value, getRegistration));
    case "client":
      return createClient(value);
    case "clients":
      return createClients(value);
    default:
      return undefined;
  }
}

// https://w3c.github.io/ServiceWorker/#client-postmessage, steps 4.4 to 4.8:
// deserialize the message, and fire it or an error.
function receiveMessage({ source, origin }, data, container) {
  const message = deserializeMessage(data);
  const event = new MessageEvent(
    message === undefined ? "messageerror" : "message",
    {
      __proto__: null,
      origin,
      source: getWorker(source),
    },
  );
  // The constructor makes null of undefined, and iterates over the ports, which
  // a script can change.
  if (message !== undefined) {
    event.data = message.value;
    event.ports = message.ports;
  }
  fireEvent(container, event);
}

/** Events of other extensions, by their names. */
const eventKinds = { __proto__: null };

/**
 * @param {{ create: Function, dispatched?: Function }} kind makes the event of
 * a message, and hears when it was dispatched
 */
function setEventKind(name, kind) {
  eventKinds[name] = kind;
}

async function fireExtendableEvent(message, data, global) {
  const { id, name, source, origin } = message;
  const kind = eventKinds[name];
  let rejected = false;
  try {
    const event = kind === undefined
      ? createEvent(name, source, origin, data)
      : kind.create(message);
    const over = dispatchAndWait(event, global);
    kind?.dispatched?.(event);
    rejected = await over;
  } catch (error) {
    rejected = true;
    reportException(error);
  } finally {
    op_bgfetch_service_worker_event_handled(id, rejected);
  }
}

function createEvent(name, source, origin, data) {
  if (name !== "message") return new ExtendableEvent(name);
  // https://w3c.github.io/ServiceWorker/#service-worker-postmessage,
  // steps 6.3 to 6.7: deserialize the message, and fire it or an error.
  const message = deserializeMessage(data);
  return createMessageEvent(
    message === undefined ? "messageerror" : "message",
    {
      __proto__: null,
      data: message === undefined ? null : message.value,
      lastEventId: "",
      origin,
      ports: message === undefined ? ObjectFreeze([]) : message.ports,
      source: source.client === undefined
        ? getWorker(source.worker)
        : createClient(source.client),
    },
  );
}

return { handleServiceWorkerMessage, setEventKind };
})();
