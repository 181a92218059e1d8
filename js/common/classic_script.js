// Evaluates classic scripts.

(function () {
const { core } = __bootstrap;
const { op_eval_context } = core.ops;

/**
 * What the script throws; null when it throws nothing.
 *
 * The op of `core.evalContext()`, which iterates over an array when the script
 * has run: how that is done is a script's to change.
 * @returns {{ thrown: any } | null}
 */
function evaluateClassic(source, url) {
  const { 1: error } = op_eval_context(source, url);
  return error ? { __proto__: null, thrown: error[0] } : null;
}

return { evaluateClassic };
})();
