//! What is under way whenever the program dies is not tried forever.

use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 1_000_000;

/// Starts the program as often as `answers` says how it is answered, and ends
/// it each time when nothing more comes: in order where bytes have come, so
/// that they are durable, and else by a kill.
fn killed(place: &Place, server: &FaultServer, answers: &[Behaviour]) {
  let script = answers.iter().cloned().chain([Behaviour::Normal]);
  let film = Resource::bytes(SIZE, 3).etag("\"v1\"").script(script);
  let url = server.serve("/film.bin", film);
  for times in 1..=answers.len() {
    let running = place.start("get", &["--json", "--out", &place.out(), &url]);
    server.block_on(server.wait_for_requests(times, BOUND));
    match answers[times - 1] {
      Behaviour::StallAfter(bytes) => {
        let all = format!("\"downloaded\":{bytes},");
        running.line(|line| line.contains(&all));
        running.signal(rustix::process::Signal::INT);
        running.ended().code(130);
      }
      _ => running.kill(),
    }
  }
}

fn get(place: &Place, server: &FaultServer) -> crate::cli::place::Ended {
  let url = server.url("/film.bin");
  place.bgfetch("get", &["--quiet", "--out", &place.out(), &url])
}

fn listed(place: &Place) -> Value {
  let listed = place.bgfetch("list", &["--json"]).code(0).stdout;
  serde_json::from_str(&listed).unwrap()
}

#[test]
fn what_was_under_way_at_three_deaths_is_not_tried_a_fourth_time() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let stall = || Behaviour::StallAfter(1000);
  // From the second one on, not a byte more.
  let nothing = || Behaviour::Hold;
  let answers = [stall(), nothing(), nothing(), nothing()];
  killed(&place, &server, &answers);

  for _ in 0..2 {
    get(&place, &server).code(1).says("died three times");
    let resumed = place.bgfetch("resume", &["--quiet"]).code(1);
    resumed.says("`bgfetch unpause");
  }
  assert_eq!(server.requests().len(), answers.len());
  let listed = listed(&place);
  assert_eq!(listed["state"], "quarantined");
  assert_eq!(listed["downloaded"], 1000);
  let why = listed["waiting"].as_str().unwrap();
  assert!(why.contains("three times"), "{why}");

  place.bgfetch("unpause", &["--quiet", "film.bin"]).code(0);
  get(&place, &server).code(0);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
  let requests = server.requests();
  let last = requests.last().unwrap();
  assert_eq!(last.header("range"), Some("bytes=1000-"), "{last:?}");
}

#[test]
fn who_kills_what_makes_progress_is_not_locked_out() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  // Each continues where the one before was killed.
  let script = vec![Behaviour::StallAfter(1000); 5];
  let script = script.into_iter().chain([Behaviour::Normal]);
  let film = Resource::bytes(SIZE, 3).etag("\"v1\"").script(script);
  let url = server.serve("/film.bin", film);
  for times in 1..6 {
    let running = place.start("get", &["--json", "--out", &place.out(), &url]);
    let all = format!("\"downloaded\":{},", 1000 * times);
    running.line(|line| line.contains(&all));
    running.kill();
  }
  get(&place, &server).code(0);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
}

#[test]
fn what_is_quarantined_can_be_aborted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let hold = || Behaviour::Hold;
  killed(&place, &server, &[hold(), hold(), hold()]);
  get(&place, &server).code(1).says("died three times");
  let aborted = place.bgfetch("abort", &["film.bin"]).code(0);
  assert_eq!(aborted.stdout, "film.bin is aborted\n");
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
  get(&place, &server).code(0);
}

#[test]
fn the_user_s_own_interruptions_do_not_count() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let script = vec![Behaviour::Hold; 3];
  let script = script.into_iter().chain([Behaviour::Normal]);
  let film = Resource::bytes(SIZE, 3).etag("\"v1\"").script(script);
  let url = server.serve("/film.bin", film);
  for times in 1..4 {
    let running = place.start("get", &["--out", &place.out(), &url]);
    server.block_on(server.wait_for_requests(times, BOUND));
    running.signal(rustix::process::Signal::INT);
    running.ended().code(130);
  }
  get(&place, &server).code(0);
}

#[test]
fn a_command_that_is_refused_does_not_count() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let script = vec![Behaviour::Hold; 6];
  let film = Resource::bytes(SIZE, 3).script(script);
  server.serve("/film.bin", film);
  let script = place.write(
    "script.js",
    "await registration.backgroundFetch.fetch('film.bin', '/film.bin')",
  );
  let other = place.write("other.js", "");
  let base = server.url("/");
  let running = place.start("run", &["--json", "--base", &base, &script]);
  server.block_on(server.wait_for_requests(1, BOUND));
  running.kill();
  for _ in 0..4 {
    let refused = place.bgfetch("run", &["--base", &base, &other]).code(2);
    refused.says("script.js");
  }
  assert_eq!(listed(&place)["state"], "unfinished");
}
