//! The end of a page.

use background_fetch::engine::RealmKind;

use crate::extension::harness::run;

#[test]
fn a_window_gets_its_load_event_after_its_script() {
  let script = r#"
    addEventListener("load", ({ isTrusted, bubbles, target }) =>
      console.log("load", isTrusted, bubbles, target === globalThis));
    addEventListener("DOMContentLoaded", ({ bubbles }) => {
      console.log("DOMContentLoaded", bubbles);
      Promise.resolve().then(() => console.log("its microtask"));
    });
    globalThis.onload = () => console.log("onload");
    Promise.resolve().then(() => console.log("microtask"));
    console.log("script");
  "#;
  let url = "https://app.test/";
  assert_eq!(
    run(RealmKind::Window, url, script).lines,
    [
      "script",
      "microtask",
      "DOMContentLoaded true",
      "its microtask",
      "load true false true",
      "onload",
    ]
  );
  for kind in [RealmKind::DedicatedWorker, RealmKind::ServiceWorker] {
    let lines = run(kind, url, script).lines;
    assert_eq!(lines, ["script", "microtask"], "{kind:?}");
  }
}
