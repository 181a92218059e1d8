// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// Every CacheQueryOptions, on the records of one background fetch.
// https://w3c.github.io/ServiceWorker/#request-matches-cached-item

const base = resource("pieces.py");
const language = (value) => ({ headers: { "X-Language": value } });
const vary = `${base}?${new URLSearchParams({ pipe: "header(Vary,X-Language)" })}`;
const star = `${base}?${new URLSearchParams({ pipe: "header(Vary,*)" })}`;

/** What is fetched, by names. */
const requests = {
  plain: () => new Request(base),
  query: () => new Request(`${base}?a=1`),
  post: () => new Request(base, { method: "POST", body: "x" }),
  english: () => new Request(vary, language("en")),
  french: () => new Request(vary, language("fr")),
  star: () => new Request(star),
};

for (const [what, query, options, expected] of [
  ["no query", undefined, undefined,
    ["plain", "query", "post", "english", "french", "star"]],
  ["the URL", base, {}, ["plain"]],
  ["an option that is null", base, null, ["plain"]],
  ["ignoreSearch", base, { ignoreSearch: true, ignoreVary: true },
    ["plain", "query", "english", "french", "star"]],
  ["ignoreSearch with a query in the request", `${base}?b=2`,
    { ignoreSearch: true, ignoreVary: true },
    ["plain", "query", "english", "french", "star"]],
  ["ignoreMethod", base, { ignoreMethod: true }, ["plain", "post"]],
  ["ignoreMethod and ignoreSearch", base,
    { ignoreMethod: true, ignoreSearch: true, ignoreVary: true },
    ["plain", "query", "post", "english", "french", "star"]],
  ["a header that the response varies by", () => new Request(vary, language("fr")),
    {}, ["french"]],
  ["another value of that header", () => new Request(vary, language("de")), {}, []],
  ["no such header at all", vary, {}, []],
  ["ignoreVary", vary, { ignoreVary: true }, ["english", "french"]],
  ["a response that varies by everything", star, {}, []],
  ["the same with ignoreVary", star, { ignoreVary: true }, ["star"]],
  ["a method that is not GET", () => new Request(base, { method: "POST" }),
    { ignoreMethod: true }, ["plain", "post"]],
  ["another path", resource("other.py"), { ignoreSearch: true }, []],
  ["another origin", resource("pieces.py", REMOTE_ORIGIN), {}, []],
  ["an empty query, which is one", `${base}?`, {}, []],
  ["options that are truthy", base, { ignoreMethod: "no" }, ["plain", "post"]],
]) {
  // steps: matchAll.3.2.1, matchAll.3.3
  backgroundFetchTest(async (t, backgroundFetch) => {
    const id = uniqueId();
    const ended = eventOf(id, async (bgFetch) => {
      const wanted = typeof query === "function" ? query() : query;
      const found = await bgFetch.matchAll(wanted, options);
      const key = (r) => `${r.method} ${r.url} ${r.headers.get("X-Language")}`;
      const names = new Map(
        Object.entries(requests).map(([name, make]) => [key(make()), name]));
      return found.map(({ request }) => names.get(key(request)));
    });
    await backgroundFetch.fetch(id, Object.values(requests).map((make) => make()));
    assert_array_equals((await ended).value, expected);
  }, `matchAll() with ${what}`);
}

for (const [what, query, options] of [
  ["a URL that is none", "https://[", {}],
  ["a URL with credentials", "https://a:b@web-platform.test/", {}],
  ["options that are a number", base, 1],
]) {
  // steps: matchAll.2
  backgroundFetchTest(async (t, backgroundFetch) => {
    const bgFetch = await backgroundFetch.fetch(uniqueId(), "/common/slow.py");
    t.add_cleanup(() => bgFetch.abort());
    await promise_rejects_js(t, TypeError, bgFetch.matchAll(query, options));
    await promise_rejects_js(t, TypeError, bgFetch.match(query, options));
  }, `match() and matchAll() refuse ${what}`);
}
