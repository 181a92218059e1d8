//! What `navigator` tells, and what hangs on it.

use crate::browser::site::Site;
use support::Resource;

#[test]
fn the_machine_and_the_context_are_told_as_they_are() {
  let site = Site::new();
  let lines = site.lines_with(
    "console.log(navigator.onLine, isSecureContext, crossOriginIsolated);
    console.log(navigator.hardwareConcurrency >= 1, navigator.language === navigator.languages[0], Object.isFrozen(navigator.languages), navigator.platform.length > 0);
    console.log(Object.keys(Object.getOwnPropertyDescriptors(navigator)).length);
    await say('brand', () => Object.getOwnPropertyDescriptor(Object.getPrototypeOf(navigator), 'onLine').get.call({}));
    await say('beacon', async () => navigator.sendBeacon('/beacon', 'bye'));",
    "",
  );
  let expected = [
    "true true false",
    "true true true true",
    "0",
    "brand: TypeError",
    "beacon: true",
  ];
  assert_eq!(lines, expected);
  assert_eq!(site.server.requests_for("/beacon")[0].body_length, 3);
}

/// <https://webidl.spec.whatwg.org/#SecureContext>
#[test]
fn a_context_that_is_not_secure_lacks_what_is_for_secure_ones() {
  let site = Site::new();
  let script = "
    const globals = ['caches', 'Cache', 'CacheStorage', 'Lock', 'LockManager', 'StorageManager', 'CryptoKey', 'SubtleCrypto'];
    console.log(isSecureContext, 'fetch' in self, crypto.getRandomValues(new Uint8Array(1)).length);
    console.log(globals.filter((name) => name in self).length);
    console.log('locks' in navigator, 'storage' in navigator);
    console.log('subtle' in crypto, 'randomUUID' in crypto);";
  let page = site.place.write("page.js", script);
  let lines = |base: &str| {
    let arguments = ["--policy", "browser", "--quiet", "--base", base, &page];
    let ended = site.place.start("run", &arguments).ended();
    ended.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
  };
  let secure = ["true true 1", "8", "true true", "true true"];
  assert_eq!(lines("http://127.0.0.1:1/app/"), secure);
  assert_eq!(lines("https://name.test/app/"), secure);
  let insecure = ["false true 1", "0", "false false", "false false"];
  assert_eq!(lines("http://name.test/app/"), insecure);
}

