//! What `navigator` tells, and what hangs on it.

use crate::browser::site::Site;
use support::Resource;

#[test]
fn the_machine_and_the_context_are_told_as_they_are() {
  let site = Site::new();
  let lines = site.lines_with(
    "console.log(navigator.onLine, isSecureContext, crossOriginIsolated);
    console.log(navigator.hardwareConcurrency >= 1, navigator.language === navigator.languages[0], Object.isFrozen(navigator.languages));
    console.log(Object.keys(Object.getOwnPropertyDescriptors(navigator)).length);
    await say('brand', () => Object.getOwnPropertyDescriptor(Object.getPrototypeOf(navigator), 'onLine').get.call({}));
    await say('beacon', async () => navigator.sendBeacon('/beacon', 'bye'));",
    "",
  );
  let expected = [
    "true true false",
    "true true true",
    "0",
    "brand: TypeError",
    "beacon: true",
  ];
  assert_eq!(lines, expected);
  assert_eq!(site.server.requests_for("/beacon")[0].body_length, 3);
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
    await say('unknown', query('no-such-thing'));
    await say('nothing', () => navigator.permissions.query());
    await say('text', () => navigator.permissions.query('notifications'));
    await say('notification', async () => [Notification.permission, await Notification.requestPermission()]);",
  );
  let expected = [
    "fetch: true background-fetch granted null",
    "notifications: true notifications granted null",
    "storage: true persistent-storage granted null",
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
