//! Two `get` at once on one store, and a `get` beside other commands.

use std::time::Instant;

use rustix::process::Signal;
use serde_json::Value;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use crate::cli::place::Running;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 3_000_000;

/// A command that is held by its server, at `/first`.
fn first(place: &Place, server: &FaultServer) -> Running {
  held(place, server, &[])
}

fn held(place: &Place, server: &FaultServer, options: &[&str]) -> Running {
  let first = Resource::text("first").script([Behaviour::Hold]);
  let url = server.serve("/first", first);
  let out = place.out();
  let mut arguments = vec!["--json", "--out", &out, &url];
  arguments.extend(options);
  let running = place.start("get", &arguments);
  server.block_on(server.wait_until_stalled("/first", BOUND));
  running
}

/// A `get` in a directory of its own.
fn second(place: &Place, arguments: &[&str]) -> Running {
  let mut all = vec!["--json"];
  all.extend(arguments);
  place.start_after("mkdir -p second; cd second", "get", &all)
}

fn has_event(event: &'static str) -> impl Fn(&str) -> bool {
  move |line| {
    let line: Value = serde_json::from_str(line).unwrap();
    line["event"] == event
  }
}

/// A film that stalls in its middle, once.
fn film(server: &FaultServer) -> String {
  let film = Resource::bytes(SIZE, 1)
    .etag("\"1\"")
    .script([Behaviour::StallAfter(2_000_000), Behaviour::Normal]);
  server.serve("/film.bin", film)
}

/// Waits until a row speaks of the body for `path`: a kill before that loses
/// what was received.
fn wait_until_noted(place: &Place, path: &str) {
  let database = place.path(&place.store).join("facts.sqlite3");
  let database = rusqlite::Connection::open(database).unwrap();
  let noted = "SELECT count(*) FROM record
    WHERE response_body IS NOT NULL AND instr(request, ?1)";
  let begin = Instant::now();
  loop {
    let row = database.query_row(noted, [path], |row| row.get::<_, u32>(0));
    if row.unwrap() > 0 {
      return;
    }
    assert!(begin.elapsed() < BOUND, "no row speaks of {path}");
    std::thread::yield_now();
  }
}

#[test]
fn the_second_hands_its_files_to_the_first() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let first = first(&place, &server);
  let film = server.serve("/film.bin", Resource::bytes(SIZE, 1));
  let missing = Resource::text("").script([Behaviour::Status(404)]);
  let missing = server.serve("/missing", missing);
  let ended = second(&place, &[&film, &missing]).ended().code(1);
  let lines: Vec<Value> = ended
    .stdout
    .lines()
    .map(|line| serde_json::from_str(line).unwrap())
    .collect();
  assert_eq!(lines[0]["event"], "handedOver", "{ended:#?}");
  let of_film: Vec<_> = lines
    .iter()
    .filter(|line| line["id"] == "film.bin")
    .collect();
  let events: Vec<_> = of_film.iter().map(|line| &line["event"]).collect();
  assert_eq!(events[0], "registered");
  // Where the second was started, not the first.
  let saved = place.path("second/film.bin").canonicalize().unwrap();
  let settled = of_film.last().unwrap();
  assert_eq!(settled["event"], "settled", "{ended:#?}");
  assert_eq!(settled["path"], saved.to_str().unwrap());
  content::verify(&saved, SIZE, 1).unwrap();
  ended.says(&format!("{missing} answered 404"));
  // The first one has nothing to do with it.
  server.release("/first");
  first.ended().code(0);
  assert!(!place.path("out/film.bin").exists());
}

#[test]
fn the_first_does_not_end_before_the_work_of_the_second() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let first = first(&place, &server);
  let url = film(&server);
  let second = second(&place, &[&url]);
  server.block_on(server.wait_until_stalled("/film.bin", BOUND));
  server.release("/first");
  first.line(has_event("settled"));
  // It still has the store.
  place.bgfetch("resume", &[]).code(2).says("is in use by");
  server.release("/film.bin");
  second.ended().code(0);
  first.ended().code(0);
  content::verify(place.path("second/film.bin"), SIZE, 1).unwrap();
  assert_eq!(server.requests_for("/film.bin").len(), 1);
}

#[test]
fn the_second_continues_when_the_first_is_killed_or_interrupted() {
  for signal in [Signal::KILL, Signal::INT] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    let first = first(&place, &server);
    let url = film(&server);
    let small = server.serve("/small", Resource::text("small"));
    let second = second(&place, &[&small, &url]);
    second.line(|line| {
      let line: Value = serde_json::from_str(line).unwrap();
      line["downloaded"].as_u64() > Some(1_000_000)
    });
    server.block_on(server.wait_until_stalled("/film.bin", BOUND));
    wait_until_noted(&place, "/film.bin");
    first.signal(signal);
    first.ended();
    let ended = second.ended().code(0);
    content::verify(place.path("second/film.bin"), SIZE, 1).unwrap();
    let saved = std::fs::read_to_string(place.path("second/small"));
    assert_eq!(saved.unwrap(), "small");
    assert!(!place.path("second/small-1").exists());
    assert!(ended.stderr.is_empty(), "{ended:#?}");
    // What the first one has received is not asked for again.
    let requests = server.requests_for("/film.bin");
    assert!(requests.last().unwrap().header("range").is_some());
  }
}

