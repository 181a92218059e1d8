//! Service workers that have changed the objects which everything inherits
//! from.

use crate::browser::site::Site;

const CHANGES: &[&str] = &[
  "Array.prototype[Symbol.iterator] = () => { throw new Error('iterated'); };",
  "Object.getPrototypeOf([].values()).next = () => { throw new Error('next'); };",
  "try { Function.prototype.call = () => { throw new Error('call'); }; } catch {}
   Function.prototype.apply = () => { throw new Error('apply'); };",
  "for (const name of Reflect.ownKeys(String.prototype)) {
     if (name === 'concat' || name === 'length') continue;
     Object.defineProperty(String.prototype, name,
       { get() { throw 'string'; } });
   }",
  "for (const name of Reflect.ownKeys(RegExp.prototype)) {
     Object.defineProperty(RegExp.prototype, name,
       { get() { throw new Error('regexp'); } });
   }",
  "for (const { prototype } of [Map, Set, WeakMap, WeakSet]) {
     for (const name of Reflect.ownKeys(prototype)) {
       Object.defineProperty(prototype, name,
         { get() { throw new Error('map'); } });
     }
   }",
];

const PAGE: &str = "
  await navigator.serviceWorker.register('sw.js');
  const { active, backgroundFetch } = await navigator.serviceWorker.ready;
  active.postMessage({ list: [1, 'two'] });
  await backgroundFetch.fetch('x', '/x');";

#[test]
fn a_service_worker_gets_its_events_whatever_it_has_changed() {
  for change in CHANGES {
    let site = Site::new();
    site.server.serve("/x", support::Resource::text("x"));
    let worker = format!(
      "const {{ log }} = console;
      for (const name of ['install', 'activate', 'message', 'backgroundfetchsuccess']) {{
        addEventListener(name, () => log(name));
      }}
      {change}"
    );
    let mut lines = site.lines_with(PAGE, &worker);
    lines.sort();
    let expected = ["activate", "backgroundfetchsuccess", "install", "message"];
    assert_eq!(lines, expected, "{change}");
  }
}
