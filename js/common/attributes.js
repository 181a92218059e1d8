// Attributes that a class cannot declare: event handlers, and members of the
// global object.

(function () {
const { core, primordials } = __bootstrap;
const {
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  TypeError,
  uncurryThis,
} = primordials;

const { defineEventHandler } = core.loadExtScript("ext:deno_web/02_event.js");

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
 * Defines an attribute of `object` itself, as an interface with [Global] has
 * its attributes.
 * https://webidl.spec.whatwg.org/#define-the-attributes
 */
function defineAttribute(object, name, get, set = undefined) {
  const check = (thisValue) => {
    // A bare `name` in a script has no `this`.
    if ((thisValue ?? object) !== object) {
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
 * Defines a read-only attribute of `object` itself that a script's variable of
 * the same name replaces.
 * https://webidl.spec.whatwg.org/#Replaceable
 */
function defineReplaceableAttribute(object, name, get) {
  defineAttribute(object, name, get, (value) =>
    ObjectDefineProperty(object, name, {
      __proto__: null,
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    }));
}

/** Defines an event handler of `object` itself. */
function defineEventHandlerAttribute(object, type) {
  const handler = eventHandler(type);
  defineAttribute(
    object,
    `on${type}`,
    () => handler.get(object),
    (value) => handler.set(object, value),
  );
}

return {
  defineAttribute,
  defineEventHandlerAttribute,
  defineReplaceableAttribute,
  eventHandler,
};
})();
