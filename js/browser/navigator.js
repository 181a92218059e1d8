// What `navigator` tells about the machine.

(function () {
const { core, primordials } = __bootstrap;
const { op_navigator_facts, op_navigator_is_online } = core.ops;
const {
  ObjectFreeze,
  PromisePrototypeThen,
  TypeError,
} = primordials;

const webidl = core.loadExtScript("ext:deno_webidl/00_webidl.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { getLocationHref } = core.loadExtScript("ext:deno_web/12_location.js");

const noop = () => {};
const options = op_navigator_facts();
const languages = ObjectFreeze(options.languages);

const convertBody = webidl.converters["BodyInit_DOMString?"];

// https://w3c.github.io/beacon/#sendbeacon-method
function sendBeacon(url, data = null) {
  const prefix = "Failed to execute 'sendBeacon' on 'Navigator'";
  webidl.requiredArguments(arguments.length, 1, prefix);
  url = webidl.converters.USVString(url, prefix, "Argument 1");
  data = convertBody(data, prefix, "Argument 2");
  const parsed = new URL(url, getLocationHref());
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new TypeError(`${prefix}: only http: and https: URLs can be`);
  }
  const { fetch } = core.loadExtScript("ext:background_fetch_browser/fetch.js");
  const sent = fetch(parsed.href, {
    method: "POST",
    body: data,
    credentials: "include",
    keepalive: true,
  });
  PromisePrototypeThen(sent, noop, noop);
  return true;
}

return {
  hardwareConcurrency: options.hardwareConcurrency,
  isOnline: () => op_navigator_is_online(),
  language: languages[0],
  languages,
  platform: options.platform,
  sendBeacon,
};
})();
