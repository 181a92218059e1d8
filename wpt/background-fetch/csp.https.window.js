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
