// https://w3c.github.io/IndexedDB/#idbversionchangeevent

(function () {
const { core } = __bootstrap;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { Event } = core.loadExtScript("ext:deno_web/02_event.js");

const convertInit = webidl.createDictionaryConverter(
  "IDBVersionChangeEventInit",
  [
    {
      key: "newVersion",
      converter: webidl.createNullableConverter(
        webidl.converters["unsigned long long"],
      ),
      defaultValue: null,
    },
    {
      key: "oldVersion",
      converter: webidl.converters["unsigned long long"],
      defaultValue: 0,
    },
  ],
);

class IDBVersionChangeEvent extends Event {
  #oldVersion;
  #newVersion;

  constructor(type, eventInitDict = { __proto__: null }) {
    const prefix = "Failed to construct 'IDBVersionChangeEvent'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    super(type, eventInitDict);
    this[webidl.brand] = webidl.brand;
    const init = convertInit(eventInitDict, prefix, "Argument 2");
    this.#oldVersion = init.oldVersion;
    this.#newVersion = init.newVersion;
  }

  get oldVersion() {
    webidl.assertBranded(this, IDBVersionChangeEventPrototype);
    return this.#oldVersion;
  }

  get newVersion() {
    webidl.assertBranded(this, IDBVersionChangeEventPrototype);
    return this.#newVersion;
  }
}

webidl.configureInterface(IDBVersionChangeEvent);
const IDBVersionChangeEventPrototype = IDBVersionChangeEvent.prototype;

/** @param {number | null} newVersion */
function newVersionChangeEvent(type, oldVersion, newVersion) {
  const init = { __proto__: null, oldVersion, newVersion };
  return new IDBVersionChangeEvent(type, init);
}

return { IDBVersionChangeEvent, newVersionChangeEvent };
})();
