//! Processes that end before their transfers do.

use rustix::process::Signal;
use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use crate::cli::place::Running;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 12_000_000;
const CUT: u64 = 5_000_000;

/// A film whose first transfer stands still in the middle.
fn film(server: &FaultServer) -> String {
  let stalls = [Behaviour::StallAfter(CUT), Behaviour::Normal];
  let film = Resource::bytes(SIZE, 3).etag("\"v1\"").script(stalls);
  server.serve("/film.bin", film)
}

/// Waits until everything up to the cut is stored.
fn until_cut(server: &FaultServer, running: &Running) {
  running.line(|line| {
    let line: Value = serde_json::from_str(line).unwrap();
    line["downloaded"].as_u64() == Some(CUT)
  });
  server.block_on(server.wait_until_stalled("/film.bin", BOUND));
}

/// The second request asked for what was missing, and for nothing else.
fn assert_continued(server: &FaultServer) {
  let requests = server.requests_for("/film.bin");
  assert_eq!(requests.len(), 2, "{requests:#?}");
  let range = format!("bytes={CUT}-");
  assert_eq!(requests[0].header("range"), None);
  assert_eq!(requests[1].header("range"), Some(range.as_str()));
  assert_eq!(requests[1].header("if-range"), Some("\"v1\""));
}

#[test]
fn a_get_that_was_killed_goes_on() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = film(&server);
  let out = place.out();
  let arguments = ["--json", "--out", &out, &url];
  let running = place.start("get", &arguments);
  until_cut(&server, &running);
  running.kill();
  assert!(!place.path("out/film.bin").exists());
  place.bgfetch("get", &arguments).code(0);
  assert_continued(&server);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
}

#[test]
fn sigterm_keeps_everything_for_resume() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = film(&server);
  let running = place.start("get", &["--json", "--out", &place.out(), &url]);
  until_cut(&server, &running);
  running.signal(Signal::TERM);
  running.ended().code(130);

  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("film.bin  unfinished  4.8 MiB of 11.4 MiB"));
  place.bgfetch("resume", &[]).code(0);
  assert_continued(&server);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
  let nothing = place.bgfetch("resume", &[]).code(0);
  assert!(
    nothing.stderr.contains("nothing is unfinished"),
    "{nothing:#?}"
  );
}

const SCRIPT: &str = r#"
  console.log("evaluated");
  addEventListener("backgroundfetchsuccess", (event) => {
    event.waitUntil((async () => {
      const [record] = await event.registration.matchAll();
      const { size } = await (await record.responseReady).blob();
      console.log(`${event.registration.id} has ${size} bytes`);
    })());
  });
  await registration.backgroundFetch.fetch("my-fetch", "film.bin");
"#;

#[test]
fn resume_runs_the_script_again_for_its_event() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  film(&server);
  let script = place.write("script.js", SCRIPT);
  let base = server.url("/");
  let out = place.out();
  let arguments = ["--json", "--base", &base, "--out", &out, &script];
  let running = place.start("run", &arguments);
  until_cut(&server, &running);
  running.kill();

  let resumed = place.bgfetch("resume", &[]).code(0);
  assert_eq!(resumed.stdout, "evaluated\nmy-fetch has 12000000 bytes\n");
  // What it starts is under way already.
  let resumed = resumed.says("script.js: NotAllowedError");
  assert!(resumed.stderr.contains("my-fetch: done"), "{resumed:#?}");
  assert_continued(&server);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
}

#[test]
fn the_scope_of_an_unfinished_script_is_not_another_scripts() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  film(&server);
  let script = place.write("script.js", SCRIPT);
  let base = server.url("/");
  let running = place.start("run", &["--json", "--base", &base, &script]);
  until_cut(&server, &running);
  running.kill();
  let other = place.write("other.js", "console.log('ran')");
  let ended = place.bgfetch("run", &["--base", &base, &other]).code(2);
  assert_eq!(ended.says("script.js").stdout, "");
  // The script itself may run again.
  let ended = place.bgfetch("run", &["--base", &base, &script]);
  assert!(ended.stdout.starts_with("evaluated\n"), "{ended:#?}");
}

#[test]
fn signals_that_were_ignored_at_the_start_stay_so() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = film(&server);
  let arguments = ["--json", "--out", &place.out(), &url];
  let running = place.start_after("trap '' HUP INT", "get", &arguments);
  until_cut(&server, &running);
  for signal in [Signal::HUP, Signal::INT, Signal::INT] {
    running.signal(signal);
  }
  server.release("/film.bin");
  running.ended().code(0);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
}

#[test]
fn a_signal_that_was_not_ignored_ends_it_all_the_same() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = film(&server);
  let arguments = ["--json", "--out", &place.out(), &url];
  let running = place.start_after("trap '' HUP INT", "get", &arguments);
  until_cut(&server, &running);
  running.signal(Signal::TERM);
  running.ended().code(130);
}
