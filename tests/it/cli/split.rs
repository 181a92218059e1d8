//! `--split`: several parts of one file at once.

use rustix::process::Signal;
use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 8_000_000;
const CUT: u64 = 600_000;

const SPLIT: [&str; 4] = ["--split", "4", "--min-split-size", "256K"];

fn film(behaviour: Behaviour) -> Resource {
  let film = Resource::bytes(SIZE, 3).etag("\"v1\"");
  film.script([behaviour])
}

fn slow() -> Behaviour {
  Behaviour::Throttle {
    bytes_per_second: 4_000_000,
  }
}

/// Waits until all four parts stand still, and what came is stored.
fn killed_in_the_middle(place: &Place, server: &FaultServer, url: &str) {
  let out = place.out();
  let mut arguments = vec!["--json", "--out", &out, url];
  arguments.extend(SPLIT);
  let running = place.start("get", &arguments);
  running.line(|line| {
    let line: Value = serde_json::from_str(line).unwrap();
    line["downloaded"].as_u64() == Some(4 * CUT)
  });
  server.block_on(server.wait_until_all_stalled("/film.bin", 4, BOUND));
  // Whatever of it was durable by then.
  running.kill();
}

#[test]
fn a_split_get_that_is_killed_is_continued_with_and_without() {
  for again in [&SPLIT[..], &[]] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    let film = film(Behaviour::StallAfter(CUT));
    let url = server.serve("/film.bin", film);
    killed_in_the_middle(&place, &server, &url);
    assert!(!place.path("out/film.bin").exists());
    server.script("/film.bin", [slow()]);
    let out = place.out();
    let mut arguments = vec!["--out", &out, &url];
    arguments.extend(again);
    place.bgfetch("get", &arguments).code(0);
    content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
  }
}

#[test]
fn a_split_get_that_was_interrupted_gives_nothing_back() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/film.bin", film(Behaviour::StallAfter(CUT)));
  let out = place.out();
  let mut arguments = vec!["--json", "--out", &out, &url];
  arguments.extend(SPLIT);
  let running = place.start("get", &arguments);
  running.line(|line| {
    let line: Value = serde_json::from_str(line).unwrap();
    line["downloaded"].as_u64() == Some(4 * CUT)
  });
  running.signal(Signal::TERM);
  running.ended().code(130);
  let before = server.requests().len();
  server.script("/film.bin", [slow()]);
  place.bgfetch("resume", &["--quiet"]).code(0);
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
  // One for each of the four gaps, and each begins behind what is stored.
  let requests = server.requests()[before..].to_vec();
  assert_eq!(requests.len(), 4, "{requests:#?}");
  let range = format!("bytes={CUT}-");
  assert_eq!(requests[0].header("range"), Some(range.as_str()));
}

#[test]
fn a_split_file_is_limited_and_checked_as_others_are() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/film.bin", film(Behaviour::Normal));
  let right = format!("sha256={}", content::sha256(SIZE, 3));
  let wrong = format!("sha256={}", "0".repeat(64));
  for (checksum, code) in [(&wrong, 1), (&right, 0)] {
    let out = place.out();
    let mut arguments = vec!["--out", &out, "--checksum", checksum, &url];
    arguments.extend(["--limit-rate", "4M"]);
    arguments.extend(SPLIT);
    let begin = std::time::Instant::now();
    place.bgfetch("get", &arguments).code(code);
    // All parts together have the rate.
    assert!(begin.elapsed().as_secs_f64() > 1.5);
  }
  content::verify(place.path("out/film.bin"), SIZE, 3).unwrap();
  assert!(place.path("out/film.bin.bad").exists());
  let requests = server.requests();
  let is_part = |range: &str| !range.ends_with('-');
  let parts = requests
    .iter()
    .filter(|r| r.header("range").is_some_and(is_part));
  assert!(parts.count() >= 3);
}
