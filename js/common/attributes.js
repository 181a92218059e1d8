// Members that a class cannot declare: event handlers, constants, and those of
// the global object.

(function () {
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  TypeError,
  uncurryThis,
} = primordials;

const { defineEventHandler } = core.loadExtScript("ext:deno_web/02_event.js");
const { WorkerGlobalScope } = core.loadExtScript(
  "ext:deno_web/04_global_interfaces.js",
);

// Taken now: a script may replace it later.
const global = globalThis;

/**
 * What has the members of WindowOrWorkerGlobalScope and of WorkerGlobalScope: a
 * page's are its global object's own. A worker inherits them, for [Global] is
 * on the interface of its kind only.
 */
const sharedScope = (kind) =>
  kind === "window" ? global : WorkerGlobalScope.prototype;

/**
 * Gets and sets an event handler of deno_web's, whose own accessors check no
 * brand and go by other names than Web IDL gives them.
 */
function eventHandler(type) {
  const holder = {};
  defineEventHandler(holder, type);
  const { get, set } = ObjectGetOwnPropertyDescriptor(holder, `on${type}`);
  return { get: uncurryThis(get), set: uncurryThis(set) };
}

/**
 * Constants, which are on the interface and on its prototype:
 * https://webidl.spec.whatwg.org/#define-the-constants
 */
function defineConstants(anInterface, constants) {
  for (const name in constants) {
    const constant = {
      __proto__: null,
      value: constants[name],
      enumerable: true,
    };
    ObjectDefineProperty(anInterface, name, constant);
    ObjectDefineProperty(anInterface.prototype, name, constant);
  }
}

/**
 * Defines an attribute of the global object on `object`: that itself, or one of
 * its prototypes.
 * https://webidl.spec.whatwg.org/#define-the-attributes
 */
function defineAttribute(object, name, get, set = undefined) {
  const check = (thisValue) => {
    // A bare `name` in a script has no `this`.
    if ((thisValue ?? global) !== global) {
      throw new TypeError("Illegal invocation");
    }
  };
  // The computed names make the functions' names "get name" and "set name".
  const accessors = {
    get [name]() {
      check(this);
      return get();
    },
    set [name](value) {
      check(this);
      set(value);
    },
  };
  const descriptor = ObjectGetOwnPropertyDescriptor(accessors, name);
  ObjectDefineProperty(object, name, {
    __proto__: null,
    get: descriptor.get,
    set: set === undefined ? undefined : descriptor.set,
    enumerable: true,
    configurable: true,
  });
}

/**
 * The same for a read-only attribute that a script's variable of the same name
 * replaces.
 * https://webidl.spec.whatwg.org/#Replaceable
 */
function defineReplaceableAttribute(object, name, get) {
  defineAttribute(object, name, get, (value) =>
    ObjectDefineProperty(global, name, {
      __proto__: null,
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    }));
}

/** The same for an event handler. */
function defineEventHandlerAttribute(object, type) {
  const handler = eventHandler(type);
  defineAttribute(
    object,
    `on${type}`,
    () => handler.get(global),
    (value) => handler.set(global, value),
  );
}

return {
  defineConstants,
  defineAttribute,
  defineEventHandlerAttribute,
  defineReplaceableAttribute,
  eventHandler,
  sharedScope,
};
})();