/// A name is a DOMString, and the engine's text has no lone surrogates.
#[test]
fn names_that_are_no_text_are_told_apart() {
  let site = Site::new();
  let lines = site.lines_with(
    "const [one, other] = ['\\ud800', '\\udc00'];
    await say('locks', () => navigator.locks.request(one, (lock) =>
      navigator.locks.request(other, { ifAvailable: true }, async (second) => {
        const { held } = await navigator.locks.query();
        return [lock.name === one, second?.name === other, held.some(({ name }) => name === one)];
      })));
    await say('storage', () => {
      localStorage.setItem(one, other);
      localStorage.setItem(other, one);
      return [localStorage.length, localStorage.getItem(one) === other, Object.keys(localStorage).includes(other)];
    });
    await say('channels', () => new Promise((done) => {
      const [listener, stranger, sender] = [one, other, one].map((name) => new BroadcastChannel(name));
      stranger.onmessage = () => done('another name');
      listener.onmessage = ({ data }) => done([data, listener.name === one]);
      sender.postMessage('heard');
    }));",
    "",
  );
  let expected = [
    "locks: true true true",
    "storage: 2 true true",
    "channels: heard true",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn a_permission_is_queried_by_its_name() {
  let site = Site::new();
  let lines = site.lines(
    "const query = (name) => async () => {
      const status = await navigator.permissions.query({ name });
      return [status instanceof PermissionStatus, status.name, status.state, status.onchange];
    };
    await say('fetch', query('background-fetch'));
    await say('notifications', query('notifications'));
    await say('storage', query('persistent-storage'));
    await say('not here', query('geolocation'));
    await say('unknown', query('no-such-thing'));
    await say('nothing', () => navigator.permissions.query());
    await say('text', () => navigator.permissions.query('notifications'));
    await say('notification', async () => [Notification.permission, await Notification.requestPermission()]);",
  );
  let expected = [
    "fetch: true background-fetch granted null",
    "notifications: true notifications granted null",
    "storage: true persistent-storage granted null",
    "not here: true geolocation denied null",
    "unknown: TypeError",
    "nothing: TypeError",
    "text: TypeError",
    "notification: granted granted",
  ];
  assert_eq!(lines, expected);
}

#[test]
fn the_storage_estimate_counts_what_is_stored() {
  let site = Site::new();
  let lines = site.lines(
    "const before = await navigator.storage.estimate();
    console.log(before.usage, before.quota > 1e6, await navigator.storage.persisted(), await navigator.storage.persist());
    const cache = await caches.open('v1');
    await cache.put('/x', new Response('x'.repeat(1000)));
    await cache.put('/y', new Response('y'.repeat(200000)));
    const usage = async () => (await navigator.storage.estimate()).usage;
    console.log(await usage());
    await cache.put('/y', new Response('y'));
    console.log(await usage());
    await caches.delete('v1');
    console.log(await usage());",
  );
  assert_eq!(lines[0], "0 true true true");
  assert_eq!(lines[1..3], ["201000", "1001"]);
  // The cache is in use still.
  assert_eq!(lines[3], "1001");
  let again = "console.log((await navigator.storage.estimate()).usage);";
  assert_eq!(site.lines(again), ["0"]);
}

#[test]
fn crypto_is_there_and_too_many_keys_end_no_process() {
  let site = Site::new();
  let lines = site.lines(
    "const text = (s) => new TextEncoder().encode(s);
    const hex = (b) => Array.from(new Uint8Array(b).slice(0, 4), (x) => x.toString(16).padStart(2, '0')).join('');
    await say('digest', async () => hex(await crypto.subtle.digest('SHA-256', text('hello'))));
    await say('uuid', () => /^[0-9a-f-]{36}$/.test(crypto.randomUUID()));
    await say('random', () => new Set(crypto.getRandomValues(new Uint8Array(64))).size > 16);
    await say('too much', () => crypto.getRandomValues(new Uint8Array(65537)));
    await say('wrong type', () => crypto.getRandomValues(new Float32Array(1)));
    await say('unknown', () => crypto.subtle.digest('NOPE', text('')));
    const key = () => crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt', 'decrypt']);
    await say('cipher', async () => {
      const k = await key();
      const how = { name: 'AES-GCM', iv: new Uint8Array(12) };
      const sealed = await crypto.subtle.encrypt(how, k, text('secret'));
      return new TextDecoder().decode(await crypto.subtle.decrypt(how, k, sealed));
    });
    await say('bad key', () => crypto.subtle.importKey('raw', new Uint8Array(3), 'AES-GCM', false, ['encrypt']));
    let made = 0;
    try { for (; made < 13000; made++) await key(); } catch (error) { console.log(error.name); }
    console.log(crypto instanceof Crypto, made > 3000);",
  );
  let expected = [
    "digest: 2cf24dba",
    "uuid: true",
    "random: true",
    "too much: QuotaExceededError",
    "wrong type: TypeMismatchError",
    "unknown: NotSupportedError",
    "cipher: secret",
    "bad key: DataError",
  ];
  assert_eq!(lines[..8], expected);
  // Another engine may make any number.
  let ends = ["OperationError\ntrue true", "true true"];
  assert!(ends.contains(&lines[8..].join("\n").as_str()), "{lines:#?}");
}

#[test]
fn a_realm_with_all_the_keys_that_it_can_have_still_works() {
  let site = Site::new();
  site.place.write(
    "late.js",
    "export const url = import.meta.resolve('./x.js').split('/').at(-1);",
  );
  // The row comes first: nothing else has made the engine go round.
  let lines = site.lines(
    "let made = 0;
    try {
      for (; made < 13000; made++) {
        await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']);
      }
    } catch {}
    console.log(made >= 4000);
    console.log((await import('./late.js')).url);",
  );
  assert_eq!(lines, ["true", "x.js"]);
}

#[test]
fn a_key_can_be_cloned_and_its_bytes_are_not_seen() {
  let site = Site::new();
  let lines = site.lines_with(
    "const key = await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt', 'decrypt']);
    const how = { name: 'AES-GCM', iv: new Uint8Array(12) };
    const sealed = await crypto.subtle.encrypt(how, key, new TextEncoder().encode('secret'));
    const copy = structuredClone({ key }).key;
    console.log(copy !== key, copy instanceof CryptoKey, copy.type, copy.extractable, copy.algorithm.name, copy.usages.join());
    console.log(new TextDecoder().decode(await crypto.subtle.decrypt(how, copy, sealed)));
    await say('not extractable', () => crypto.subtle.exportKey('raw', copy));
    const { publicKey, privateKey } = structuredClone(await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']));
    const ecdsa = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = await crypto.subtle.sign(ecdsa, privateKey, sealed);
    console.log(await crypto.subtle.verify(ecdsa, publicKey, signature, sealed));
    // That of an interface, which says nothing.
    for (const made of [key, copy, privateKey]) {
      console.log(Object.getOwnPropertySymbols(made).every((symbol) => typeof made[symbol] === 'symbol'));
    }
    for (const owner of [Crypto, CryptoKey, SubtleCrypto]) {
      console.log(Object.getOwnPropertyNames(owner).filter((name) => !['supports', 'toString'].includes(name)).sort().join());
    }
    await navigator.serviceWorker.register('sw.js');
    const { active } = await navigator.serviceWorker.ready;
    const { port1, port2 } = new MessageChannel();
    const answered = new Promise((done) => { port1.onmessage = done; });
    active.postMessage({ key, sealed, how, port2 }, [port2]);
    console.log((await answered).data);
    port1.close();",
    "addEventListener('message', async ({ data: { key, sealed, how, port2 } }) => {
      port2.postMessage(new TextDecoder().decode(await crypto.subtle.decrypt(how, key, sealed)));
      port2.close();
    });",
  );
  assert_eq!(
    lines,
    [
      "true true secret false AES-GCM encrypt,decrypt",
      "secret",
      "not extractable: InvalidAccessError",
      "true",
      "true",
      "true",
      "true",
      "length,name,prototype",
      "length,name,prototype",
      "length,name,prototype",
      "secret",
    ]
  );
}

