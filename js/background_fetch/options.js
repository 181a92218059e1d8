// The dictionaries of https://wicg.github.io/background-fetch/#background-fetch-manager

(function () {
const { core } = __bootstrap;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");

// https://w3c.github.io/image-resource/#dom-imageresource
const convertImageResource = webidl.createDictionaryConverter("ImageResource", [
  { key: "label", converter: webidl.converters.DOMString },
  { key: "sizes", converter: webidl.converters.DOMString },
  { key: "src", converter: webidl.converters.USVString, required: true },
  { key: "type", converter: webidl.converters.DOMString },
]);

const convertBackgroundFetchUIOptions = webidl.createDictionaryConverter(
  "BackgroundFetchUIOptions",
  [
    {
      key: "icons",
      converter: webidl.createSequenceConverter(convertImageResource),
    },
    { key: "title", converter: webidl.converters.DOMString },
  ],
);

const convertOwnMembers = webidl.createDictionaryConverter(
  "BackgroundFetchOptions",
  [{
    key: "downloadTotal",
    converter: webidl.converters["unsigned long long"],
    defaultValue: 0,
  }],
);

/**
 * Web IDL converts inherited members first, and sorts those of one dictionary
 * only; one converter for both would sort them all together.
 * https://webidl.spec.whatwg.org/#js-dictionary
 */
function convertBackgroundFetchOptions(value, prefix, context) {
  const options = convertBackgroundFetchUIOptions(value, prefix, context);
  options.downloadTotal =
    convertOwnMembers(value, prefix, context).downloadTotal;
  return options;
}

return {
  convertBackgroundFetchOptions,
  convertBackgroundFetchUIOptions,
};
})();
