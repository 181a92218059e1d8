// https://notifications.spec.whatwg.org/

(function () {
const { core, primordials } = __bootstrap;
const {
  op_navigator_permission,
  op_notification_close,
  op_notification_request_permission,
  op_notification_show,
  op_notifications,
  op_bgfetch_service_worker_realm,
} = core.ops;
const { eventHandler } = core.loadExtScript(
  "ext:background_fetch/common/attributes.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { convertExtendableEventInit, ExtendableEvent } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_event.js",
);
const { internal } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { deserialize, serialize } = core.loadExtScript(
  "ext:background_fetch_browser/values.js",
);
const {
  ArrayPrototypeMap,
  DateNow,
  ObjectDefineProperty,
  ObjectFreeze,
  ObjectGetOwnPropertyDescriptor,
  TypeError,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { Event, EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { defer } = core.loadExtScript("ext:deno_web/02_timers.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

const inServiceWorker = op_bgfetch_service_worker_realm().kind === "service-worker";
const handlers = {
  __proto__: null,
  click: eventHandler("click"),
  close: eventHandler("close"),
  error: eventHandler("error"),
  show: eventHandler("show"),
};

/** How many actions of a notification can be chosen. */
const MAX_ACTIONS = 8;

const { DOMString, USVString } = webidl.converters;
const convertAction = webidl.createDictionaryConverter("NotificationAction", [
  { key: "action", converter: DOMString, required: true },
  { key: "icon", converter: USVString, defaultValue: "" },
  { key: "title", converter: DOMString, required: true },
]);
// https://notifications.spec.whatwg.org/#dictdef-notificationoptions
const convertNotificationOptions = webidl.createDictionaryConverter(
  "NotificationOptions",
  [
    {
      key: "actions",
      converter: webidl.createSequenceConverter(convertAction),
      get defaultValue() {
        return [];
      },
    },
    { key: "badge", converter: USVString, defaultValue: "" },
    { key: "body", converter: DOMString, defaultValue: "" },
    { key: "data", converter: webidl.converters.any, defaultValue: null },
    {
      key: "dir",
      converter: webidl.createEnumConverter("NotificationDirection", [
        "auto",
        "ltr",
        "rtl",
      ]),
      defaultValue: "auto",
    },
    { key: "icon", converter: USVString, defaultValue: "" },
    { key: "image", converter: USVString, defaultValue: "" },
    { key: "lang", converter: DOMString, defaultValue: "" },
    {
      key: "renotify",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
    {
      key: "requireInteraction",
      converter: webidl.converters.boolean,
      defaultValue: false,
    },
    {
      key: "silent",
      converter: webidl.createNullableConverter(webidl.converters.boolean),
      defaultValue: null,
    },
    { key: "tag", converter: DOMString, defaultValue: "" },
    { key: "timestamp", converter: webidl.converters["unsigned long long"] },
  ],
);
const convertGetNotificationOptions = webidl.createDictionaryConverter(
  "GetNotificationOptions",
  [{ key: "tag", converter: DOMString, defaultValue: "" }],
);

// https://notifications.spec.whatwg.org/#create-a-notification
function prepare(title, options, prefix) {
  const { data, ...shown } = options;
  // Step 3: to show it again there has to be one to replace.
  if (shown.renotify && shown.tag === "") {
    throw new TypeError(`${prefix}: renotify needs a tag`);
  }
  const url = (text) => {
    if (text === "") return "";
    // A URL that cannot be parsed is none.
    return URL.parse(text, getLocationHref())?.href ?? "";
  };
  shown.title = title;
  shown.icon = url(shown.icon);
  shown.badge = url(shown.badge);
  shown.image = url(shown.image);
  shown.timestamp ??= DateNow();
  shown.actions = ArrayPrototypeMap(shown.actions, (action) => ({
    action: action.action,
    title: action.title,
    icon: url(action.icon),
  }));
  return { shown, data: serialize(data, prefix) };
}

const privateKey = { __proto__: null };

// https://notifications.spec.whatwg.org/#api
class Notification extends EventTarget {
  #id;
  #shown;
  #data;

  constructor(title, options = undefined, existing = undefined) {
    if (title === privateKey) {
      super();
      this.#id = existing.id;
      this.#shown = existing.notification;
      this.#data = deserialize(existing.data)?.data ?? null;
      this.#freeze();
      return;
    }
    const prefix = "Failed to construct 'Notification'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    title = DOMString(title, prefix, "Argument 1");
    options = convertNotificationOptions(options, prefix, "Argument 2");
    // Step 1: a service worker has another way.
    if (inServiceWorker) {
      throw new TypeError(
        `${prefix}: a service worker shows them by showNotification()`,
      );
    }
    // Step 2: a page has no worker to handle actions.
    if (options.actions.length > 0) {
      throw new TypeError(`${prefix}: actions are for service workers`);
    }
    super();
    const { shown, data } = prepare(title, options, prefix);
    this.#shown = shown;
    this.#data = deserialize(data)?.data ?? null;
    this.#freeze();
    defer(() => {
      let type = "show";
      try {
        this.#id = op_notification_show(-1, shown, data);
      } catch {
        type = "error";
      }
      fireEvent(this, new Event(type));
    });
  }

  #freeze() {
    this[webidl.brand] = webidl.brand;
    this.#shown.actions = ObjectFreeze(
      ArrayPrototypeMap(this.#shown.actions, (action) => ObjectFreeze(action)),
    );
  }

  static get permission() {
    return notificationPermission();
  }

  static get maxActions() {
    return MAX_ACTIONS;
  }

  // https://notifications.spec.whatwg.org/#dom-notification-requestpermission
  static async requestPermission(deprecatedCallback = undefined) {
    const state = await internal(op_notification_request_permission());
    const permission = permissionOf(state);
    deprecatedCallback?.(permission);
    return permission;
  }

  get title() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.title;
  }

  get dir() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.dir;
  }

  get lang() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.lang;
  }

  get body() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.body;
  }

  get tag() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.tag;
  }

  get image() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.image;
  }

  get icon() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.icon;
  }

  get badge() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.badge;
  }

  get timestamp() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.timestamp;
  }

  get renotify() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.renotify;
  }

  get silent() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.silent;
  }

  get requireInteraction() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.requireInteraction;
  }

  get data() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#data;
  }

  get actions() {
    webidl.assertBranded(this, NotificationPrototype);
    return this.#shown.actions;
  }

  // https://notifications.spec.whatwg.org/#dom-notification-close
  close() {
    webidl.assertBranded(this, NotificationPrototype);
    if (this.#id !== undefined) op_notification_close(this.#id);
  }
}