#[test]
fn a_key_that_cannot_be_made_ends_no_process() {
  for change in [
    "Object.freeze = null;",
    "Object = null;",
    "Object.defineProperty(Array.prototype, 0, { set() { throw 1; } });",
    "Object.defineProperty(Object.prototype, 'keyData', { set() { throw 1; } });",
  ] {
    let site = Site::new();
    let lines = site.lines(&format!(
      "const key = () => crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', false, ['encrypt']);
      const {{ log }} = console;
      const kept = await key();
      {change}
      await key().catch((error) => log(error.name));
      try {{ structuredClone(kept); }} catch (error) {{ log(error.name); }}"
    ));
    assert_eq!(lines, ["OperationError", "OperationError"], "{change}");
  }
}

#[test]
fn locks_are_held_one_after_the_other_in_every_realm_of_the_origin() {
  let site = Site::new();
  let lines = site.lines_with(
    "const { locks } = navigator;
    const pause = (ms) => new Promise((done) => setTimeout(done, ms));
    const first = locks.request('a', async (lock) => {
      console.log(lock.name, lock.mode, lock instanceof Lock);
      await pause(30);
      return 'result';
    });
    const second = locks.request('a', () => console.log('second'));
    await say('busy', () => locks.request('a', { ifAvailable: true }, (lock) => String(lock)));
    await say('query', async () => {
      const { held, pending } = await locks.query();
      return [held.length, held[0].name, pending.length, held[0].hasOwnProperty('mode')];
    });
    await say('first', () => first);
    await second;
    await say('thrown', () => locks.request('a', () => { throw new RangeError(); }));
    await say('shared', () => locks.request('s', { mode: 'shared' }, () => locks.request('s', { mode: 'shared' }, () => 'both')));
    await say('stolen', () => locks.request('a', async () => {
      await locks.request('a', { steal: true }, () => console.log('thief'));
      await pause(1000);
    }));
    await say('aborted', () => locks.request('a', () => locks.request('a', { signal: AbortSignal.timeout(20) }, () => {})));
    await say('aborted at once', () => {
      const controller = new AbortController();
      const requested = locks.request('b', { signal: controller.signal }, () => 'held');
      controller.abort();
      return requested;
    });
    await say('free again', async () => {
      await locks.request('b', () => {});
      return locks.request('b', { ifAvailable: true }, (lock) => lock.name);
    });
    await say('name', () => locks.request('-x', () => {}));
    await say('no callback', () => locks.request('x', {}));
    const worker = new Worker(URL.createObjectURL(new Blob([`
      navigator.locks.request('w', () => new Promise(() => postMessage('held')));`])));
    await new Promise((done) => worker.onmessage = done);
    await say('elsewhere', () => locks.request('w', { ifAvailable: true }, (lock) => String(lock)));
    worker.terminate();
    await say('let go', () => locks.request('w', (lock) => lock.name));",
    "",
  );
  let expected = [
    "a exclusive true",
    "busy: null",
    "query: 1 a 1 true",
    "second",
    "first: result",
    "thrown: RangeError",
    "shared: both",
    "thief",
    "stolen: AbortError",
    "aborted: TimeoutError",
    "aborted at once: AbortError",
    "free again: b",
    "name: NotSupportedError",
    "no callback: TypeError",
    "elsewhere: null",
    "let go: w",
  ];
  let mut lines = lines;
  let mut expected = expected.to_vec();
  lines.sort();
  expected.sort_unstable();
  assert_eq!(lines, expected);
}

