// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// How arguments become what the algorithms work on.
// https://webidl.spec.whatwg.org/#js-type-mapping

/** Fetches under `id`, and gives the id that the background fetch has. */
async function idOf(backgroundFetch, id) {
  const bgFetch = await backgroundFetch.fetch(id, "/common/slow.py");
  // steps: get.3, ids.2
  assert_equals((await backgroundFetch.get(id))?.id, bgFetch.id, "get() finds it");
  assert_array_equals(await backgroundFetch.getIds(), [bgFetch.id]);
  await bgFetch.abort();
  return bgFetch.id;
}

for (const [id, expected] of [
  [null, "null"],
  [undefined, "undefined"],
  [12.5, "12.5"],
  [["a", "b"], "a,b"],
  [{ toString: () => "an object" }, "an object"],
  ["\ud800", "\ud800"],
  ["a\udc00b\ud83d\ude00", "a\udc00b\ud83d\ude00"],
  ["\u{10ffff}d800", "\u{10ffff}d800"],
  [" ", " "],
  ["x".repeat(5000), "x".repeat(5000)],
]) {
  // steps: fetch.8.12
  backgroundFetchTest(async (t, backgroundFetch) => {
    assert_equals(await idOf(backgroundFetch, id), expected);
  }, `an id becomes a DOMString: ${format_id(expected)}`);
}

function format_id(id) {
  return id.length > 40 ? `${id.length} letters` : JSON.stringify(id);
}

// steps: fetch.8.12
backgroundFetchTest(async (t, backgroundFetch) => {
  await promise_rejects_js(t, TypeError, backgroundFetch.fetch(Symbol(), pieces()));
}, "a symbol is no id");

// steps: fetch.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const error = new Error("thrown by the script");
  const id = { toString() { throw error; } };
  await promise_rejects_exactly(t, error, backgroundFetch.fetch(id, pieces()));
}, "what the conversion of an id throws is what fetch() rejects with");

for (const [what, value] of [
  ["a negative zero", -0],
  ["null", null],
  ["an array of one number", [0]],
  ["a half", 0.5],
  ["a negative half", -0.5],
  ["two to the 64th", 2 ** 64],
  ["a text that is no number", "many"],
  ["an object", {}],
]) {
  // steps: fetch.8.12
  backgroundFetchTest(async (t, backgroundFetch) => {
    const ended = await fetchAll(backgroundFetch, pieces(), { downloadTotal: value });
    assert_success(ended);
    assert_equals(ended.bgFetch.downloadTotal, 0);
  }, `as downloadTotal, ${what} is zero, which is no limit`);
}

for (const [what, value] of [
  ["a bigint", 26n],
  ["a symbol", Symbol()],
]) {
  // steps: fetch.8.12
  backgroundFetchTest(async (t, backgroundFetch) => {
    await promise_rejects_js(t, TypeError, backgroundFetch.fetch(
      uniqueId(), pieces(), { downloadTotal: value }));
  }, `${what} is no downloadTotal`);
}

for (const [what, options] of [
  ["a number", 1],
  ["a text", "title"],
  ["an icon without a source", { icons: [{ sizes: "16x16" }] }],
  ["an icon that is a text", { icons: ["icon.png"] }],
  ["icons that cannot be iterated", { icons: { src: "icon.png" } }],
  ["icons that are null", { icons: null }],
  ["a title that is a symbol", { title: Symbol() }],
]) {
  // steps: fetch.8.12
  backgroundFetchTest(async (t, backgroundFetch) => {
    await promise_rejects_js(
      t, TypeError, backgroundFetch.fetch(uniqueId(), pieces(), options));
    assert_array_equals(await backgroundFetch.getIds(), []);
  }, `the options of fetch() cannot be ${what}`);
}

for (const [what, options] of [
  ["null", null],
  ["undefined", undefined],
  ["an empty function", () => {}],
  ["an object without a prototype", Object.create(null)],
  ["no icons", { icons: [] }],
  ["icons of a set", { icons: new Set([{ src: "icon.png" }]) }],
  ["a title that is null", { title: null }],
  ["members that nobody knows", { colour: "red" }],
]) {
  // steps: fetch.8.12
  backgroundFetchTest(async (t, backgroundFetch) => {
    assert_success(await fetchAll(backgroundFetch, pieces(), options));
  }, `the options of fetch() can be ${what}`);
}

