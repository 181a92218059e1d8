//! A script that waits for what can never happen.

use std::time::Instant;

use background_fetch::engine::RealmKind;

use crate::extension::harness::EVERY_KIND;
use crate::extension::harness::evaluate;
use crate::extension::harness::run;
use support::FaultServer;
use support::Resource;

#[test]
fn a_top_level_await_of_nothing_comes_to_no_end_but_the_event_loop_does() {
  for kind in EVERY_KIND {
    let url = "https://app.test/";
    assert!(
      !evaluate(kind, url, "await new Promise(() => {});"),
      "{kind:?}"
    );
  }
  let timer = "await new Promise((done) => setTimeout(done, 600));";
  assert!(evaluate(RealmKind::Window, "https://app.test/", timer));
  // Each of these ends in the turn in which it begins.
  let fast = "const end = Date.now() + 1500;
    while (Date.now() < end) await crypto.subtle.digest('SHA-1', new Uint8Array(1));";
  assert!(evaluate(RealmKind::Window, "https://app.test/", fast));
}

#[test]
fn waiting_for_a_timer_or_a_transfer_does_not() {
  let server = FaultServer::start_blocking();
  server.serve("/x", Resource::text("x"));
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
