//! The global `fetch()`.

use crate::browser::site::Site;
use support::Behaviour;
use support::Preflight;
use support::Resource;

/// As service workers do that cache what is their own.
#[test]
fn a_response_of_the_own_origin_is_basic_whatever_the_policy() {
  let site = Site::new();
  site.server.serve("/app/own", Resource::text("own"));
  let allowed =
    Resource::text("other").header("access-control-allow-origin", "*");
  site.other.serve("/other", allowed);
  let page = "
    console.log((await fetch('own')).type, (await fetch('@OTHER@/other')).type);";
  assert_eq!(site.lines(page), ["basic cors"]);
  let page = site
    .place
    .write("page.js", &page.replace("@OTHER@", &site.other.origin()));
  let base = site.server.url("/app/");
  let ended = site.place.bgfetch("run", &["--base", &base, &page]).code(0);
  assert_eq!(ended.stdout, "basic default\n");
}

#[test]
fn a_response_has_what_the_server_sent_and_may_be_seen() {
  let site = Site::new();
  let hello = Resource::text("hello").header("x-own", "1");
  site
    .server
    .serve("/app/x", hello.header("set-cookie", "a=1"));
  let origin = site.server.origin();
  let lines = site.lines(
    "await say('head', async () => {
      const r = await fetch('x#part');
      return [r.status, r.ok, r.type, r.url, r.redirected, r.headers.get('x-own'), r.headers.get('set-cookie'), await r.text(), r.bodyUsed];
    });
    await say('cookie', async () => (await fetch('x')).status);
    await say('missing', async () => { const r = await fetch('/no'); return [r.status, r.ok]; });
    await say('head method', async () => (await fetch('x', { method: 'HEAD' })).body);
    await say('pieces', async () => {
      const reader = (await fetch('x')).body.getReader({ mode: 'byob' });
      const { value } = await reader.read(new Uint8Array(2));
      return new TextDecoder().decode(value);
    });
    await say('clone', async () => {
      const r = await fetch('x');
      return Promise.all([r.clone().text(), r.text()]);
    });",
  );
  let head =
    format!("head: 200 true basic {origin}/app/x false 1 null hello true");
  let expected = [
    head.as_str(),
    "cookie: 200",
    "missing: 404 false",
    "head method: null",
    "pieces: he",
    "clone: hello hello",
  ];
  assert_eq!(lines, expected);
  let requests = site.server.requests_for("/app/x");
  let value = |index: usize, wanted: &str| {
    let mut headers = requests[index].headers.iter();
    headers
      .find(|(name, _)| name == wanted)
      .map(|(_, v)| v.clone())
  };
  assert_eq!(value(0, "cookie"), None);
  assert_eq!(value(1, "cookie").as_deref(), Some("a=1"));
  let referrer = site.server.url("/app/");
  assert_eq!(value(0, "referer"), Some(referrer));
  assert_eq!(value(0, "sec-fetch-mode").as_deref(), Some("cors"));
}

