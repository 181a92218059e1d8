// META: script=resources/window.js
"use strict";

// A page's Content Security Policy.
// https://w3c.github.io/webappsec-csp/#should-block-request

// steps: fetch.6.1
windowTest(async (t, { backgroundFetch }) => {
  const meta = document.createElement("meta");
  meta.setAttribute("http-equiv", "Content-Security-Policy");
  meta.setAttribute("content", "connect-src 'none'");
  document.head.appendChild(meta);
  await promise_rejects_js(
    t, TypeError, backgroundFetch.fetch("id", "https://web-platform.test/"));
  assert_array_equals(await backgroundFetch.getIds(), []);
}, "what the page's policy blocks is refused");

// https://w3c.github.io/webappsec-csp/#directive-worker-src
promise_test(async (t) => {
  const meta = document.createElement("meta");
  meta.setAttribute("http-equiv", "Content-Security-Policy");
  meta.setAttribute("content", "worker-src 'none'");
  document.head.appendChild(meta);
  const scope = "resources/scope-of-refused";
  await promise_rejects_dom(
    t,
    "SecurityError",
    navigator.serviceWorker.register("resources/worker.js", { scope }),
  );
  assert_equals(await navigator.serviceWorker.getRegistration(scope), undefined);
}, "a worker that the page's policy blocks is refused");
