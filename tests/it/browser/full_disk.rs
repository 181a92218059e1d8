//! Disks that are full.

use crate::browser::site::Site;
use support::SmallDisk;

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