#[test]
fn who_does_not_wait_leaves_its_files_to_the_first() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let first = first(&place, &server);
  let url = film(&server);
  let second = place.start_after("mkdir second; cd second", "get", &[&url]);
  server.block_on(server.wait_until_stalled("/film.bin", BOUND));
  second.signal(Signal::INT);
  let ended = second.ended().code(130);
  assert!(ended.stderr.contains("has the store"), "{ended:#?}");
  assert!(
    ended.stderr.contains("continues with what is left"),
    "{ended:#?}"
  );
  server.release("/first");
  first.line(has_event("settled"));
  server.release("/film.bin");
  first.ended().code(0);
  content::verify(place.path("second/film.bin"), SIZE, 1).unwrap();
}

#[test]
fn the_same_url_is_fetched_once() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let first = first(&place, &server);
  let url = server.url("/first");
  let out = place.out();
  let second = second(&place, &["--out", &out, &url]);
  second.line(has_event("handedOver"));
  server.release("/first");
  second.ended().code(0);
  first.ended().code(0);
  assert_eq!(server.requests_for("/first").len(), 1);
  assert_eq!(std::fs::read_dir(place.path("out")).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_handed_over_waits_and_says_so() {
  for (options, why) in [
    (&["--limit-rate", "100M"] as &[&str], "--limit-rate"),
    (&["--split", "4"], "--split"),
    (&["--insecure"], "--insecure"),
    (
      &["--proxy", "direct", "--retries", "9"],
      "--proxy, --retries",
    ),
    (&["--output", "-"], "--output -"),
    (&["--user", "me:secret"], "what is secret"),
    (&["--trace", "trace"], "--trace"),
  ] {
    let place = Place::new();
    let server = FaultServer::start_blocking();
    let first = first(&place, &server);
    let url = server.serve("/x", Resource::text("x"));
    let mut arguments = options.to_vec();
    arguments.push(&url);
    let second = second(&place, &arguments);
    let said = second.line(has_event("storeInUse"));
    assert!(said.contains(why), "{said}");
    assert_eq!(server.requests_for("/x").len(), 0);
    server.release("/first");
    first.ended().code(0);
    second.ended().code(0);
    assert_eq!(server.requests_for("/x").len(), 1);
  }
}

#[test]
fn credentials_of_the_first_are_not_shown_for_the_second() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let first = held(&place, &server, &["--user", "me:secret"]);
  let url = server.serve("/x", Resource::text("x"));
  let second = second(&place, &[&url]);
  let said = second.line(has_event("storeInUse"));
  assert!(said.contains("credentials which are not for"), "{said}");
  server.release("/first");
  first.ended().code(0);
  second.ended().code(0);
  assert!(
    server.requests_for("/x")[0]
      .header("authorization")
      .is_none()
  );
}

#[test]
fn time_is_up_for_who_waits() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let first = first(&place, &server);
  let url = server.serve("/x", Resource::text("x"));
  let arguments = ["--max-time", "1", "--insecure", &url];
  let ended = second(&place, &arguments).ended().code(1);
  ended.says("--max-time");
  server.release("/first");
  first.ended().code(0);
}

#[test]
fn scripts_resume_and_the_dashboard_take_files_too() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let held = || Resource::text("x").script([Behaviour::Hold]);
  let url = server.serve("/held", held());
  let script = place.write(
    "script.js",
    &format!(
      "await registration.backgroundFetch.fetch('x', {url:?}, {{title: 'x'}});"
    ),
  );
  let unfinished = Place::new();
  let left = server.serve("/left", held());
  let running = unfinished.start("get", &[&left]);
  server.block_on(server.wait_until_stalled("/left", BOUND));
  running.kill();
  let elsewhere = unfinished.path("elsewhere");
  let elsewhere = elsewhere.to_str().unwrap();
  let third = Place::new();
  for (place, command, arguments, path) in [
    (&place, "run", vec!["--json", &script], Some("/held")),
    (
      &unfinished,
      "resume",
      vec!["--json", "--out", elsewhere],
      Some("/left"),
    ),
    (&third, "dashboard", vec!["--json"], None),
  ] {
    let first = place.start(command, &arguments);
    let text = Resource::text("mine")
      .script([Behaviour::Status(503), Behaviour::Normal]);
    let mine = server.serve(&format!("/{command}"), text);
    // It is there when it says something.
    first.line(|_| true);
    let ended = second(place, &[&mine]).ended().code(0);
    assert!(ended.stdout.contains("handedOver"), "{command}: {ended:#?}");
    let saved = place.path("second").join(command);
    assert_eq!(std::fs::read_to_string(saved).unwrap(), "mine", "{command}");
    match path {
      Some(path) => {
        server.block_on(server.wait_until_stalled(path, BOUND));
        server.release(path);
        first.ended().code(0);
      }
      None => {
        first.signal(Signal::INT);
        first.ended().code(130);
      }
    }
  }
}