#[test]
fn every_kind_of_body_is_sent_and_sent_again_where_that_is_possible() {
  let site = Site::new();
  site.server.serve("/echo", Resource::echo());
  let again = Behaviour::Redirect("/echo".to_string(), 307);
  site
    .server
    .serve("/again", Resource::text("").script([again]));
  let lines = site.lines(
    "const stream = () => new ReadableStream({
      async start(controller) {
        for (const part of ['a', 'b', 'c']) {
          await new Promise((done) => setTimeout(done));
          controller.enqueue(new TextEncoder().encode(part));
        }
        controller.close();
      },
    });
    const post = (url, body, more) => async () =>
      (await fetch(url, { method: 'POST', body, ...more })).text();
    await say('text', post('/echo', 'text'));
    await say('bytes', post('/echo', new Uint8Array([65, 66])));
    await say('blob', post('/echo', new Blob(['bl', 'ob'])));
    await say('params', post('/echo', new URLSearchParams({ a: '1' })));
    await say('stream', post('/echo', stream(), { duplex: 'half' }));
    await say('undeclared stream', post('/echo', stream()));
    await say('text again', post('/again', 'text'));
    await say('blob again', post('/again', new Blob(['bl', 'ob'])));
    await say('stream again', post('/again', stream(), { duplex: 'half' }));
    await say('form', async () => {
      const form = new FormData();
      form.append('file', new File(['content'], 'a.txt'));
      return (await post('/echo', form)()).includes('content');
    });
    await say('failing stream', post('/echo', new ReadableStream({
      pull(controller) { controller.error(new Error('mine')); },
    }), { duplex: 'half' }));",
  );
  let expected = [
    "text: text",
    "bytes: AB",
    "blob: blob",
    "params: a=1",
    "stream: abc",
    "undeclared stream: TypeError",
    "text again: text",
    "blob again: blob",
    "stream again: TypeError",
    "form: true",
    "failing stream: TypeError",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn the_mode_decides_what_comes_from_another_origin() {
  let site = Site::new();
  let secret = Resource::text("secret");
  site.other.serve("/closed", secret);
  let open = Resource::text("open");
  let open = open.header("access-control-allow-origin", "*");
  site.other.serve("/open", open.header("x-own", "1"));
  let origin = site.server.origin();
  let preflight = Preflight::new()
    .allow_origin(&origin)
    .allow_methods("PUT")
    .allow_headers("x-mine");
  let asked = Resource::text("asked").preflight(preflight);
  let asked = asked.header("access-control-allow-origin", &origin);
  site.other.serve("/asked", asked);
  let own = Resource::text("own");
  let own = own.header("cross-origin-resource-policy", "same-site");
  site.other.serve("/own", own);
  let lines = site.lines(
    "const other = (path, options) => async () => {
      const r = await fetch('@OTHER@' + path, options);
      return [r.type, r.status, r.url === '', (await r.text()).length, r.headers.get('x-own')];
    };
    await say('closed', other('/closed'));
    await say('open', other('/open'));
    await say('asked', other('/asked', { method: 'PUT', headers: { 'x-mine': '1' } }));
    await say('refused', other('/open', { method: 'PUT' }));
    await say('no-cors', other('/closed', { mode: 'no-cors' }));
    await say('no-cors and PUT', other('/closed', { mode: 'no-cors', method: 'PUT' }));
    await say('of the site', other('/own', { mode: 'no-cors' }));
    await say('same-origin', other('/open', { mode: 'same-origin' }));",
  );
  let expected = [
    "closed: TypeError",
    "open: cors 200 false 4 null",
    "asked: cors 200 false 5 null",
    "refused: TypeError",
    "no-cors: opaque 0 true 0 null",
    "no-cors and PUT: TypeError",
    "of the site: opaque 0 true 0 null",
    "same-origin: TypeError",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn data_and_blob_urls_are_read_and_others_are_refused() {
  let site = Site::new();
  let lines = site.lines(
    "const read = (url) => async () => {
      const r = await fetch(url);
      return [r.status, r.type, r.headers.get('content-type'), await r.text()];
    };
    await say('data', read('data:text/plain;base64,aGVsbG8='));
    const url = URL.createObjectURL(new Blob(['blob'], { type: 'text/x' }));
    await say('blob', read(url));
    URL.revokeObjectURL(url);
    await say('revoked', read(url));
    await say('about', read('about:blank'));
    await say('file', read('file:///etc/hostname'));
    await say('credentials', read('http://a:b@127.0.0.1/'));
    await say('port', read('http://127.0.0.1:1/'));
    await say('nothing', () => fetch());
    await say('cache', () => fetch('/', { cache: 'only-if-cached', mode: 'same-origin' }));",
  );
  let expected = [
    "data: 200 basic text/plain hello",
    "blob: 200 basic text/x blob",
    "revoked: TypeError",
    "about: TypeError",
    "file: TypeError",
    "credentials: TypeError",
    "port: TypeError",
    "nothing: TypeError",
    "cache: TypeError",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn a_range_of_a_blob_url_is_a_part_of_the_blob() {
  let site = Site::new();
  let lines = site.lines(
    "const url = URL.createObjectURL(new Blob(['0123456789'], { type: 'text/x' }));
    const range = (value) => async () => {
      const r = await fetch(url, { headers: { Range: value } });
      return [r.status, r.headers.get('content-range'), await r.text()];
    };
    await say('middle', range('bytes=2-4'));
    await say('rest', range('bytes = 8 -'));
    await say('last', range('bytes=-3'));
    await say('all of it', range('bytes=-99'));
    await say('too far', range('bytes=7-99'));
    await say('beyond', range('bytes=10-'));
    await say('backwards', range('bytes=4-2'));
    await say('nothing', range('bytes=-'));
    await say('none of it', range('bytes=-0'));
    await say('two', range('bytes=0-1,3-4'));",
  );
  let expected = [
    "middle: 206 bytes 2-4/10 234",
    "rest: 206 bytes 8-9/10 89",
    "last: 206 bytes 7-9/10 789",
    "all of it: 206 bytes 0-9/10 0123456789",
    "too far: 206 bytes 7-9/10 789",
    "beyond: TypeError",
    "backwards: TypeError",
    "nothing: TypeError",
    "none of it: TypeError",
    "two: TypeError",
  ];
  assert_eq!(lines, expected);
}

/// <https://fetch.spec.whatwg.org/#body-mixin>
#[test]
fn a_body_as_a_blob_and_as_form_data() {
  let site = Site::new();
  let lines = site.lines(
    r#"const type = { 'content-type': 'Text/HTML;charset=GBK, text/html' };
    const make = {
      Response: (body, headers) => new Response(body, { headers }),
      Request: (body, headers) => new Request('/', { method: 'POST', body, headers }),
    };
    const multipart = { 'content-type': 'multipart/form-data; boundary=Ab' };
    const part = 'begin\r\n--Ab\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--Ab';
    for (const name of ['Response', 'Request']) {
      const formData = async (body, headers = multipart) =>
        [...await make[name](body, headers).formData()].flat();
      await say(name, async () => (await make[name]('x', type).blob()).type);
      await say('whole', () => formData(part + '--\r\nend'));
      await say('nothing', () => formData('--Ab--'));
      await say('no end', () => formData(part + '-x'));
      await say('cut', () => formData(part + '\r\n'));
      await say('in a line', () => formData(part + ' --Ab--'));
      await say('encoded', () => formData('a=b', { 'content-type': 'application/x-www-form-urlencoded' }));
      await say('text', () => formData('a=b', { 'content-type': 'text/plain' }));
      await say('foreign', () => globalThis[name].prototype.formData.call({}));
      await say('foreign', () => globalThis[name].prototype.blob.call({}));
      await say('used', async () => {
        const object = make[name]('--Ab--', multipart);
        await object.formData();
        return await object.formData();
      });
    }"#,
  );
  let both = ["Response", "Request"].map(|name| {
    let lines = [
      ": text/html;charset=GBK\nwhole: a x\nnothing:\nno end: TypeError",
      "cut: TypeError\nin a line: TypeError\nencoded: a b\ntext: TypeError",
      "foreign: TypeError\nforeign: TypeError\nused: TypeError",
    ];
    format!("{name}{}", lines.join("\n"))
  });
  assert_eq!(lines.join("\n"), both.join("\n"));
}

#[test]
fn a_response_that_a_script_makes_has_no_set_cookie() {
  let site = Site::new();
  let lines = site.lines(
    "const headers = () =>
      new Response(null, { headers: [['Set-Cookie', 'a=1'], ['X-A', '1']] }).headers;
    await say('made with', async () => [...headers()].join());
    await say('changed', async () => {
      const h = headers();
      h.append('set-cookie2', 'b'); h.set('SET-COOKIE', 'c'); h.delete('set-cookie');
      return [...h].join();
    });
    await say('not a value', async () => headers().append('set-cookie', 'a\\nb'));
    await say('others', async () => new Headers({ 'set-cookie': 'a' }).get('set-cookie'));",
  );
  let expected = [
    "made with: x-a,1",
    "changed: x-a,1",
    "not a value: TypeError",
    "others: a",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn redirects_follow_the_mode_and_integrity_is_checked_first() {
  let site = Site::new();
  site.server.serve("/x", Resource::text("hello"));
  let there = Behaviour::Redirect("/x".to_string(), 302);
  site.server.serve("/r", Resource::text("").script([there]));
  let lines = site.lines(
    "const get = (redirect) => async () => {
      const r = await fetch('/r', { redirect });
      return [r.type, r.status, r.redirected];
    };
    await say('follow', get('follow'));
    await say('manual', get('manual'));
    await say('error', get('error'));
    const sha = 'sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=';
    await say('right', async () => (await fetch('/x', { integrity: sha })).text());
    await say('wrong', () => fetch('/r', { integrity: sha.replace('L', 'M') }));",
  );
  let expected = [
    "follow: basic 200 true",
    "manual: opaqueredirect 0 false",
    "error: TypeError",
    "right: hello",
    "wrong: TypeError",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn an_abort_ends_a_fetch_before_it_in_the_head_and_in_the_body() {
  let site = Site::new();
  site.server.serve("/x", Resource::text("x"));
  let held = Resource::text("held").script([Behaviour::Hold]);
  site.server.serve("/held", held);
  let stalled = Resource::bytes(100_000, 1);
  let stalled = stalled.script([Behaviour::StallAfter(50_000)]);
  site.server.serve("/stalled", stalled);
  let lines = site.lines(
    "const mine = Object.assign(new Error('mine'), { name: 'Mine' });
    await say('before', () => fetch('/x', { signal: AbortSignal.abort() }));
    await say('reason', () => fetch('/x', { signal: AbortSignal.abort(mine) }));
    await say('timeout', () => fetch('/held', { signal: AbortSignal.timeout(1) }));
    await say('head', () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(mine), 50);
      return fetch('/held', { signal: controller.signal });
    });
    await say('body', async () => {
      const controller = new AbortController();
      const response = await fetch('/stalled', { signal: controller.signal });
      const text = response.text();
      controller.abort(mine);
      return text;
    });
    await say('reader', async () => {
      const controller = new AbortController();
      const response = await fetch('/stalled', { signal: controller.signal });
      const reader = response.body.getReader();
      await reader.read();
      controller.abort();
      while (!(await reader.read()).done);
    });
    await say('request body', () => {
      const controller = new AbortController();
      const body = new ReadableStream({
        start: (c) => c.enqueue(new Uint8Array(1)),
        cancel: (reason) => console.log('cancelled'),
      });
      setTimeout(() => controller.abort(), 50);
      return fetch('/held', { method: 'POST', duplex: 'half', body, signal: controller.signal });
    });
    // It is not read, and holds up nothing.
    await fetch('/stalled');",
  );
  let expected = [
    "before: AbortError",
    "reason: Mine",
    "timeout: TimeoutError",
    "head: Mine",
    "body: Mine",
    "reader: AbortError",
    "request body: AbortError",
    "cancelled",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn the_headers_of_a_request_keep_to_their_guard() {
  let site = Site::new();
  let lines = site.lines(
    "const list = (headers) => [...headers].map((h) => h.join('=')).join('&');
    const headers = { accept: 'a/b', range: 'bytes=0-', host: 'x', own: '1' };
    await say('cors', () => list(new Request('/', { headers }).headers));
    const noCors = new Request('/', { headers, mode: 'no-cors' });
    await say('no-cors', () => list(noCors.headers));
    noCors.headers.set('own', '1');
    noCors.headers.append('accept', 'x'.repeat(200));
    noCors.headers.set('content-type', 'text/plain');
    await say('set', () => list(noCors.headers));
    noCors.headers.delete('accept');
    await say('deleted', () => list(noCors.headers));
    await say('invalid', () => noCors.headers.append('a b', ''));
    await say('free', () => list(new Headers(headers)));",
  );
  let expected = [
    "cors: accept=a/b&own=1&range=bytes=0-",
    "no-cors: accept=a/b",
    "set: accept=a/b&content-type=text/plain",
    "deleted: content-type=text/plain",
    "invalid: TypeError",
    "free: accept=a/b&host=x&own=1&range=bytes=0-",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn a_variable_may_have_the_name_of_what_is_replaceable() {
  let site = Site::new();
  let lines = site.lines(
    "await say('before', () => typeof origin);
    globalThis.origin = 1;
    await say('after', () => origin);",
  );
  assert_eq!(lines, ["before: string", "after: 1"]);
}

#[test]
fn the_integrity_of_what_is_opaque_cannot_be_verified() {
  let site = Site::new();
  site.other.serve("/x", Resource::text("x"));
  let integrity = "sha256-LXEWQrcmsEQBYnyp++6wy9cH83dfmKqldrLWq4QUl4E=";
  let script = format!(
    "await say('opaque', () => fetch('@OTHER@/x', \
     {{ mode: 'no-cors', integrity: '{integrity}' }}));"
  );
  assert_eq!(site.lines(&script), ["opaque: TypeError"]);
}

#[test]
fn a_body_is_read_as_fast_as_the_script_wants_it() {
  let site = Site::new();
  site.server.serve("/big", Resource::bytes(64 << 20, 1));
  let lines = site.lines(
    "const reader = (await fetch('/big')).body.getReader();
    let length = (await reader.read()).value.byteLength;
    await new Promise((done) => setTimeout(done, 300));
    console.log('read', length <= 65536);
    await reader.cancel();",
  );
  assert_eq!(lines, ["read true"]);
  // What the sockets and the channels between hold is all that came.
  let sent = site.server.requests_for("/big")[0].sent;
  assert!(sent < 32 << 20, "{sent}");
}

#[test]
fn a_request_with_keepalive_outlives_its_script() {
  let site = Site::new();
  site.server.serve("/beacon", Resource::echo());
  let lines = site.lines(
    "fetch('/beacon', { method: 'POST', body: 'bye', keepalive: true });
    await say('large', () => fetch('/beacon', {
      method: 'POST', body: 'x'.repeat(65536), keepalive: true,
    }));",
  );
  assert_eq!(lines, ["large: TypeError"]);
  let beacons = site.server.requests_for("/beacon");
  assert_eq!(beacons.len(), 1);
  assert_eq!(beacons[0].body_length, 3);
}
