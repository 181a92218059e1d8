// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// What goes over the wire: referrers, cookies, methods, headers, statuses.
// https://fetch.spec.whatwg.org/#http-network-or-cache-fetch

const inspect = (parameters, origin = ORIGIN) =>
  told("inspect.py", parameters, origin);

/** What the server has seen of the request. */
async function seen(backgroundFetch, request) {
  const { value: [{ text }] } = await fetchAll(backgroundFetch, request);
  return JSON.parse(text);
}

const FULL = location.href;
const ROOT = `${ORIGIN}/`;
for (const [policy, same, other] of [
  ["", FULL, ROOT],
  ["no-referrer", undefined, undefined],
  ["no-referrer-when-downgrade", FULL, FULL],
  ["same-origin", FULL, undefined],
  ["origin", ROOT, ROOT],
  ["strict-origin", ROOT, ROOT],
  ["origin-when-cross-origin", FULL, ROOT],
  ["strict-origin-when-cross-origin", FULL, ROOT],
  ["unsafe-url", FULL, FULL],
]) {
  for (const [where, origin, expected] of [
    ["one's own", ORIGIN, same],
    ["another", REMOTE_ORIGIN, other],
  ]) {
    // steps: complete.4
    backgroundFetchTest(async (t, backgroundFetch) => {
      const url = inspect({ origin: "*" }, origin);
      const request = new Request(url, { referrerPolicy: policy });
      const { headers } = await seen(backgroundFetch, request);
      assert_equals(headers.referer, expected);
    }, `the policy "${policy}" and the referrer for ${where} origin`);
  }
}

// steps: complete.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const referrer = `${ORIGIN}/elsewhere?a=1#b`;
  const { headers } = await seen(
    backgroundFetch, new Request(inspect({}), { referrer }));
  assert_equals(headers.referer, `${ORIGIN}/elsewhere?a=1`);
}, "a referrer that the script chooses is sent without its fragment");

// steps: complete.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const { headers } = await seen(
    backgroundFetch, new Request(inspect({}), { referrer: "" }));
  assert_equals(headers.referer, undefined);
}, "no referrer is sent when the script chooses none");

for (const [credentials, same, other] of [
  ["omit", false, false],
  ["same-origin", true, false],
  ["include", true, true],
]) {
  for (const [where, origin, expected] of [
    ["one's own", ORIGIN, same],
    ["another", REMOTE_ORIGIN, other],
  ]) {
    // steps: complete.4
    backgroundFetchTest(async (t, backgroundFetch) => {
      const name = `c${uniqueId().replace(" ", "")}`;
      const access = { origin: ORIGIN, credentials: "" };
      const cookie = `${name}=1; Path=/; Secure; SameSite=None`;
      await fetchAll(backgroundFetch, new Request(
        inspect({ ...access, cookie }, origin), { credentials: "include" }));
      const { headers } = await seen(backgroundFetch, new Request(
        inspect(access, origin), { credentials }));
      assert_equals((headers.cookie ?? "").includes(`${name}=1`), expected);
    }, `credentials: "${credentials}" and the cookies of ${where} origin`);
  }
}

for (const method of ["DELETE", "PUT", "OPTIONS", "PATCH", "POST", "PROPFIND"]) {
  // steps: complete.11
  backgroundFetchTest(async (t, backgroundFetch) => {
    const request = new Request(inspect({}), { method });
    const { method: sent, headers } = await seen(backgroundFetch, request);
    assert_equals(sent, method);
    assert_equals(headers.origin, ORIGIN, "what may change things says by whom");
  }, `the method ${method} is sent, with the origin`);
}

// steps: complete.11.response.7.3
backgroundFetchTest(async (t, backgroundFetch) => {
  const request = new Request(pieces(), { method: "HEAD" });
  const ended = await fetchAll(backgroundFetch, request);
  assert_success(ended);
  assert_equals(ended.bgFetch.downloaded, 0);
}, "a HEAD has a head, and nothing to download");

// steps: complete.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const { headers } = await seen(backgroundFetch, new Request(inspect({}), {
    headers: [["X-A", "1"], ["X-A", "2"], ["Accept", "text/x-kind"],
      ["Accept-Language", "eo"]],
  }));
  assert_equals(headers["x-a"], "1, 2");
  assert_equals(headers.accept, "text/x-kind");
  assert_equals(headers["accept-language"], "eo");
}, "the headers of the request are sent as the script has them");

// steps: complete.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const { headers } = await seen(backgroundFetch, inspect({}));
  assert_equals(headers.accept, "*/*");
  assert_not_equals(headers["user-agent"], undefined);
  assert_equals(headers["accept-encoding"].includes("gzip"), true);
}, "what every request says is sent when the script says nothing");

for (const name of ["Host", "Cookie", "Connection", "Sec-Own", "Proxy-Own", "Date"]) {
  // steps: complete.4
  backgroundFetchTest(async (t, backgroundFetch) => {
    const request = new Request(inspect({}), { headers: { [name]: "own" } });
    const { headers } = await seen(backgroundFetch, request);
    assert_not_equals(headers[name.toLowerCase()], "own");
  }, `the header ${name} is not the script's to set`);
}

for (const status of [200, 201, 202, 203, 226, 299]) {
  // steps: complete.11.response.7.3
  backgroundFetchTest(async (t, backgroundFetch) => {
    const ended = await fetchAll(backgroundFetch, pieces({ pipe: `status(${status})` }));
    assert_success(ended);
    assert_equals(ended.value[0].response.status, status);
  }, `the status ${status} is a success`);
}

for (const status of [300, 400, 401, 403, 410, 418, 500, 501, 505, 599]) {
  // steps: complete.11.response.7.2
  backgroundFetchTest(async (t, backgroundFetch) => {
    const ended = await fetchAll(backgroundFetch, pieces({ pipe: `status(${status})` }));
    assert_failure(ended, "bad-status");
    assert_equals(ended.value[0].response.status, status);
    assert_equals(ended.value[0].text, LETTERS);
  }, `the status ${status} is a bad one, and its body can be read`);
}

for (const status of [301, 302, 303, 307, 308]) {
  // steps: complete.11.response.4
  backgroundFetchTest(async (t, backgroundFetch) => {
    const query = new URLSearchParams({ status, location: pieces() });
    const ended = await fetchAll(backgroundFetch, `/common/redirect.py?${query}`);
    assert_success(ended);
    assert_true(ended.value[0].response.redirected);
    assert_equals(ended.value[0].text, LETTERS);
  }, `a GET follows the status ${status}`);
}
