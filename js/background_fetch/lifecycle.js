// What the embedder's side says about the realm's script.

(function () {
const { core, primordials } = __bootstrap;
const { op_bgfetch_set_lifecycle } = core.ops;
const { evaluateClassic } = core.loadExtScript(
  "ext:background_fetch/common/classic_script.js",
);
const { fireEvent } = core.loadExtScript("ext:background_fetch/common/dispatch.js");
const { presentable, reportException } = core.loadExtScript(
  "ext:background_fetch/common/exceptions.js",
);
const { newTask } = core.loadExtScript("ext:background_fetch/common/tasks.js");
const { ObjectDefineProperty, queueMicrotask, ReflectHas, SymbolFor } =
  primordials;

const { Event } = core.loadExtScript("ext:deno_web/02_event.js");

// Taken now: a script may replace it later.
const global = globalThis;

let isOver = false;

/**
 * https://html.spec.whatwg.org/#the-end
 *
 * The script of the page has run, as one that is deferred: what follows are
 * tasks of their own.
 */
async function endPage() {
  // A host with a document of its own loads its pages itself.
  if (isOver || ReflectHas(global, "document")) return;
  isOver = true;
  try {
    await newTask();
    // Step 6.1: Fire an event named DOMContentLoaded at the Document object,
    // with its bubbles attribute true. There is no document here, and it is the
    // window that it bubbles to.
    const contentLoaded = new Event("DOMContentLoaded", {
      __proto__: null,
      bubbles: true,
    });
    fireEvent(global, contentLoaded);
    await newTask();
    // Step 9.5: Fire an event named load at window.
    fireEvent(global, new Event("load"));
  } catch (error) {
    reportException(error);
  }
}

// https://w3c.github.io/ServiceWorker/#is-async-module: no engine says whether
// a module that it has evaluated is one. The last statement of an evaluation
// runs before the next microtask, unless the evaluation has waited.
const evaluated = SymbolFor("background_fetch.evaluated");
let isInTime = false;

function beginModule() {
  let isLate = false;
  queueMicrotask(() => {
    isLate = true;
  });
  ObjectDefineProperty(global, evaluated, {
    __proto__: null,
    value() {
      isInTime = !isLate;
    },
    configurable: true,
  });
}

function endModule() {
  delete global[evaluated];
  return isInTime;
}

// A classic script is evaluated by one that throws for it what deno_core can
// be given: with QuickJS, a symbol that leaves a script ends the thread.
const evaluate = SymbolFor("background_fetch.evaluate");

function beginScript() {
  ObjectDefineProperty(global, evaluate, {
    __proto__: null,
    value(source, url) {
      delete global[evaluate];
      const error = evaluateClassic(source, url);
      if (error !== null) throw presentable(error.thrown);
    },
    configurable: true,
  });
}

/** @param {string} kind of the realm */
function start(kind) {
  const hasRun = () => {
    if (kind === "window") endPage();
  };
  op_bgfetch_set_lifecycle(hasRun, beginModule, endModule, beginScript);
}

return { start };
})();
