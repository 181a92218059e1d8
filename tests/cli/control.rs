//! Looking into a store, also while it is in use.

use serde_json::Value;

use crate::place::BOUND;
use crate::place::Place;
use crate::place::Running;
use crate::support::Behaviour;
use crate::support::FaultServer;
use crate::support::Resource;

/// A `get` that stands still, its row in the store.
fn standing_still(place: &Place, server: &FaultServer) -> Running {
  let held = Resource::text("x").script([Behaviour::Hold, Behaviour::Normal]);
  let url = server.serve("/x.txt", held);
  let running = place.start("get", &["--json", "--out", &place.out(), &url]);
  running.line(|line| line.contains("registered"));
  server.block_on(server.wait_until_stalled("/x.txt", BOUND));
  running
}

#[test]
fn a_store_is_one_processs_and_can_be_read_by_others() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let running = standing_still(&place, &server);

  for (command, arguments) in
    [("resume", &[] as &[&str]), ("get", &["http://localhost/"])]
  {
    let ended = place.bgfetch(command, arguments).code(2);
    ended.says("is in use by process");
  }
  let ended = place.bgfetch("abort", &["x.txt"]).code(2);
  ended.says("cannot be controlled from outside yet");

  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("x.txt  unfinished  0 B"), "{listed}");
  let listed = place.bgfetch("list", &["--json"]).code(0).stdout;
  let listed: Value = serde_json::from_str(&listed).unwrap();
  assert_eq!(listed["id"], "x.txt");
  assert_eq!(listed["state"], "unfinished");
  let shown = place.bgfetch("show", &["x.txt"]).code(0).stdout;
  assert!(shown.contains(&server.url("/x.txt")), "{shown}");
  let shown = place.bgfetch("show", &["--json", "x.txt"]).code(0).stdout;
  let shown: Value = serde_json::from_str(&shown).unwrap();
  assert_eq!(shown["requests"][0]["url"], server.url("/x.txt"));

  server.release("/x.txt");
  running.ended().code(0);
  place
    .bgfetch("show", &["x.txt"])
    .code(2)
    .says("no background fetch");
}

#[test]
fn a_background_fetch_that_nobody_works_on_can_be_aborted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  standing_still(&place, &server).kill();
  place
    .bgfetch("abort", &["y"])
    .code(2)
    .says("no background fetch");
  let ended = place.bgfetch("abort", &["x.txt"]).code(0);
  assert_eq!(ended.stdout, "x.txt is aborted\n");
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
  place.bgfetch("resume", &[]).code(0);
  assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_script_hears_of_its_abortion_when_it_is_resumed() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let held = Resource::text("x").script([Behaviour::Hold]);
  server.serve("/x", held);
  let script = place.write(
    "script.js",
    "onbackgroundfetchabort = ({ registration }) => {
      console.log(registration.id, registration.failureReason);
    };
    navigator.serviceWorker.ready.then((registration) =>
      registration.backgroundFetch.fetch('x', '/x').catch(() => {}));",
  );
  let base = server.url("/");
  let running = place.start("run", &["--json", "--base", &base, &script]);
  server.block_on(server.wait_until_stalled("/x", BOUND));
  running.kill();
  let aborted = place.bgfetch("abort", &["x"]).code(0).stdout;
  assert!(
    aborted.contains("`bgfetch resume` tells its script"),
    "{aborted}"
  );
  let resumed = place.bgfetch("resume", &[]).code(1);
  assert_eq!(resumed.says("x was aborted").stdout, "x aborted\n");
  assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_store_that_is_not_there_is_not_made_by_looking() {
  let place = Place::new();
  for (command, arguments) in [
    ("list", &[] as &[&str]),
    ("show", &["x"]),
    ("abort", &["x"]),
  ] {
    place
      .bgfetch(command, arguments)
      .code(2)
      .says("no store in it");
  }
  assert!(!place.path("store").exists());
}

#[test]
fn what_is_not_there_yet_says_so() {
  let place = Place::new();
  for command in ["pause", "unpause", "click"] {
    place
      .bgfetch(command, &["x"])
      .code(2)
      .says("is not there yet");
  }
}
