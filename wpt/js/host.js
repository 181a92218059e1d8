// The runner's side of a realm: it loads scripts and takes results.

(function () {
const { core } = __bootstrap;
const {
  op_wpt_complete,
  op_wpt_display,
  op_wpt_load,
  op_wpt_log,
  op_wpt_realm_kind,
  op_wpt_restart,
  op_wpt_restarts,
  op_wpt_result,
  op_wpt_set_permission,
  op_wpt_set_quota,
  op_wpt_timeout_multiplier,
} = core.ops;

const kind = op_wpt_realm_kind();

// https://html.spec.whatwg.org/multipage/webappapis.html#run-a-classic-script
function evaluate(source, url) {
  const [, error] = core.evalContext(source, url);
  if (error !== null) throw error.thrown;
}

function load(url) {
  const { href } = new URL(url, location.href);
  const text = op_wpt_load(href);
  if (text === null) {
    throw new DOMException(`${href} cannot be loaded`, "NetworkError");
  }
  return { href, text };
}

const host = {
  timeoutMultiplier: op_wpt_timeout_multiplier(),
  /** Runs a script as a page does: what it throws becomes an event. */
  run(source, url) {
    try {
      evaluate(source, url);
    } catch (error) {
      reportError(error);
    }
  },
  load,
  /** A module that could not be evaluated. */
  moduleFailed: (message) => reportError(new Error(message)),
  result: (result) => op_wpt_result(result),
  complete: (results) => op_wpt_complete(results),
  display: (id, action) => op_wpt_display(id, action),
  restarts: op_wpt_restarts(),
  restart: () => op_wpt_restart(),
  setQuota: (bytes) => op_wpt_set_quota(bytes),
  setPermission: (name, state) => op_wpt_set_permission(name, state),
};
Object.defineProperty(globalThis, Symbol.for("wpt.host"), { value: host });

// Errors belong to the harness, which listens; the event loop continues.
globalThis.addEventListener("error", (event) => {
  event.preventDefault();
  op_wpt_log(`error: ${event.error?.stack ?? event.message}`);
});
globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  const { reason } = event;
  op_wpt_log(`unhandled rejection: ${reason?.stack ?? reason}`);
});

if (kind === "window") {
  core.loadExtScript("ext:wpt_host/document.js");
} else {
  // https://html.spec.whatwg.org/multipage/workers.html#import-scripts-into-worker-global-scope
  globalThis.importScripts = (...urls) => {
    for (const url of urls) {
      const { href, text } = load(url);
      evaluate(text, href);
      // A page names this script itself, a worker does not.
      if (new URL(href).pathname === "/resources/testharness.js") {
        const report = load("/resources/testharnessreport.js");
        evaluate(report.text, report.href);
      }
    }
  };
  // A dedicated worker that no page has started has nobody to tell.
  if (kind === "dedicated-worker") globalThis.postMessage ??= () => {};
}
})();
