// META: global=window,serviceworker
// META: timeout=long
// META: script=resources/helpers.sub.js
// META: script=resources/scope.js
"use strict";

// Request bodies.
// https://wicg.github.io/background-fetch/#background-fetch-manager-fetch

const post = (body, init) =>
  new Request(resource("upload.py"), { method: "POST", body, ...init });

const bodies = {
  "a string": () => "body",
  "an empty string": () => "",
  "an ArrayBuffer": () => new Uint8Array([98, 111, 0, 121]).buffer,
  "a typed array": () => new Uint8Array([98, 111, 255, 121]),
  "a Blob": () => new Blob(["bo", "dy"], { type: "text/x-kind" }),
  "a File": () => new File(["body"], "name.txt"),
  "URLSearchParams": () => new URLSearchParams({ a: "b c" }),
  "FormData": () => {
    const form = new FormData();
    form.append("a", "b");
    form.append("file", new File(["body"], "name.txt"));
    return form;
  },
};

for (const [name, create] of Object.entries(bodies)) {
  backgroundFetchTest(async (t, backgroundFetch) => {
    // steps: fetch.8.8.3.1.1, fetch.8.8.3.3, records.2.4
    const request = post(create());
    const expected = new Uint8Array(await request.clone().arrayBuffer());
    const id = uniqueId();
    const ended = eventOf(id, async (bgFetch) => {
      const record = await bgFetch.match(request.url, { ignoreMethod: true });
      assert_equals(
        record.request.headers.get("content-type"),
        request.headers.get("content-type"));
      const sent = await record.request.arrayBuffer();
      assert_array_equals(new Uint8Array(sent), expected, "the request");
      const echoed = await (await record.responseReady).arrayBuffer();
      assert_array_equals(new Uint8Array(echoed), expected, "the response");
    });
    const bgFetch = await backgroundFetch.fetch(id, request);
    assert_equals(bgFetch.uploadTotal, expected.length);
    assert_success(await ended);
    assert_equals(bgFetch.uploaded, expected.length);
  }, `${name} is uploaded, and can be read from the record`);
}

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.10
  const stream = new ReadableStream({
    start(controller) {
      for (const text of ["one ", "two ", "three"]) {
        controller.enqueue(new TextEncoder().encode(text));
      }
      controller.close();
    },
  });
  const ended = await fetchAll(backgroundFetch, post(stream, { duplex: "half" }));
  assert_success(ended);
  assert_equals(ended.value[0].text, "one two three");
  assert_equals(ended.bgFetch.uploadTotal, 13);
}, "a stream is stored before fetch() resolves");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: fetch.8.8.3.1.2, fetch.8.11
  const stream = new ReadableStream({
    pull(controller) {
      controller.error(new Error("no more"));
    },
  });
  const id = uniqueId();
  await promise_rejects_js(
    t, TypeError,
    backgroundFetch.fetch(id, post(stream, { duplex: "half" })));
  assert_equals(await backgroundFetch.get(id), undefined);
}, "a stream that fails is no upload");

// steps: fetch.8.8.3.4
backgroundFetchTest(async (t, backgroundFetch) => {
  const requests = ["one", "two"].map((body) => post(body));
  const ended = await fetchAll(backgroundFetch, requests);
  assert_success(ended);
  assert_array_equals(ended.value.map(({ text }) => text), ["one", "two"]);
}, "uploads to the same URL are told apart");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.body.2
  const id = uniqueId();
  const ended = eventOf(id);
  const bgFetch = await backgroundFetch.fetch(id, [post("body"), "/common/slow.py"]);
  await t.step_wait(() => bgFetch.downloaded === 4, "the echo arrives");
  assert_equals(bgFetch.uploaded, 4);
  assert_equals(bgFetch.result, "");
  await ended;
}, "uploaded bytes are known before the response has come");

backgroundFetchTest(async (t, backgroundFetch) => {
  // steps: complete.11.response.1.1
  const ended = await fetchAll(backgroundFetch, new Request(
    pieces({ cut: 5 }), { method: "POST", body: "x" }));
  assert_failure(ended, "fetch-error");
}, "an upload whose answer is cut is not sent again");
