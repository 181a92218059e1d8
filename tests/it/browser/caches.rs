//! The Cache API.

use crate::browser::site::Site;
use support::Behaviour;
use support::Resource;

#[test]
fn what_is_put_is_found_with_its_head_and_its_body() {
  let site = Site::new();
  let lines = site.lines(
    "const cache = await caches.open('v1');
    console.log(caches instanceof CacheStorage, cache instanceof Cache);
    await cache.put('a', new Response('text', { status: 201, statusText: 'Made', headers: { x: '1' } }));
    await say('text', async () => {
      const r = await cache.match('a');
      return [r.status, r.statusText, r.headers.get('x'), r.type, r.url === '', await r.text()];
    });
    await cache.put('null', new Response(null, { status: 204 }));
    await say('null', async () => (await cache.match('null')).body);
    await cache.put('stream', new Response(new Blob(['x'.repeat(300000)]).stream()));
    await say('stream', async () => (await (await cache.match('stream')).text()).length);
    await say('twice', async () => [
      await (await cache.match('a')).text(),
      await (await cache.match('a')).text(),
    ]);
    await cache.put('a', new Response('other'));
    await say('replaced', async () => [await (await cache.match('a')).text(), (await cache.keys()).length]);
    await say('deleted', async () => [await cache.delete('a'), await cache.delete('a'), await cache.match('a')]);",
  );
  let expected = [
    "true true",
    "text: 201 Made 1 default true text",
    "null: null",
    "stream: 300000",
    "twice: text text",
    "replaced: other 3",
    "deleted: true false undefined",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn every_option_of_a_query_counts() {
  let site = Site::new();
  let lines = site.lines(
    "const cache = await caches.open('v1');
    const get = async (r) => (r === undefined ? 'none' : r.text());
    const varied = (accept) => new Request('v', { headers: { accept } });
    await cache.put('a?1', new Response('a1'));
    await cache.put('a?2', new Response('a2'));
    for (const accept of ['x', 'y']) {
      await cache.put(varied(accept), new Response(accept, { headers: { vary: 'Accept' } }));
    }
    await say('search', async () => [await get(await cache.match('a')), await get(await cache.match('a', { ignoreSearch: true }))]);
    await say('all', async () => Promise.all((await cache.matchAll('a', { ignoreSearch: true })).map(get)));
    await say('vary', async () => [await get(await cache.match(varied('y'))), await get(await cache.match('v')), (await cache.matchAll('v', { ignoreVary: true })).length]);
    const post = new Request('a?1', { method: 'POST' });
    await say('method', async () => [await get(await cache.match(post)), await get(await cache.match(post, { ignoreMethod: true }))]);
    await say('fragment', async () => get(await cache.match('a?2#x')));
    await say('keys', async () => (await cache.keys()).map((r) => r.url.split('/').pop()));
    await say('some keys', async () => (await cache.keys(varied('x'))).map((r) => r.headers.get('accept')));
    await say('delete', async () => [await cache.delete('a'), await cache.delete('a', { ignoreSearch: true }), (await cache.keys()).length]);
    await say('everything', async () => (await cache.matchAll()).length);",
  );
  let expected = [
    "search: none a1",
    "all: a1 a2",
    "vary: y none 2",
    "method: none a1",
    "fragment: a2",
    "keys: a?1 a?2 v v",
    "some keys: x",
    "delete: false true 2",
    "everything: 2",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn what_cannot_be_cached_is_refused() {
  let site = Site::new();
  let lines = site.lines(
    "const cache = await caches.open('v1');
    const put = (request, response) => () => cache.put(request, response);
    const used = new Response('x');
    await used.text();
    await say('partial', put('x', new Response('', { status: 206 })));
    await say('varies', put('x', new Response('', { headers: { vary: 'a, *' } })));
    await say('post', put(new Request('x', { method: 'POST' }), new Response('')));
    await say('scheme', put('data:,x', new Response('')));
    await say('used', put('x', used));
    await say('no response', put('x', {}));
    await say('failing body', put('x', new Response(new ReadableStream({
      start: (c) => c.error(new Error('mine')),
    }))));
    await say('argument', () => cache.match());
    await say('left', async () => (await cache.keys()).length);",
  );
  let expected = [
    "partial: TypeError",
    "varies: TypeError",
    "post: TypeError",
    "scheme: TypeError",
    "used: TypeError",
    "no response: TypeError",
    "failing body: TypeError",
    "argument: TypeError",
    "left: 0",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn a_network_error_that_a_script_has_made_can_be_cached() {
  let site = Site::new();
  let lines = site.lines(
    "const cache = await caches.open('v1');
    await cache.put('x', Response.error());
    await say('found', async () => {
      const r = await cache.match('x');
      return [r.type, r.status, r.body];
    });",
  );
  assert_eq!(lines, ["found: error 0 null"]);
}

#[test]
fn what_a_script_may_not_see_of_an_opaque_response_refuses_nothing() {
  let site = Site::new();
  let varies = Resource::text("x").header("vary", "*");
  site.other.serve("/varies", varies);
  let lines = site.lines(
    "const cache = await caches.open('v1');
    const url = '@OTHER@/varies';
    await cache.put(url, await fetch(url, { mode: 'no-cors' }));
    await say('found', async () => (await cache.match(url)).type);",
  );
  assert_eq!(lines, ["found: opaque"]);
}

#[test]
fn an_aborted_fetch_ends_what_puts_its_response() {
  let site = Site::new();
  let stalls = Behaviour::StallAfter(2);
  site
    .server
    .serve("/stalls", Resource::text("hello").script([stalls]));
  let lines = site.lines(
    "const cache = await caches.open('v1');
    const controller = new AbortController();
    const { signal } = controller;
    const response = await fetch('/stalls', { signal });
    const put = cache.put('/stalls', response);
    controller.abort();
    await say('put', () => put);
    const again = new AbortController();
    const added = cache.add(new Request('/stalls', { signal: again.signal }));
    again.abort(new RangeError('mine'));
    await say('added', () => added);
    await say('left', async () => (await cache.keys()).length);",
  );
  assert_eq!(lines, ["put: AbortError", "added: RangeError", "left: 0"]);
}

#[test]
fn the_name_of_a_cache_is_any_string() {
  let site = Site::new();
  let lines = site.lines(
    "await caches.open('a\\ud800');
    await say('has', async () => [await caches.has('a\\ud800'), await caches.has('a\\ufffd')]);
    await say('keys', async () => (await caches.keys())[0] === 'a\\ud800');
    await say('deleted', () => caches.delete('a\\ud800'));",
  );
  assert_eq!(lines, ["has: true false", "keys: true", "deleted: true"]);
}

#[test]
fn all_that_is_added_is_there_or_none_of_it() {
  let site = Site::new();
  for path in ["/app/1", "/app/2", "/app/3"] {
    site.server.serve(path, Resource::text(path));
  }
  site.other.serve("/opaque", Resource::text("opaque"));
  let lines = site.lines(
    "const cache = await caches.open('v1');
    const urls = async () => (await cache.keys()).map((r) => r.url.split('/').pop());
    await say('refused', () => cache.addAll(['1', 'missing']));
    await say('none', urls);
    await say('opaque', () => cache.add(new Request('@OTHER@/opaque', { mode: 'no-cors' })));
    await say('twice', () => cache.addAll(['1', '1']));
    await say('post', () => cache.add(new Request('1', { method: 'POST' })));
    await cache.addAll(['1', new Request('2')]);
    await cache.add('3');
    await say('all', urls);
    await say('text', async () => (await cache.match('2')).text());
    const opaque = await fetch('@OTHER@/opaque', { mode: 'no-cors' });
    await cache.put('@OTHER@/opaque', opaque.clone());
    await say('opaque', async () => {
      const r = await cache.match('@OTHER@/opaque');
      return [r.type, r.status, (await r.text()).length];
    });",
  );
  let expected = [
    "refused: TypeError",
    "none:",
    "opaque: TypeError",
    "twice: InvalidStateError",
    "post: TypeError",
    "all: 1 2 3",
    "text: /app/2",
    "opaque: opaque 0 0",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn caches_come_and_go_and_those_of_another_origin_are_not_seen() {
  let site = Site::new();
  let script = "
    const one = await caches.open('one');
    const two = await caches.open('two');
    await one.put('x', new Response('1'));
    await two.put('x', new Response('2'));
    const text = async (options) => (await caches.match('x', options))?.text();
    await say('first', () => text());
    await say('second', () => text({ cacheName: 'two' }));
    await say('none', () => text({ cacheName: 'three' }));
    await say('has', async () => [await caches.has('one'), await caches.has('three')]);
    await say('keys', () => caches.keys());
    await say('deleted', async () => [await caches.delete('one'), await caches.delete('one')]);
    await say('still used', async () => (await one.match('x')).text());
    await say('new', async () => (await (await caches.open('one')).keys()).length);
    await say('keys', () => caches.keys());";
  let expected = [
    "first: 1",
    "second: 2",
    "none: undefined",
    "has: true false",
    "keys: one two",
    "deleted: true false",
    "still used: 1",
    "new: 0",
    "keys: two one",
  ];
  assert_eq!(site.lines(script), expected);
  let again = "await say('keys', () => caches.keys());
    await say('second', async () => (await caches.match('x')).text());";
  assert_eq!(site.lines(again), ["keys: two one", "second: 2"]);
  // Another server is another origin, with the same store.
  let other = Site {
    place: site.place,
    server: site.other,
    other: site.server,
  };
  assert_eq!(
    other.lines("await say('keys', () => caches.keys());"),
    ["keys:"]
  );
}

#[test]
fn a_body_is_read_to_its_end_though_it_was_deleted_meanwhile() {
  let site = Site::new();
  site.server.serve("/big", Resource::bytes(4 << 20, 1));
  let lines = site.lines(
    "const cache = await caches.open('v1');
    await cache.put('/big', await fetch('/big'));
    const response = await cache.match('/big');
    const reader = response.body.getReader();
    let { value } = await reader.read();
    let length = value.byteLength;
    await cache.delete('/big');
    await caches.delete('v1');
    for (let part; !(part = await reader.read()).done;) length += part.value.byteLength;
    console.log(length, await caches.match('/big'));",
  );
  assert_eq!(lines, ["4194304 undefined"]);
}

/// In bytes; the size of the peer's buffers, and of what a realm costs, is
/// far below it.
const LARGE: u64 = 512 << 20;

#[test]
fn a_record_of_any_size_goes_into_a_cache_with_constant_memory() {
  let site = Site::new();
  site.server.serve("/big", Resource::bytes(LARGE, 1));
  let running = site.start(
    "addEventListener('backgroundfetchsuccess', (event) => event.waitUntil((async () => {
      const cache = await caches.open('v1');
      for (const record of await event.registration.matchAll()) {
        await cache.put(record.request, await record.responseReady);
      }
      console.log('stored');
      let length = 0;
      const response = await cache.match('/big');
      for await (const part of response.body) length += part.byteLength;
      console.log(length);
      await new Promise((done) => addEventListener('backgroundfetchclick', done));
    })()));
    await registration.backgroundFetch.fetch('big', '/big');",
    None,
  );
  running.line(|line| line == "stored");
  running.line(|line| line == LARGE.to_string());
  let peak = running.peak_memory();
  assert!(peak < LARGE * 3 / 4, "{peak} bytes");
  running.kill();
}

#[test]
fn a_kill_while_a_body_is_put_leaves_the_earlier_one() {
  let site = Site::new();
  let stalled = Resource::bytes(8 << 20, 1);
  let stalled = stalled.script([Behaviour::StallAfter(6 << 20)]);
  site.server.serve("/x", stalled);
  let running = site.start(
    "const cache = await caches.open('v1');
    await cache.put('/x', new Response('before'));
    const response = await fetch('/x');
    const [seen, stored] = response.body.tee();
    const put = cache.put('/x', new Response(stored));
    let length = 0;
    for await (const part of seen) {
      length += part.byteLength;
      if (length >= 6 << 20) console.log('under way');
    }
    await put;",
    None,
  );
  running.line(|line| line == "under way");
  site.wait_for_a_body();
  running.kill();
  site.make_bodies_old();
  let again = "await say('x', async () => (await caches.match('/x')).text());";
  assert_eq!(site.lines(again), ["x: before"]);
  // What no row speaks of is gone.
  assert_eq!(site.bodies(), 0);
}
