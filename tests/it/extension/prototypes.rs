//! Scripts that have changed the objects which everything inherits from.

use background_fetch::engine::RealmKind;

use crate::extension::harness::run;
use support::FaultServer;
use support::Resource;

/// What no event may be lost by.
const CHANGES: &[&str] = &[
  "Object.prototype.then = () => {};",
  "throwing(Object.prototype, 'then');",
  "throwing(Object.prototype, 'composed', 'bubbles', 'cancelable', 'detail');",
  "throwing(Object.prototype, 'relatedTarget', 'nodeType', 'handleEvent');",
  "throwing(Object.prototype, 'signal', 'capture', 'once', 'passive');",
  "throwing(Object.prototype, 'registration', 'data', 'origin', 'ports');",
  "throwing(Object.prototype, 'message', 'error', 'reason', 'promise');",
  "throwing(Object.prototype, 'kind', 'key', 'rid', 'strong', 'weak');",
  "throwing(Object.prototype, 'toString', Symbol.toStringTag);",
  "Object.defineProperty(Object.prototype, '__proto__', { get() { throw 1; } });",
  "throwing(Array.prototype, 'constructor', Symbol.iterator, 'map', 'push');",
  "Object.defineProperty(Array.prototype, 'constructor', { value: {
     [Symbol.species]: function () { throw new Error('species'); } } });",
  "throwing(Map.prototype, 'get', 'set'); throwing(Set.prototype, 'has');",
  "throwing(Promise.prototype, 'then', 'catch', 'finally');",
  "throwing(EventTarget.prototype, 'dispatchEvent', 'removeEventListener');",
  "throwing(Event.prototype, 'type', 'target', 'eventPhase', 'cancelBubble',
     'bubbles', 'defaultPrevented', 'currentTarget');",
  "throwing(Array.prototype, 0, 1, 2, 3);",
  "throwing(Object.prototype, 0, 1, 2, 3);",
  "throwing(Function.prototype, 'apply', 'bind', 'name', 'length');",
  "try { throwing(Function.prototype, 'call'); } catch {}",
  "Reflect.ownKeys(String.prototype).filter((name) => !['concat', 'length'].includes(name)).forEach((name) =>
     Object.defineProperty(String.prototype, name, { get() { throw 1; } }));",
  "[Number, Boolean, Symbol, BigInt, Error, Date, RegExp, ArrayBuffer].forEach(
     ({ prototype }) => throwing(prototype, ...Reflect.ownKeys(prototype)));",
  "throwing(WeakRef.prototype, 'deref');
   throwing(Uint8Array.prototype, 'constructor');",
  "dispatchEvent = queueMicrotask = Promise = Object = Event = null;",
  "Object.setPrototypeOf(globalThis, null);",
  "[Object, Array, Promise, Event, Error].forEach(
     ({ prototype }) => Object.freeze(prototype));",
];

#[test]
fn no_event_is_lost_whatever_a_script_has_changed() {
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
  for change in CHANGES {
    let script = format!(
      r#"
      const throwing = (object, ...names) => names.forEach((name) =>
        Object.defineProperty(object, name, {{
          __proto__: null,
          configurable: true,
          get() {{ throw new Error(`it was asked for ${{String(name)}}`); }},
          set() {{}},
        }}));
      const {{ log }} = console;
      addEventListener("backgroundfetchsuccess", () => log("success"));
      const reject = (error) => log(`rejected: ${{error}}`);
      const {{ backgroundFetch }} = registration;
      const fetched = backgroundFetch.fetch("x", "/x");
      fetched.catch(reject);
      {change}
      "#
    );
    let ended = run(RealmKind::ServiceWorker, &server.url("/sw.js"), &script);
    // With a `then` that throws, the promise is rejected, as in a browser.
    let lines = ended.lines.iter().filter(|line| !line.contains("'then'"));
    let lines: Vec<_> =
      lines.filter(|line| !line.contains("for then")).collect();
    assert_eq!(lines, ["success"], "{change}: {ended:?}");
  }
}

#[test]
fn what_the_engine_works_with_stays_what_it_is() {
  let ended = run(
    RealmKind::Window,
    "https://app.test/",
    r#"
    const refused = (f) => {
      try { f(); console.log("changed"); } catch (e) { console.log(e.name); }
    };
    refused(() => Object.defineProperty(Promise, Symbol.species, { value: 1 }));
    refused(() => {
      "use strict";
      Promise.prototype.constructor = 1;
    });
    refused(() => Object.defineProperty(Function.prototype, "call", { value: 1 }));
    refused(() => {
      "use strict";
      Function.prototype.call = 1;
    });
    refused(() => Object.defineProperty(String.prototype, "concat", { value: 1 }));
    const callable = () => {};
    callable.call = () => "own";
    console.log(callable.call(), Math.max.call(null, 1, 2), (class { static call = 3 }).call);
    class Mine extends Promise {}
    const mine = Mine.resolve().then(() => {});
    const other = Promise.resolve();
    other.constructor = Mine;
    console.log(mine instanceof Mine, mine.constructor === Mine,
      other.constructor === Mine, other.then() instanceof Mine);
    "#,
  );
  assert_eq!(
    ended.lines,
    [
      "TypeError",
      "TypeError",
      "TypeError",
      "TypeError",
      "TypeError",
      "own 2 3",
      "true true true true"
    ]
  );
  assert_eq!(ended.errors, [""; 0]);
}
