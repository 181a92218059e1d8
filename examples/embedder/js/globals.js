// The globals of a realm that its embedder makes itself.

import { core } from "ext:core/mod.js";
import { primordials } from "ext:core/mod.js";
import { op_embedder_print } from "ext:core/ops";
import { op_embedder_url } from "ext:core/ops";

const { ObjectDefineProperty } = primordials;
const { prepareGlobalScope, registerExceptions } = core.loadExtScript(
  "ext:background_fetch/common/global_scope.js",
);
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { Event, EventTarget } = core.loadExtScript("ext:deno_web/02_event.js");
const { setTimeout } = core.loadExtScript("ext:deno_web/02_timers.js");
const { Request } = core.loadExtScript("ext:deno_fetch/23_request.js");
const { Response } = core.loadExtScript("ext:deno_fetch/23_response.js");
const crypto = core.loadExtScript("ext:deno_crypto/00_crypto.js");

// Without these, an error of an op is no `DOMException`.
registerExceptions();
// The global object becomes an event target, and relative URLs have a base.
prepareGlobalScope(op_embedder_url());

const globals = {
  __proto__: null,
  console: { log: (...values) => op_embedder_print(values.join(" ")) },
  crypto: crypto.crypto,
  DOMException,
  Event,
  EventTarget,
  Request,
  Response,
  setTimeout,
  URL,
};
for (const name in globals) {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null,
    value: globals[name],
    configurable: true,
    enumerable: false,
    writable: true,
  });
}
