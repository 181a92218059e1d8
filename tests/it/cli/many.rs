//! More files than are begun at once.

use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

use crate::cli::place::BOUND;
use crate::cli::place::Place;

/// More than twice as many as are begun at once.
const COUNT: u64 = 1100;

/// The list of all files, of which the first one stands still when it is asked
/// for the first time.
fn list(place: &Place, server: &FaultServer) -> String {
  let mut list = String::new();
  for n in 0..COUNT {
    let mut file = Resource::bytes(100, n).etag("\"1\"");
    if n == 0 {
      file = file.script([Behaviour::StallAfter(50), Behaviour::Normal]);
    }
    list += &server.serve(&format!("/{n}.bin"), file);
    list.push('\n');
  }
  place.write("list.txt", &list)
}

fn assert_all_there(place: &Place) {
  for n in 0..COUNT {
    content::verify(place.path(&format!("out/{n}.bin")), 100, n).unwrap();
  }
  let left: Vec<_> = std::fs::read_dir(place.path("store"))
    .unwrap()
    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
    .filter(|name| name.starts_with("backlog-"))
    .collect();
  assert_eq!(left, [""; 0]);
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
}

/// A `get` that was killed before the first file was there; the arguments.
fn killed(place: &Place, server: &FaultServer) -> Vec<String> {
  let list = list(place, server);
  let arguments = [
    "--quiet",
    "--max-concurrent",
    "1",
    "--out",
    &place.out(),
    "-i",
    &list,
  ];
  let running = place.start("get", &arguments);
  server.block_on(server.wait_until_stalled("/0.bin", BOUND));
  running.kill();
  arguments.map(str::to_string).to_vec()
}

#[test]
fn resume_gets_what_a_get_that_was_killed_had_not_begun() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  killed(&place, &server);
  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert_eq!(listed.lines().count() as u64, COUNT);
  let queued = listed.lines().filter(|line| line.contains("  queued  "));
  assert!(queued.count() > 500, "{listed}");
  place.bgfetch("resume", &["--quiet"]).code(0);
  assert_all_there(&place);
}

#[test]
fn the_same_get_leaves_nothing_of_the_one_that_was_killed() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let arguments = killed(&place, &server);
  let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
  place.bgfetch("get", &arguments).code(0);
  assert_all_there(&place);
}

#[test]
fn another_get_continues_what_was_not_begun() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  killed(&place, &server);
  // It comes last: whoever asks for it waits until all others are there.
  let last = Resource::bytes(100, COUNT)
    .script([Behaviour::StallAfter(50), Behaviour::Normal]);
  let url = server.serve("/last.bin", last);
  let running = place.start("get", &["--quiet", "--out", &place.out(), &url]);
  let is_there = |n: u64| place.path(&format!("out/{n}.bin")).exists();
  let deadline = std::time::Instant::now() + BOUND;
  while !(0..COUNT).all(is_there) {
    assert!(std::time::Instant::now() < deadline, "not all came");
    std::thread::sleep(std::time::Duration::from_millis(50));
  }
  running.kill();
}
