// https://w3c.github.io/permissions/

(function () {
const { core, primordials } = __bootstrap;
const { op_navigator_permission } = core.ops;
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { ArrayPrototypeIncludes, SafeArrayIterator, TypeError } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");

const changeHandler = eventHandler("change");

// The powerful features that are here.
const here = ["background-fetch", "notifications", "persistent-storage"];

// https://w3c.github.io/permissions-registry/: those that scripts ask for, to
// leave out what they cannot have. Other names are refused.
const convertPermissionName = webidl.createEnumConverter("PermissionName", [
  ...new SafeArrayIterator(here),
  "accelerometer",
  "ambient-light-sensor",
  "background-sync",
  "bluetooth",
  "camera",
  "clipboard-read",
  "clipboard-write",
  "geolocation",
  "gyroscope",
  "magnetometer",
  "microphone",
  "midi",
  "nfc",
  "periodic-background-sync",
  "push",
  "screen-wake-lock",
  "storage-access",
]);
const convertPermissionDescriptor = webidl.createDictionaryConverter(
  "PermissionDescriptor",
  [{ key: "name", converter: convertPermissionName, required: true }],
);

const privateKey = { __proto__: null };

// https://w3c.github.io/permissions/#permissionstatus-interface
class PermissionStatus extends EventTarget {
  #name;

  constructor(key = undefined, name = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#name = name;
  }

  get name() {
    webidl.assertBranded(this, PermissionStatusPrototype);
    return this.#name;
  }

  get state() {
    webidl.assertBranded(this, PermissionStatusPrototype);
    // What is not here is not allowed.
    return ArrayPrototypeIncludes(here, this.#name)
      ? op_navigator_permission(this.#name)
      : "denied";
  }

  get onchange() {
    webidl.assertBranded(this, PermissionStatusPrototype);
    return changeHandler.get(this);
  }

  set onchange(value) {
    webidl.assertBranded(this, PermissionStatusPrototype);
    changeHandler.set(this, value);
  }
}

webidl.configureInterface(PermissionStatus);
const PermissionStatusPrototype = PermissionStatus.prototype;

// https://w3c.github.io/permissions/#permissions-interface
class Permissions {
  constructor(key = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    this[webidl.brand] = webidl.brand;
  }

  // https://w3c.github.io/permissions/#query-method
  async query(permissionDesc) {
    webidl.assertBranded(this, PermissionsPrototype);
    const prefix = "Failed to execute 'query' on 'Permissions'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    if (webidl.type(permissionDesc) !== "Object") {
      throw new TypeError(`${prefix}: Argument 1 is not an object`);
    }
    const { name } = convertPermissionDescriptor(
      permissionDesc,
      prefix,
      "Argument 1",
    );
    return new PermissionStatus(privateKey, name);
  }
}

webidl.configureInterface(Permissions);
const PermissionsPrototype = Permissions.prototype;

/** The only instance in this realm. */
const permissions = new Permissions(privateKey);

return { permissions, Permissions, PermissionStatus };
})();
