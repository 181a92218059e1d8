// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// match() and matchAll().
// https://wicg.github.io/background-fetch/#background-fetch-registration-match-all

/** Runs `f` while the records of a background fetch are there. */
async function withRecords(backgroundFetch, requests, f) {
  const id = uniqueId();
  const ended = eventOf(id, f);
  await backgroundFetch.fetch(id, requests);
  return (await ended).value;
}

const urlsOf = (records) => records.map(({ request }) => request.url);

backgroundFetchTest((t, backgroundFetch) => {
  const one = pieces({ n: 1 }), two = pieces({ n: 2 });
  return withRecords(backgroundFetch, [one, two], async (bgFetch) => {
    // steps: matchAll.3.1
    assert_array_equals(urlsOf(await bgFetch.matchAll()), [one, two]);
    // steps: matchAll.3.2.1
    assert_array_equals(urlsOf(await bgFetch.matchAll(two)), [two]);
    assert_array_equals(await bgFetch.matchAll(pieces({ n: 3 })), []);
    assert_array_equals(
      urlsOf(await bgFetch.matchAll(pieces(), { ignoreSearch: true })), [one, two]);
  });
}, "matchAll() gives what matches, in the order of the requests");

backgroundFetchTest((t, backgroundFetch) =>
  withRecords(backgroundFetch, [pieces(), pieces()], async (bgFetch) => {
    // steps: match.2
    const record = await bgFetch.match(pieces());
    assert_class_string(record, "BackgroundFetchRecord");
    assert_equals(await bgFetch.match(pieces({ n: 3 })), undefined);
    await promise_rejects_js(t, TypeError, bgFetch.match());
    const again = await bgFetch.match(pieces());
    assert_not_equals(again, record, "each match makes its own object");
    for (const { responseReady } of [record, again]) {
      assert_equals(await (await responseReady).text(), LETTERS);
    }
  }), "match() gives the first that matches, as often as it is asked");

// steps: matchAll.3.2.1
backgroundFetchTest((t, backgroundFetch) => {
  const post = new Request(resource("upload.py"), { method: "POST", body: "x" });
  const requests = [post, resource("upload.py")];
  return withRecords(backgroundFetch, requests, async (bgFetch) => {
    const methods = async (...query) =>
      (await bgFetch.matchAll(...query)).map(({ request }) => request.method);
    assert_array_equals(await methods(resource("upload.py")), ["GET"]);
    assert_array_equals(
      await methods(resource("upload.py"), { ignoreMethod: true }), ["POST", "GET"]);
  });
}, "only GET matches, unless the method is ignored");

// steps: matchAll.3.2.1
backgroundFetchTest((t, backgroundFetch) => {
  const url = pieces({ pipe: "header(Vary,X-Kind)" });
  const of = (kind) => new Request(url, { headers: { "X-Kind": kind } });
  return withRecords(backgroundFetch, [of("a"), of("b")], async (bgFetch) => {
    const kinds = async (...query) =>
      (await bgFetch.matchAll(...query)).map(({ request }) => request.headers.get("x-kind"));
    assert_array_equals(await kinds(of("b")), ["b"]);
    assert_array_equals(await kinds(of("c")), []);
    assert_array_equals(await kinds(of("c"), { ignoreVary: true }), ["a", "b"]);
  });
}, "Vary is looked at, unless it is ignored");

// steps: matchAll.3.2.1
backgroundFetchTest((t, backgroundFetch) =>
  withRecords(backgroundFetch, pieces() + "#one", async (bgFetch) => {
    assert_equals((await bgFetch.matchAll(pieces() + "#two")).length, 1);
  }), "fragments do not matter");

// steps: matchAll.1, records.2.9.1
backgroundFetchTest(async (t, backgroundFetch) => {
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, [pieces(), "/common/slow.py"]);
  const record = await bgFetch.match(pieces());
  assert_equals(bgFetch.result, "");
  assert_equals(await (await record.responseReady).text(), LETTERS);
  assert_success(await ended);
}, "records can be matched and read while the background fetch is active");
