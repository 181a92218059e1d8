//! Downloads with no script.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

#[test]
fn a_file_is_saved_under_its_name() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/a/film.bin?x=1", Resource::bytes(3_000_000, 7));
  let out = place.out();
  let ended = place.bgfetch("get", &["--out", &out, &url]).code(0);
  assert_eq!(ended.stdout, "");
  assert!(
    ended.stderr.contains("film.bin: done, 2.9 MiB"),
    "{ended:#?}"
  );
  content::verify(place.path("out/film.bin"), 3_000_000, 7).unwrap();
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
}

#[test]
fn quiet_says_nothing() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::text("x"));
  let ended = place.bgfetch("get", &["--quiet", &url]).code(0);
  assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
  // The default is the working directory.
  assert_eq!(std::fs::read_to_string(place.path("x")).unwrap(), "x");
}

#[test]
fn files_of_the_same_name_get_numbers() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let urls: Vec<_> = (0..3)
    .map(|i| {
      let text = Resource::text(&format!("{}", i / 2));
      server.serve(&format!("/{i}/x.txt"), text)
    })
    .collect();
  let out = place.out();
  let arguments = ["--out", &out, &urls[0], &urls[1], &urls[2]];
  // A second time, all of them are there already.
  for _ in 0..2 {
    place.bgfetch("get", &arguments).code(0);
    let names = std::fs::read_dir(place.path("out")).unwrap();
    assert_eq!(names.count(), 3);
    for (name, text) in [("x.txt", "0"), ("x-1.txt", "0"), ("x-2.txt", "1")] {
      let saved = std::fs::read_to_string(place.path("out").join(name));
      assert_eq!(saved.unwrap(), text, "{name}");
    }
  }
}

#[test]
fn a_file_that_is_in_the_way_is_left_alone() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x.txt", Resource::text("new"));
  place.write("x.txt", "old");
  place.bgfetch("get", &[&url]).code(0);
  let read = |name| std::fs::read_to_string(place.path(name)).unwrap();
  assert_eq!(
    (read("x.txt"), read("x-1.txt")),
    ("old".into(), "new".into())
  );
}

#[test]
fn json_is_one_object_a_line() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(4_000_000, 1)
    .script([Behaviour::StallAfter(2_000_000), Behaviour::Normal]);
  let url = server.serve("/film.bin", film);
  let running = place.start("get", &["--json", "--out", &place.out(), &url]);
  let registered = running.line(|_| true);
  assert!(
    registered.starts_with(r#"{"event":"registered""#),
    "{registered}"
  );
  let progress = running.line(|line| {
    let line: Value = serde_json::from_str(line).unwrap();
    line["downloaded"].as_u64().unwrap() > 1_000_000
  });
  server.block_on(server.wait_until_stalled("/film.bin", BOUND));
  server.release("/film.bin");
  let ended = running.ended().code(0);
  let lines: Vec<_> = [&registered, &progress]
    .into_iter()
    .map(String::as_str)
    .chain(ended.stdout.lines())
    .map(|line| serde_json::from_str::<Value>(line).unwrap())
    .collect();
  for line in &lines {
    let keys: BTreeSet<_> = line.as_object().unwrap().keys().collect();
    let mut expected = vec![
      "downloadTotal",
      "downloaded",
      "event",
      "failureReason",
      "id",
      "result",
      "uploadTotal",
      "uploaded",
    ];
    if line["event"] == "settled" {
      expected.insert(5, "path");
    }
    assert!(keys.into_iter().eq(expected.iter()), "{line}");
    assert_eq!(line["id"], "film.bin");
  }
  let settled: Vec<_> = lines
    .iter()
    .filter(|line| line["event"] == "settled")
    .collect();
  assert_eq!(settled.len(), 1);
  assert_eq!(lines.last(), Some(settled[0]));
  assert_eq!(settled[0]["result"], "success");
  assert_eq!(settled[0]["downloaded"], 4_000_000);
}

#[cfg(unix)]
#[test]
fn the_shells_limit_of_open_files_is_lifted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let held = Resource::text("x").script([Behaviour::Hold]);
  let url = server.serve("/x", held);
  let urls: Vec<_> = (0..100).map(|i| format!("{url}?{i}")).collect();
  let out = place.out();
  let mut arguments = vec!["--out", &out, "--max-concurrent", "100"];
  arguments.extend(urls.iter().map(String::as_str));
  let running = place.start_after("ulimit -Sn 64", "get", &arguments);
  server.block_on(server.wait_until_all_stalled("/x", 100, BOUND));
  server.release("/x");
  running.ended().code(0);
  assert_eq!(std::fs::read_dir(place.path("out")).unwrap().count(), 100);
}

#[cfg(unix)]
#[test]
fn many_files_are_fetched_with_few_open() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/x", Resource::bytes(5000, 1));
  let urls: Vec<_> = (0..300).map(|i| format!("{url}?{i}")).collect();
  let out = place.out();
  let mut arguments = vec!["--out", &out, "--max-concurrent", "300"];
  arguments.extend(urls.iter().map(String::as_str));
  let running = place.start_after("ulimit -n 100", "get", &arguments);
  running.ended().code(0);
  assert_eq!(std::fs::read_dir(place.path("out")).unwrap().count(), 300);
}
