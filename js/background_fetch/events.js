// https://wicg.github.io/background-fetch/#background-fetch-event and
// https://wicg.github.io/background-fetch/#background-fetch-update-ui-event

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_update_ui } = core.ops;
const { invalidStateError } = core.loadExtScript(
  "ext:background_fetch/background_fetch/errors.js",
);
const {
  convertExtendableEventInit,
  ExtendableEvent,
  isActive,
} = core.loadExtScript("ext:background_fetch/service_worker/extendable_event.js");
const { convertBackgroundFetchUIOptions } = core.loadExtScript(
  "ext:background_fetch/background_fetch/options.js",
);
const { keyOf } = core.loadExtScript("ext:background_fetch/background_fetch/registration.js");
const { SymbolFor } = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { createFilteredInspectProxy } = core.loadExtScript(
  "ext:deno_web/01_console.js",
);

const convertOwnMembers = webidl.createDictionaryConverter(
  "BackgroundFetchEventInit",
  [{
    key: "registration",
    converter: webidl.converters.BackgroundFetchRegistration,
    required: true,
  }],
);

// Inherited members first: https://webidl.spec.whatwg.org/#js-dictionary
function convertBackgroundFetchEventInit(value, prefix, context) {
  const init = convertExtendableEventInit(value, prefix, context);
  init.registration = convertOwnMembers(value, prefix, context).registration;
  return init;
}

class BackgroundFetchEvent extends ExtendableEvent {
  #registration;

  constructor(type, init) {
    const prefix = "Failed to construct 'BackgroundFetchEvent'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    type = webidl.converters.DOMString(type, prefix, "Argument 1");
    init = convertBackgroundFetchEventInit(init, prefix, "Argument 2");
    super(type, init);
    this.#registration = init.registration;
  }

  get registration() {
    webidl.assertBranded(this, BackgroundFetchEventPrototype);
    return this.#registration;
  }

  [SymbolFor("Deno.privateCustomInspect")](inspect, inspectOptions) {
    return inspect(
      createFilteredInspectProxy({
        object: this,
        evaluate: #registration in this,
        keys: ["type", "isTrusted", "registration"],
      }),
      inspectOptions,
    );
  }
}

webidl.configureInterface(BackgroundFetchEvent);
const BackgroundFetchEventPrototype = BackgroundFetchEvent.prototype;

class BackgroundFetchUpdateUIEvent extends BackgroundFetchEvent {
  // https://wicg.github.io/background-fetch/#backgroundfetchupdateuievent-ui-updated-flag
  #uiUpdated = false;

  constructor(type, init) {
    const prefix = "Failed to construct 'BackgroundFetchUpdateUIEvent'";
    webidl.requiredArguments(arguments.length, 2, prefix);
    super(type, init);
  }

  // https://wicg.github.io/background-fetch/#background-fetch-update-ui-event-update-ui
  async updateUI(options = undefined) {
    webidl.assertBranded(this, BackgroundFetchUpdateUIEventPrototype);
    const prefix =
      "Failed to execute 'updateUI' on 'BackgroundFetchUpdateUIEvent'";
    options = convertBackgroundFetchUIOptions(options, prefix, "Argument 1");
    // updateUI.1: the event has to be trusted, active and not used yet.
    if (!this.isTrusted) {
      throw invalidStateError(`${prefix}: the event was made by a script`);
    }
    if (this.#uiUpdated) {
      throw invalidStateError(`${prefix}: the UI was updated already`);
    }
    if (!isActive(this)) {
      throw invalidStateError(`${prefix}: the event is over`);
    }
    // updateUI.2, updateUI.3: from now on the UI counts as updated.
    this.#uiUpdated = true;
    // updateUI.4 to updateUI.7: change what the display shows.
    await op_bgfetch_update_ui(keyOf(this.registration), options);
  }
}

webidl.configureInterface(BackgroundFetchUpdateUIEvent);
const BackgroundFetchUpdateUIEventPrototype =
  BackgroundFetchUpdateUIEvent.prototype;

return {
  BackgroundFetchEvent,
  BackgroundFetchUpdateUIEvent,
};
})();
