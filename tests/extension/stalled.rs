//! A script that waits for what can never happen.

use std::time::Instant;

use background_fetch::engine::RealmKind;

use crate::harness::EVERY_KIND;
use crate::harness::run;
use crate::support::FaultServer;
use crate::support::Resource;

#[test]
fn waiting_for_nothing_comes_to_an_end() {
  for kind in EVERY_KIND {
    let script = "(async () => {
      console.log('begins');
      await new Promise(() => {});
      console.log('never');
    })();";
    let ended = run(kind, "https://app.test/", script);
    assert_eq!(ended.lines, ["begins"], "{ended:?}");
  }
}

#[test]
fn waiting_for_a_timer_or_a_transfer_does_not() {
  let server = FaultServer::start_blocking();
  let slowly = Resource::text("x");
  server.serve("/x", slowly);
  let start = Instant::now();
  let ended = run(
    RealmKind::ServiceWorker,
    &server.url("/sw.js"),
    r#"
    (async () => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      const event = await new Promise((resolve) => {
        onbackgroundfetchsuccess = resolve;
        registration.backgroundFetch.fetch("x", "/x");
      });
      console.log(event.registration.result);
    })();
    "#,
  );
  assert_eq!(ended.lines, ["success"], "{ended:?}");
  assert!(start.elapsed().as_millis() >= 700);
}
