//! Disks that are full.

use crate::browser::site::Site;
use support::Behaviour;
use support::Resource;
use support::SmallDisk;

#[test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
fn an_item_that_the_disk_cannot_take_is_refused_with_the_numbers() {
  let disk = SmallDisk::mount(6);
  let mut site = Site::new();
  site.place.store = disk.path().join("store").to_str().unwrap().to_string();
  let lines = site.lines_with(
    "const MIB = 1 << 20;
    const refused = (f) => {
      try {
        f();
      } catch (error) {
        const { quota, requested } = error;
        console.log(error instanceof QuotaExceededError, quota < requested, requested < 12 * MIB);
      }
    };
    localStorage.kept = 'kept';
    refused(() => { localStorage.big = 'x'.repeat(9 * MIB); });
    refused(() => { localStorage.big = 'x'.repeat(11 * MIB); });
    localStorage.second = 'second';
    console.log(Object.values(localStorage).sort().join());",
    "",
  );
  assert_eq!(lines, ["true true true", "true true true", "kept,second"]);
}

#[test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
fn a_full_disk_stands_in_the_way_of_no_abort() {
  let disk = SmallDisk::mount(6);
  let mut site = Site::new();
  site.place.store = disk.path().join("store").to_str().unwrap().to_string();
  let held = Resource::text("held").script([Behaviour::Hold]);
  site.server.serve("/held", held);
  let running = site.start(
    "const { backgroundFetch } = registration;
    addEventListener('backgroundfetchabort', () => console.log('event'));
    const fetched = await backgroundFetch.fetch('held', '/held');
    console.log('started');
    while ((await navigator.storage.estimate()).quota > 100000) {
      await new Promise((done) => setTimeout(done, 10));
    }
    await say('abort', () => fetched.abort());",
    None,
  );
  running.line(|line| line == "started");
  disk.fill();
  // It was aborted, which `bgfetch` counts as a failure.
  assert_eq!(running.ended().code(1).stdout, "abort: true\nevent\n");
}

#[test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
fn what_the_disk_cannot_take_is_refused_with_the_numbers() {
  let disk = SmallDisk::mount(6);
  let mut site = Site::new();
  site.place.store = disk.path().join("store").to_str().unwrap().to_string();
  let lines = site.lines_with(
    "const MIB = 1 << 20;
    const refused = async (name, f) => {
      try {
        await f();
      } catch (error) {
        const { quota, requested } = error;
        console.log(name, error instanceof QuotaExceededError, MIB < quota && quota < requested && requested < 7 * MIB);
      }
    };
    const parts = (count) => new Blob(Array(count).fill(new Uint8Array(MIB)));
    const cache = await caches.open('v1');
    await cache.put('kept', new Response(parts(1)));
    await refused('put', () => cache.put('big', new Response(parts(8).stream())));
    await navigator.serviceWorker.register('sw.js');
    const { backgroundFetch } = await navigator.serviceWorker.ready;
    const upload = new Request('upload', { method: 'POST', body: parts(8) });
    await refused('fetch', () => backgroundFetch.fetch('upload', upload));
    console.log((await backgroundFetch.getIds()).length, (await cache.keys()).length);
    console.log((await navigator.storage.estimate()).usage === MIB);",
    "",
  );
  assert_eq!(lines, ["put true true", "fetch true true", "0 1", "true"]);
}

#[test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
fn a_transaction_that_the_disk_cannot_take_is_aborted_with_the_numbers() {
  let disk = SmallDisk::mount(6);
  let mut site = Site::new();
  site.place.store = disk.path().join("store").to_str().unwrap().to_string();
  let lines = site.lines(
    "const MIB = 1 << 20;
    const request = indexedDB.open('d', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('s');
    await new Promise((done) => { request.onsuccess = done; });
    const db = request.result;
    const puts = (count, value) => new Promise((done) => {
      const transaction = db.transaction('s', 'readwrite');
      for (let i = 0; i < count; i++) transaction.objectStore('s').put(value(), i);
      transaction.oncomplete = () => done('complete');
      transaction.onabort = () => done(transaction.error);
    });
    console.log(await puts(2, () => 'kept'));
    for (const value of [() => new Uint8Array(8 * MIB), () => new Uint8Array(MIB / 4)]) {
      const { constructor, quota, requested } = await puts(40, value);
      console.log(constructor === QuotaExceededError, quota < requested, requested < 20 * MIB);
    }
    console.log(await puts(1, () => 'again'));
    const kept = db.transaction('s').objectStore('s').getAll();
    await new Promise((done) => { kept.onsuccess = done; });
    console.log(kept.result.join());",
  );
  let expected = [
    "complete",
    "true true true",
    "true true true",
    "complete",
    "again,kept",
  ];
  assert_eq!(lines, expected);
}
