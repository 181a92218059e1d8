// Hands results to the runner. In a browser, where there is no runner, the
// harness shows them itself.
(() => {
  "use strict";
  const host = globalThis[Symbol.for("wpt.host")];
  if (host === undefined) return;

  setup({ output: false });
  const plain = ({ name, status, message }) => ({
    name: String(name),
    status,
    message: message == null ? null : String(message),
  });
  add_completion_callback((tests, { status, message }) => {
    host.complete({
      status,
      message: message == null ? null : String(message),
      tests: tests.map(plain),
    });
  });
})();
