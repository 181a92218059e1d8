// https://w3c.github.io/ServiceWorker/#installevent-interface

(function () {
const { core } = __bootstrap;
const { convertExtendableEventInit, ExtendableEvent } = core.loadExtScript(
  "ext:background_fetch/service_worker/extendable_event.js",
);

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

// `addRoutes()` is for navigations and for what documents load.
class InstallEvent extends ExtendableEvent {
  constructor(type, eventInitDict = undefined) {
    const prefix = "Failed to construct 'InstallEvent'";
    webidl.requiredArguments(arguments.length, 1, prefix);
    type = webidl.converters.DOMString(type, prefix, "Argument 1");
    super(
      type,
      convertExtendableEventInit(eventInitDict, prefix, "Argument 2"),
    );
  }
}

webidl.configureInterface(InstallEvent);

return { InstallEvent };
})();
