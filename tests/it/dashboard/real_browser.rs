//! The page in a real browser.

use std::process::Command;

use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::cannot_run::Need;

use super::program::Served;
use crate::cli::place::Place;

fn is_there(program: &str) -> bool {
  let version = Command::new(program).arg("--version").output();
  version.is_ok_and(|output| output.status.success())
}

#[test]
#[cfg_attr(without_chromium, ignore = "it needs chromium and node")]
fn a_person_with_a_keyboard_uses_it_in_chromium() {
  if !is_there("chromium") || !is_there("node") {
    Need::Chromium.is_missing();
  }
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(3_000_000, 3).etag("\"v1\"").script([
    Behaviour::StallAfter(1_500_000),
    Behaviour::StallAfter(100_000),
    Behaviour::Hold,
  ]);
  let url = server.serve("/film.bin", film);
  let getting = place.start("get", &["--json", "--out", &place.out(), &url]);
  getting.line(|line| line.contains("\"downloaded\":1500000"));
  getting.kill();
  let served = Served::start(&place, &["--out", &place.out()]);
  let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/dashboard.mjs");
  let ended = Command::new("node")
    .args([script, &served.url])
    .output()
    .unwrap();
  assert!(ended.status.success(), "{ended:#?}");
}