#[test]
fn local_storage_is_kept_and_session_storage_is_not() {
  let site = Site::new();
  let page = "
    console.log(localStorage.getItem('n'), localStorage.length, sessionStorage.length);
    localStorage.setItem('n', Number(localStorage.getItem('n')) + 1);
    localStorage.name = 'value';
    sessionStorage.x = 1;
    console.log(localStorage.name, localStorage['n'], 'name' in localStorage, localStorage.no, Object.keys(localStorage).join(), localStorage.key(1), localStorage instanceof Storage);
    delete localStorage.name;
    localStorage.removeItem('no');
    await say('too much', async () => localStorage.setItem('big', 'x'.repeat(11 << 20)));
    console.log(localStorage.length, sessionStorage.getItem('x'));";
  let first = site.lines_with(page, "");
  let expected = [
    "null 0 0",
    "value 1 true undefined n,name name true",
    "too much: QuotaExceededError",
    "1 1",
  ];
  assert_eq!(first, expected);
  assert_eq!(site.lines_with(page, "")[0], "1 1 0");
  let clear = "localStorage.clear(); console.log(localStorage.length);";
  assert_eq!(site.lines_with(clear, ""), ["0"]);
}

#[test]
fn channels_of_one_name_hear_each_other_in_every_realm_of_the_origin() {
  let site = Site::new();
  site.server.serve("/x", Resource::text("x"));
  let lines = site.lines_with(
    "const channel = new BroadcastChannel('jobs');
    const other = new BroadcastChannel('other');
    const second = new BroadcastChannel('jobs');
    other.onmessage = () => console.log('never');
    channel.onmessage = (event) => {
      console.log('first', event.data.n, event.data.map.get(1), event.origin === origin, event.isTrusted);
      if (event.data.n === 2) channel.close();
    };
    second.addEventListener('message', (event) => console.log('second', event.data.n));
    channel.postMessage({ n: 1, map: new Map([[1, 'one']]) });
    await say('function', async () => channel.postMessage(() => {}));
    await navigator.serviceWorker.register('sw.js');
    const registration = await navigator.serviceWorker.ready;
    await registration.backgroundFetch.fetch('x', '/x');",
    "onbackgroundfetchsuccess = () => {
      const channel = new BroadcastChannel('jobs');
      channel.postMessage({ n: 2, map: new Map([[1, 'two']]) });
      channel.close();
      say('closed', async () => channel.postMessage(1));
    };",
  );
  let mut sorted = lines.clone();
  sorted.sort();
  let mut expected = [
    "function: DataCloneError",
    "second 1",
    "first 2 two true true",
    "second 2",
    "closed: InvalidStateError",
  ];
  expected.sort_unstable();
  assert_eq!(sorted, expected, "{lines:#?}");
}
