// What this realm is told of service workers.

(function () {
const { core, primordials } = __bootstrap;
const {
  op_service_worker_event_handled,
  op_service_worker_next_message,
} = core.ops;
const { createClient, createClients } = core.loadExtScript(
  "ext:background_fetch/clients.js",
);
const { setController } = core.loadExtScript(
  "ext:background_fetch/container.js",
);
const { dispatchAndWait, ExtendableEvent } = core.loadExtScript(
  "ext:background_fetch/extendable_event.js",
);
const { ExtendableMessageEvent } = core.loadExtScript(
  "ext:background_fetch/extendable_message_event.js",
);
const { catchUp, report, reportingErrors } = core.loadExtScript(
  "ext:background_fetch/messages.js",
);
const { getWorker, updateWorkerState } = core.loadExtScript(
  "ext:background_fetch/service_worker.js",
);
const { isWaiting, setOnWaiting, settleCall } = core.loadExtScript(
  "ext:background_fetch/service_worker_calls.js",
);
const { getRegistration, updateFound, updateRegistration } = core
  .loadExtScript("ext:background_fetch/service_worker_registration.js");
const {
  ArrayPrototypeFilter,
  ArrayPrototypeMap,
  ObjectFreeze,
  ObjectPrototypeIsPrototypeOf,
  Promise,
  uncurryThis,
} = primordials;

const { defer } = core.loadExtScript("ext:deno_web/02_timers.js");

const { EventTarget, MessageEvent, setIsTrusted } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);
const { deserializeJsMessageData, MessagePortPrototype } = core.loadExtScript(
  "ext:deno_web/13_message_port.js",
);

// Taken now: a script may replace it later.
const dispatchEvent = uncurryThis(EventTarget.prototype.dispatchEvent);

/**
 * Reads messages for ever. That keeps the event loop alive as long as a script
 * waits for an answer, and no longer.
 */
async function receiveServiceWorkerMessages(global, container) {
  while (true) {
    const next = op_service_worker_next_message();
    setOnWaiting(() => core.refOpPromise(next));
    if (!isWaiting()) core.unrefOpPromise(next);
    const { message, data } = await next;
    setOnWaiting(() => {});
    if (message.kind === "message") {
      // A new task, for the reason that background fetches' messages have.
      await new Promise(defer);
      catchUp(global);
    }
    reportingErrors(global, () => handle(message, data, global, container));
  }
}

function handle(message, data, global, container) {
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
      fireEvent(message, data, global);
      break;
  }
}

function convertAnswer({ kind, value }) {
  switch (kind) {
    case "boolean":
      return value;
    case "registration":
      return getRegistration(value);
    case "registrations":
      return ObjectFreeze(ArrayPrototypeMap(value, getRegistration));
    case "client":
      return createClient(value);
    case "clients":
      return createClients(value);
    default:
      return undefined;
  }
}

/** A message and its ports, or undefined when it cannot be read. */
function deserialize(data) {
  try {
    const { 0: value, 1: transferables } = deserializeJsMessageData(data);
    const ports = ArrayPrototypeFilter(
      transferables,
      (t) => ObjectPrototypeIsPrototypeOf(MessagePortPrototype, t),
    );
    return { data: value, ports };
  } catch {
    return undefined;
  }
}

// https://w3c.github.io/ServiceWorker/#client-postmessage, steps 4.4 to 4.8
function receiveMessage({ source, origin }, data, container) {
  const message = deserialize(data);
  const event = new MessageEvent(
    message === undefined ? "messageerror" : "message",
    { ...message, origin, source: getWorker(source) },
  );
  setIsTrusted(event, true);
  dispatchEvent(container, event);
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

async function fireEvent(message, data, global) {
  const { id, name, source, origin } = message;
  const kind = eventKinds[name];
  let rejected = false;
  const reportRejection = (reason) => {
    rejected = true;
    report(reason);
  };
  try {
    const event = kind === undefined
      ? createEvent(name, source, origin, data)
      : kind.create(message);
    const over = reportingErrors(
      global,
      () => dispatchAndWait(event, global, reportRejection),
    );
    kind?.dispatched?.(event);
    await over;
  } finally {
    op_service_worker_event_handled(id, rejected);
  }
}

function createEvent(name, source, origin, data) {
  if (name !== "message") return new ExtendableEvent(name);
  // https://w3c.github.io/ServiceWorker/#service-worker-postmessage, steps
  // 6.3 to 6.7
  const message = deserialize(data);
  return new ExtendableMessageEvent(
    message === undefined ? "messageerror" : "message",
    {
      ...message,
      origin,
      source: source.client === undefined
        ? getWorker(source.worker)
        : createClient(source.client),
    },
  );
}

return { receiveServiceWorkerMessages, setEventKind };
})();
