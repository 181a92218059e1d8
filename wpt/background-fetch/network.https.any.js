// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What a script may see of another origin, and what is sent there.
// https://fetch.spec.whatwg.org/#http-cors-protocol

const inspect = (parameters, origin = REMOTE_ORIGIN) =>
  told("inspect.py", parameters, origin);
const piped = (pipe) => told("pieces.py", { pipe }, REMOTE_ORIGIN);
const seen = ({ value: [{ text }] }) => JSON.parse(text);

// steps: complete.11.response.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(
    backgroundFetch, piped("header(Access-Control-Allow-Origin,*)"));
  assert_success(ended);
  assert_equals(ended.value[0].response.type, "cors");
  assert_equals(ended.value[0].text, LETTERS);
}, "another origin that agrees can be read");

// steps: complete.11.response.1.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(backgroundFetch, resource("pieces.py", REMOTE_ORIGIN));
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
  assert_equals(ended.bgFetch.downloaded, 0, "not even how much it was");
}, "another origin that does not agree is an error that tells nothing");

// steps: complete.11.response.1.2, complete.11.response.6.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = resource("pieces.py", REMOTE_ORIGIN);
  const ended = await fetchAll(backgroundFetch, url, { downloadTotal: 5 });
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
}, "nor does it tell that it has more than downloadTotal");

// steps: records.2.9.2.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(backgroundFetch, piped(
    "header(Access-Control-Allow-Origin,*)|header(X-Open,1)|header(X-Secret,1)" +
    "|header(Access-Control-Expose-Headers,X-Open)|header(Cache-Control,no-store)"));
  const { headers } = ended.value[0].response;
  assert_equals(headers.get("X-Open"), "1");
  assert_equals(headers.get("X-Secret"), null);
  assert_equals(headers.get("Cache-Control"), "no-store", "it is safelisted");
}, "only exposed headers of another origin can be read");

// steps: records.2.9.2.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(backgroundFetch, piped(
    "header(Access-Control-Allow-Origin,*)|header(X-A,1)" +
    "|header(Access-Control-Expose-Headers,*)"));
  assert_equals(ended.value[0].response.headers.get("X-A"), "1");
}, "a wildcard exposes every header, without credentials");

// steps: complete.11
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = piped("header(Access-Control-Allow-Origin,*)");
  const init = { headers: { "X-Custom": "1" } };
  const ended = await fetchAll(backgroundFetch, new Request(url, init));
  assert_failure(ended, "fetch-error");
  const granted = piped("header(Access-Control-Allow-Origin,*)" +
    "|header(Access-Control-Allow-Headers,x-custom)");
  assert_success(await fetchAll(backgroundFetch, new Request(granted, init)));
}, "a header of one's own needs a preflight that grants it");

// steps: complete.11
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = piped("header(Access-Control-Allow-Origin,*)");
  const ended = await fetchAll(backgroundFetch, new Request(url, { method: "PUT" }));
  assert_failure(ended, "fetch-error");
  const granted = piped("header(Access-Control-Allow-Origin,*)" +
    "|header(Access-Control-Allow-Methods,PUT)");
  assert_success(
    await fetchAll(backgroundFetch, new Request(granted, { method: "PUT" })));
}, "PUT needs a preflight that grants it");

// steps: complete.11
backgroundFetchTest(async (t, backgroundFetch) => {
  const send = (parameters) => fetchAll(backgroundFetch, new Request(
    inspect(parameters), { credentials: "include" }));
  assert_failure(await send({ origin: "*" }), "fetch-error");
  assert_failure(await send({ origin: "*", credentials: "" }), "fetch-error");
  assert_failure(await send({ origin: ORIGIN }), "fetch-error");
  assert_success(await send({ origin: ORIGIN, credentials: "" }));
}, "with credentials, the origin has to be named and credentials allowed");

// steps: complete.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const { headers } = seen(await fetchAll(backgroundFetch, inspect({ origin: "*" })));
  assert_equals(headers.origin, ORIGIN);
  assert_equals(headers.referer, `${ORIGIN}/`, "only the origin leaves it");
  assert_equals(headers["sec-fetch-mode"] ?? "cors", "cors");
  assert_equals(headers.cookie, undefined);
}, "what is sent to another origin");

// steps: complete.4, complete.8
backgroundFetchTest(async (t, backgroundFetch) => {
  const { headers, method } =
    seen(await fetchAll(backgroundFetch, inspect({}, ORIGIN)));
  assert_equals(method, "GET");
  assert_equals(headers.origin, undefined, "a GET to one's own origin has none");
  assert_equals(headers.referer, location.href);
  assert_equals(headers.range, undefined, "nothing is resumed yet");
}, "what is sent to one's own origin");

// steps: complete.11.response.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const target = inspect({ origin: "*" });
  const url = `/common/redirect.py?location=${encodeURIComponent(target)}`;
  const ended = await fetchAll(backgroundFetch, url);
  assert_success(ended);
  const [{ request, response }] = ended.value;
  assert_equals(response.url, target);
  assert_true(response.redirected);
  assert_equals(response.type, "cors");
  assert_equals(request.url, new URL(url, location.href).href);
}, "a redirect to another origin is followed under its rules");

// steps: complete.11.response.1.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const target = resource("pieces.py", REMOTE_ORIGIN);
  const url = `/common/redirect.py?location=${encodeURIComponent(target)}`;
  const ended = await fetchAll(backgroundFetch, url);
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
}, "a redirect to an origin that does not agree is an error");

// steps: complete.11.response.1.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = "/common/redirect.py?location=/background-fetch/resources/pieces.py";
  const refused = await fetchAll(backgroundFetch, new Request(url, { redirect: "error" }));
  assert_failure(refused, "fetch-error");
}, "a redirect that the request does not want is an error");

// steps: complete.11
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = "/common/redirect.py?location=/background-fetch/resources/inspect.py";
  const send = (status) => fetchAll(backgroundFetch, new Request(
    `${url}&status=${status}`, { method: "POST", body: "body" }));
  assert_equals(seen(await send(303)).method, "GET");
  assert_equals(seen(await send(302)).method, "GET");
  const kept = seen(await send(307));
  assert_equals(kept.method, "POST");
  assert_equals(kept.body, "body");
}, "a redirect turns POST into GET, or keeps it with its body, as its status says");

// steps: complete.11.response.1.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = "/common/redirect.py?location=data:text/plain,x";
  assert_failure(await fetchAll(backgroundFetch, url), "fetch-error");
}, "a redirect to data: is an error");

// steps: complete.11.response.8.2
backgroundFetchTest(async (t, backgroundFetch) => {
  const digest = "sha256-ccSA3QZ0eIW0LRv+qxlvLtLwvWzo9B5m8RMjqNnX4n4=";
  const ended = await fetchAll(
    backgroundFetch, new Request(pieces(), { integrity: digest }));
  assert_failure(ended, "fetch-error");
  assert_hidden(ended.value[0]);
}, "a body with another digest than the request's is an error");
