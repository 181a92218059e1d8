// Hands results to the runner. In a browser, where there is no runner, the
// harness shows them itself.
(() => {
  "use strict";
  const host = globalThis[Symbol.for("wpt.host")];
  if (host === undefined) return;

  setup({ output: false, timeout_multiplier: host.timeoutMultiplier });
  const plain = ({ name, status, message }) => ({
    name: String(name),
    status,
    message: message == null ? null : String(message),
  });
  // One by one, so that a page that never ends has results too; at the end
  // once more, with those that were not run.
  add_result_callback((test) => host.result(plain(test)));
  add_completion_callback((tests, { status, message }) => {
    host.complete({
      status,
      message: message == null ? null : String(message),
      tests: tests.map(plain),
    });
  });
})();
