// https://w3c.github.io/web-locks/

(function () {
const { core, primordials } = __bootstrap;
const {
  op_locks_granted,
  op_locks_query,
  op_locks_request,
  op_locks_stolen,
} = core.ops;
const { internal } = core.loadExtScript(
  "ext:background_fetch/common/tasks.js",
);
const { decodeId, encodeId } = core.loadExtScript(
  "ext:background_fetch/background_fetch/id_encoding.js",
);
const { mapList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const {
  FunctionPrototypeCall,
  Promise,
  PromisePrototypeThen,
  PromiseResolve,
  StringPrototypeStartsWith,
  TypeError,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { add, remove } = core.loadExtScript("ext:deno_web/03_abort_signal.js");

const noop = () => {};

// What an op gives has no prototype; a dictionary's object has one.
const copy = ({ name, mode, clientId }) =>
  ({ name: decodeId(name), mode, clientId });

// https://w3c.github.io/web-locks/#dictdef-lockoptions
const convertLockOptions = webidl.createDictionaryConverter("LockOptions", [
  {
    key: "ifAvailable",
    converter: webidl.converters.boolean,
    defaultValue: false,
  },
  {
    key: "mode",
    converter: webidl.createEnumConverter("LockMode", ["shared", "exclusive"]),
    defaultValue: "exclusive",
  },
  { key: "signal", converter: webidl.converters.AbortSignal },
  { key: "steal", converter: webidl.converters.boolean, defaultValue: false },
]);

const privateKey = { __proto__: null };

class Lock {
  #name;
  #mode;

  constructor(key = undefined, name = undefined, mode = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
    this.#name = name;
    this.#mode = mode;
  }

  get name() {
    webidl.assertBranded(this, LockPrototype);
    return this.#name;
  }

  get mode() {
    webidl.assertBranded(this, LockPrototype);
    return this.#mode;
  }
}

webidl.configureInterface(Lock);
const LockPrototype = Lock.prototype;

function notSupported(message) {
  return new DOMException(message, "NotSupportedError");
}

class LockManager {
  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
  }

  // https://w3c.github.io/web-locks/#api-lock-manager-request
  async request(name, options, callback = undefined) {
    webidl.assertBranded(this, LockManagerPrototype);
    const prefix = "Failed to execute 'request' on 'LockManager'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    name = webidl.converters.DOMString(name, prefix, "Argument 1");
    if (callback === undefined) {
      callback = options;
      options = undefined;
    }
    if (typeof callback !== "function") {
      throw new TypeError(`${prefix}: the callback is not a function`);
    }
    const { ifAvailable, mode, signal, steal } = convertLockOptions(
      options,
      prefix,
      "Argument 2",
    );
    // Steps 4 to 9: options that exclude each other are refused.
    if (StringPrototypeStartsWith(name, "-")) {
      throw notSupported(`${prefix}: the name begins with "-"`);
    }
    if (steal && ifAvailable) {
      throw notSupported(`${prefix}: steal and ifAvailable exclude each other`);
    }
    if (steal && mode !== "exclusive") {
      throw notSupported(`${prefix}: only an exclusive lock can be stolen`);
    }
    if (signal !== undefined && (steal || ifAvailable)) {
      throw notSupported(`${prefix}: a signal is for a lock that is waited for`);
    }
    if (signal?.aborted) throw signal.reason;
    const rid = op_locks_request(encodeId(name), mode, ifAvailable, steal);
    if (rid === null) {
      return await FunctionPrototypeCall(callback, undefined, null);
    }
    await granted(rid, signal);
    return await hold(rid, new Lock(privateKey, name, mode), callback);
  }

  // https://w3c.github.io/web-locks/#api-lock-manager-query
  async query() {
    webidl.assertBranded(this, LockManagerPrototype);
    const { held, pending } = op_locks_query();
    return { held: mapList(held, copy), pending: mapList(pending, copy) };
  }
}

webidl.configureInterface(LockManager);
const LockManagerPrototype = LockManager.prototype;

async function granted(rid, signal) {
  const abort = () => core.tryClose(rid);
  signal?.[add](abort);
  try {
    const isGranted = await internal(op_locks_granted(rid));
    // It may have been aborted in between.
    if (!isGranted || signal?.aborted) throw signal?.reason;
  } finally {
    signal?.[remove](abort);
  }
}

/** Runs `callback` with the lock, and holds it until that is over. */
function hold(rid, lock, callback) {
  return new Promise((resolve, reject) => {
    const stolen = op_locks_stolen(rid);
    core.unrefOpPromise(stolen);
    PromisePrototypeThen(stolen, (wasStolen) => {
      if (!wasStolen) return;
      core.tryClose(rid);
      reject(new DOMException("The lock was stolen", "AbortError"));
    }, noop);
    let result;
    try {
      result = PromiseResolve(FunctionPrototypeCall(callback, undefined, lock));
    } catch (error) {
      core.tryClose(rid);
      return reject(error);
    }
    PromisePrototypeThen(result, (value) => {
      core.tryClose(rid);
      resolve(value);
    }, (reason) => {
      core.tryClose(rid);
      reject(reason);
    });
  });
}

/** The only instance in this realm. */
const locks = new LockManager(privateKey);

return { Lock, LockManager, locks };
})();
