// https://w3c.github.io/permissions/

(function () {
const { core, primordials } = __bootstrap;
const {
  op_navigator_permission,
  op_navigator_permission_changes,
  op_navigator_permission_changes_other_than,
} = core.ops;
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fire } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { append, filterList } = core.loadExtScript("ext:background_fetch/common/lists.js");
const { watch } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const {
  ArrayPrototypeIncludes,
  SafeArrayIterator,
  SafeWeakRef,
  TypeError,
  WeakRefPrototypeDeref,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { eventTargetData, EventTarget } = core.loadExtScript(
  "ext:deno_web/02_event.js",
);

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

// What is not here is not allowed.
const stateOf = (name) =>
  ArrayPrototypeIncludes(here, name) ? op_navigator_permission(name) : "denied";

// Whether the state of a status is not the one that was told last.
let hasChanged;

// https://w3c.github.io/permissions/#permissionstatus-interface
class PermissionStatus extends EventTarget {
  #name;
  #told;

  static {
    hasChanged = (status) => {
      const before = status.#told;
      status.#told = stateOf(status.#name);
      return status.#told !== before;
    };
  }

  constructor(key = undefined, name = undefined) {
    if (key !== privateKey) webidl.illegalConstructor();
    super();
    this.#name = name;
    this.#told = stateOf(name);
  }

  get name() {
    webidl.assertBranded(this, PermissionStatusPrototype);
    return this.#name;
  }

  get state() {
    webidl.assertBranded(this, PermissionStatusPrototype);
    return stateOf(this.#name);
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

/**
 * Those that may have to hear of changes. One that has listeners is held: a
 * script may have left nothing else of it.
 * @type {{ held: PermissionStatus | null, weak: WeakRef<PermissionStatus> }[]}
 */
let statuses = [];
let watched = false;
/** How many there may be before those without listeners are let go. */
let limit = 64;

function createStatus(name) {
  if (!watched) {
    watched = true;
    watch(
      op_navigator_permission_changes,
      op_navigator_permission_changes_other_than,
      fireChanges,
    );
  }
  const status = new PermissionStatus(privateKey, name);
  if (statuses.length >= limit) {
    for (let i = 0; i < statuses.length; i++) letGo(statuses[i]);
    const isThere = ({ weak }) => WeakRefPrototypeDeref(weak) !== undefined;
    statuses = filterList(statuses, isThere);
    limit = 64 + 2 * statuses.length;
  }
  const weak = new SafeWeakRef(status);
  append(statuses, { __proto__: null, held: status, weak });
  return status;
}

function letGo(entry) {
  const status = WeakRefPrototypeDeref(entry.weak);
  const listeners = status?.[eventTargetData]?.listeners?.change;
  entry.held = listeners?.length > 0 ? status : null;
}

// https://w3c.github.io/permissions/#permissionstatus-update-steps
function fireChanges() {
  // A listener may query, which changes the list.
  const all = filterList(statuses, () => true);
  for (let i = 0; i < all.length; i++) {
    const status = WeakRefPrototypeDeref(all[i].weak);
    if (status !== undefined && hasChanged(status)) fire(status, "change");
  }
}

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
    return createStatus(name);
  }
}

webidl.configureInterface(Permissions);
const PermissionsPrototype = Permissions.prototype;

/** The only instance in this realm. */
const permissions = new Permissions(privateKey);

return { permissions, Permissions, PermissionStatus };
})();