// steps: fetch.8.12
backgroundFetchTest(async (t, backgroundFetch) => {
  const read = [];
  const options = new Proxy({}, {
    get(_, name) {
      read.push(name);
    },
  });
  const id = uniqueId();
  const ended = eventOf(id);
  await backgroundFetch.fetch(id, pieces(), options);
  await ended;
  assert_array_equals(read, ["icons", "title", "downloadTotal"]);
}, "the inherited members of the options are read first, each once");

// steps: fetch.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const order = [];
  const id = { toString: () => (order.push("id"), uniqueId()) };
  const requests = { toString: () => (order.push("requests"), pieces()) };
  const options = { get title() { order.push("options"); } };
  const bgFetch = await backgroundFetch.fetch(id, requests, options);
  assert_array_equals(order, ["id", "requests", "options"]);
  await bgFetch.abort();
}, "arguments are converted from left to right");

// steps: fetch.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = new URL(pieces());
  const ended = await fetchAll(backgroundFetch, url);
  assert_success(ended);
  assert_equals(ended.value[0].request.url, url.href);
}, "a URL object is a request");

// steps: fetch.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const wrapped = Object.assign(new String("unused:"), {
    *[Symbol.iterator]() {
      yield pieces({ n: 1 });
    },
  });
  const ended = await fetchAll(backgroundFetch, wrapped);
  assert_equals(ended.value[0].request.url, pieces({ n: 1 }));
}, "an object that can be iterated is a list, even if it is a String");

// steps: fetch.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const request = new Request(pieces());
  request[Symbol.iterator] = () => assert_unreached("a Request is no list");
  assert_success(await fetchAll(backgroundFetch, request));
}, "a Request is one request, whatever it can do besides");

// steps: fetch.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const error = new Error("thrown by the script");
  function* requests() {
    yield pieces();
    throw error;
  }
  await promise_rejects_exactly(
    t, error, backgroundFetch.fetch(uniqueId(), requests()));
}, "what an iterator throws is what fetch() rejects with");

// steps: fetch.6.1
backgroundFetchTest(async (t, backgroundFetch) => {
  await promise_rejects_js(
    t, TypeError, backgroundFetch.fetch(uniqueId(), [pieces(), Symbol()]));
}, "a symbol is no request");

// steps: fetch.6.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const ended = await fetchAll(backgroundFetch, null);
  assert_equals(ended.value[0].request.url, new URL("null", location.href).href);
}, "null is a relative URL");

// steps: fetch.6.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const url = `${pieces()}#fragment`;
  const { value: [{ request, response }] } = await fetchAll(backgroundFetch, url);
  assert_equals(request.url, url);
  assert_equals(response.url, pieces());
}, "a fragment stays with the request and is no part of the response's URL");

for (const name of ["fetch", "get", "getIds"]) {
  // steps: fetch.1
  backgroundFetchTest(async (t, backgroundFetch) => {
    await promise_rejects_js(
      t, TypeError, backgroundFetch[name].call({}, uniqueId(), pieces()));
  }, `${name}() of another object is rejected, not thrown`);
}

for (const name of ["abort", "match", "matchAll"]) {
  // steps: abort.1
  promise_test(async (t) => {
    const operation = BackgroundFetchRegistration.prototype[name];
    await promise_rejects_js(t, TypeError, operation.call({}, pieces()));
  }, `${name}() of another object is rejected, not thrown`);
}

for (const [name, length] of [["fetch", 2], ["get", 1], ["getIds", 0]]) {
  // steps: fetch.1
  test(() => {
    assert_equals(BackgroundFetchManager.prototype[name].length, length);
  }, `${name}() says how many arguments it needs`);
}

for (const name of [
  "id", "uploadTotal", "uploaded", "downloadTotal", "downloaded", "result",
  "failureReason", "recordsAvailable",
]) {
  // steps: instance.3
  test(() => {
    const { get, set } = Object.getOwnPropertyDescriptor(
      BackgroundFetchRegistration.prototype, name);
    assert_equals(set, undefined);
    assert_throws_js(TypeError, () => get.call({}));
  }, `${name} is read only, and only of a background fetch`);
}