for (const type in handlers) {
  const { get, set } = handlers[type];
  const accessors = {
    get [`on${type}`]() {
      webidl.assertBranded(this, Notification.prototype);
      return get(this);
    },
    set [`on${type}`](value) {
      webidl.assertBranded(this, Notification.prototype);
      set(this, value);
    },
  };
  ObjectDefineProperty(
    Notification.prototype,
    `on${type}`,
    ObjectGetOwnPropertyDescriptor(accessors, `on${type}`),
  );
}
webidl.configureInterface(Notification);
const NotificationPrototype = Notification.prototype;

// https://notifications.spec.whatwg.org/#dom-notification-permission
function notificationPermission() {
  return permissionOf(op_navigator_permission("notifications"));
}

// https://notifications.spec.whatwg.org/#enumdef-notificationpermission
function permissionOf(state) {
  return state === "prompt" ? "default" : state;
}

function createNotification(existing) {
  return new Notification(privateKey, undefined, existing);
}

// https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-shownotification
async function showNotification(registration, title, options, prefix) {
  title = DOMString(title, prefix, "Argument 1");
  options = convertNotificationOptions(options, prefix, "Argument 2");
  const { shown, data } = prepare(title, options, prefix);
  op_notification_show(registration, shown, data);
}

// https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-getnotifications
async function getNotifications(registration, filter, prefix) {
  filter = convertGetNotificationOptions(filter, prefix, "Argument 1");
  const all = op_notifications(registration, filter.tag);
  return ObjectFreeze(ArrayPrototypeMap(all, createNotification));
}

const convertNotification = webidl.createInterfaceConverter(
  "Notification",
  NotificationPrototype,
);
const convertOwnMembers = webidl.createDictionaryConverter(
  "NotificationEventInit",
  [
    { key: "action", converter: DOMString, defaultValue: "" },
    { key: "notification", converter: convertNotification, required: true },
  ],
);

// https://notifications.spec.whatwg.org/#notificationevent
class NotificationEvent extends ExtendableEvent {
  #init;

  constructor(type, eventInitDict) {
    const prefix = "Failed to construct 'NotificationEvent'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    type = DOMString(type, prefix, "Argument 1");
    super(
      type,
      convertExtendableEventInit(eventInitDict, prefix, "Argument 2"),
    );
    this.#init = convertOwnMembers(eventInitDict, prefix, "Argument 2");
  }

  get notification() {
    webidl.assertBranded(this, NotificationEventPrototype);
    return this.#init.notification;
  }

  get action() {
    webidl.assertBranded(this, NotificationEventPrototype);
    return this.#init.action;
  }
}

webidl.configureInterface(NotificationEvent);
const NotificationEventPrototype = NotificationEvent.prototype;

function createNotificationEvent(type, { notification, action }) {
  return new NotificationEvent(type, {
    notification: createNotification(notification),
    action,
  });
}

return {
  createNotificationEvent,
  getNotifications,
  Notification,
  NotificationEvent,
  showNotification,
};
})();
