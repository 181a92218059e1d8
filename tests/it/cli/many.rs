//! More files than are begun at once.

use std::path::Path;
use std::path::PathBuf;
use std::time::Instant;

use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::SmallDisk;
use support::content;

use crate::cli::place::BOUND;
use crate::cli::place::Place;

/// More than twice as many as are begun at once.
const COUNT: u64 = 1100;

/// The list of so many files, which stand still.
fn list(place: &Place, server: &FaultServer, count: u64) -> String {
  let mut list = String::new();
  for n in 0..count {
    let file = Resource::bytes(100, n).etag("\"1\"").script([STILL]);
    list += &server.serve(&path(n), file);
    list.push('\n');
  }
  place.write("list.txt", &list)
}

const STILL: Behaviour = Behaviour::StallAfter(50);

fn path(n: u64) -> String {
  format!("/{n}.bin")
}

/// From now on nothing stands still.
fn move_on(server: &FaultServer, paths: impl Iterator<Item = String>) {
  for path in paths {
    server.script(&path, [Behaviour::Normal]);
    server.release(&path);
  }
}

/// So many files are there, and nothing else is.
fn assert_all_there(place: &Place, count: u64) {
  for n in 0..count {
    content::verify(place.path(&format!("out/{n}.bin")), 100, n).unwrap();
  }
  assert_eq!(saved(place) as u64, count);
  let left = backlogs(place);
  assert!(left.is_empty(), "{left:?}");
  assert_eq!(place.bgfetch("list", &[]).code(0).stdout, "");
}

fn backlogs(place: &Place) -> Vec<PathBuf> {
  let entries = std::fs::read_dir(place.path(&place.store));
  let entries = entries.into_iter().flatten();
  entries
    .map(|entry| entry.unwrap().path())
    .filter(|path| {
      let name = path.file_name().unwrap().to_str().unwrap();
      name.starts_with("backlog-")
    })
    .collect()
}

/// Waits until a file is noted as begun: then everything that a command does
/// beside its files is under way, too.
fn wait_until_one_is_noted(place: &Place) {
  let deadline = Instant::now() + BOUND;
  loop {
    let backlogs = backlogs(place);
    let mut texts = backlogs.iter().map(std::fs::read_to_string);
    if texts.any(|text| text.is_ok_and(|text| text.contains("{\"begun\":"))) {
      return;
    }
    assert!(Instant::now() < deadline, "none is begun in {backlogs:?}");
    std::thread::yield_now();
  }
}

/// Waits until the request with this number stands still: there is a place for
/// one alone, which whichever file comes first has.
fn wait_until_one_stalls(server: &FaultServer, number: usize) {
  server.block_on(server.wait_for_requests(number + 1, BOUND));
  let path = server.requests()[number].path().to_string();
  server.block_on(server.wait_until_stalled(&path, BOUND));
}

/// A `get` that was killed before the first file was there; the arguments.
fn killed(place: &Place, server: &FaultServer) -> Vec<String> {
  let list = list(place, server, COUNT);
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
  wait_until_one_stalls(server, 0);
  wait_until_one_is_noted(place);
  running.kill();
  move_on(server, (0..COUNT).map(path));
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
  assert_all_there(&place, COUNT);
}

#[test]
fn the_same_get_leaves_nothing_of_the_one_that_was_killed() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let arguments = killed(&place, &server);
  let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
  place.bgfetch("get", &arguments).code(0);
  assert_all_there(&place, COUNT);
}

/// So many are enough for some that are being saved in any moment.
const SOME: u64 = 300;

/// A `get` that was killed when a part of its files was there; the arguments.
fn killed_in_the_middle(place: &Place, server: &FaultServer) -> Vec<String> {
  let list = list(place, server, SOME);
  move_on(server, (0..SOME).map(path));
  let arguments = ["--quiet", "--out", &place.out(), "-i", &list];
  let running = place.start("get", &arguments);
  let deadline = Instant::now() + BOUND;
  while saved(place) < SOME as usize / 3 {
    assert!(Instant::now() < deadline, "not enough came");
    std::thread::yield_now();
  }
  running.kill();
  arguments.map(str::to_string).to_vec()
}

#[test]
fn resume_leaves_nothing_beside_the_files_after_a_kill_in_the_middle() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  killed_in_the_middle(&place, &server);
  place.bgfetch("resume", &["--quiet"]).code(0);
  assert_all_there(&place, SOME);
}

#[test]
fn the_same_get_leaves_nothing_beside_the_files_after_a_kill_in_the_middle() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let arguments = killed_in_the_middle(&place, &server);
  let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
  place.bgfetch("get", &arguments).code(0);
  assert_all_there(&place, SOME);
}

#[test]
fn another_get_continues_what_was_not_begun() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  killed(&place, &server);
  // It comes last: a command that asks for it waits until all others are there.
  let last = Resource::bytes(100, COUNT)
    .script([Behaviour::StallAfter(50), Behaviour::Normal]);
  let url = server.serve("/last.bin", last);
  let running = place.start("get", &["--quiet", "--out", &place.out(), &url]);
  let is_there = |n: u64| place.path(&format!("out/{n}.bin")).exists();
  let deadline = Instant::now() + BOUND;
  while !(0..COUNT).all(is_there) {
    assert!(Instant::now() < deadline, "not all came");
    std::thread::sleep(std::time::Duration::from_millis(50));
  }
  running.kill();
}

/// How many files one host has, of which a few have places.
const FEW: usize = 40;

/// The URLs are long: what is noted is larger than what else is in the store.
fn long_path(n: usize) -> String {
  format!("/{}/{n}.bin", "x".repeat(5000))
}

/// A `get` of files that stand still, which was killed; the arguments.
fn killed_with_few_places(place: &Place, server: &FaultServer) -> Vec<String> {
  let arguments = ["--quiet", "--max-per-host=1", "--out", &place.out()];
  let mut arguments = arguments.map(str::to_string).to_vec();
  for n in 0..FEW {
    let file = Resource::bytes(100, 1).script([STILL]);
    arguments.push(server.serve(&long_path(n), file));
  }
  let refs: Vec<&str> = arguments.iter().map(String::as_str).collect();
  let running = place.start("get", &refs);
  wait_until_one_stalls(server, 0);
  wait_until_one_is_noted(place);
  running.kill();
  // It does not count as standing still any more.
  for n in 0..FEW {
    server.block_on(server.wait_until_none_stalls(&long_path(n), BOUND));
  }
  arguments
}

/// Waits until what is noted there is taken over, or done.
fn wait_until_gone(backlog: &Path) {
  let deadline = Instant::now() + BOUND;
  while backlog.exists() {
    assert!(Instant::now() < deadline, "{} stays", backlog.display());
    std::thread::yield_now();
  }
}

fn move_few_on(server: &FaultServer) {
  move_on(server, (0..FEW).map(long_path));
}

/// How many files there are, with those that are hidden.
fn saved(place: &Place) -> usize {
  std::fs::read_dir(place.path("out")).map_or(0, Iterator::count)
}

fn listed(place: &Place) -> usize {
  place.bgfetch("list", &[]).code(0).stdout.lines().count()
}

#[test]
fn what_waits_as_a_host_has_few_places_is_durable_too() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  killed_with_few_places(&place, &server);
  assert_eq!(listed(&place), FEW);
  move_few_on(&server);
  place.bgfetch("resume", &["--quiet"]).code(0);
  assert_eq!(saved(&place), FEW);
}

#[test]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
fn what_cannot_be_noted_stays_where_it_was_noted_before() {
  let disk = SmallDisk::mount(4);
  let store = disk.path().join("store");
  let mut place = Place::new();
  place.store = store.to_str().unwrap().to_string();
  let server = FaultServer::start_blocking();
  let arguments = killed_with_few_places(&place, &server);
  let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
  let before = backlogs(&place);
  disk.fill_up_to(200_000);
  let full = place.bgfetch("get", &arguments).code(1);
  let why = "the store cannot note what there is to do: No space left";
  assert_eq!(full.stderr.matches(why).count(), FEW, "{full:#?}");
  assert_eq!(backlogs(&place), before);
  disk.free();
  assert_eq!(listed(&place), FEW);
}

#[test]
fn the_same_get_takes_over_what_the_one_before_has_noted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let arguments = killed_with_few_places(&place, &server);
  let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
  let before = backlogs(&place);
  let running = place.start("get", &arguments);
  wait_until_gone(&before[0]);
  running.kill();
  assert_eq!(backlogs(&place).len(), 1);
  assert_eq!(listed(&place), FEW);
}

#[test]
fn what_is_queued_can_be_aborted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let arguments = killed_with_few_places(&place, &server);
  let ended = place.bgfetch("abort", &["17.bin"]).code(0);
  assert_eq!(ended.stdout, "17.bin is aborted\n");
  let url = arguments.last().unwrap();
  place.bgfetch("abort", &[url]).code(0);
  assert_eq!(listed(&place), FEW - 2);
  for command in ["pause", "unpause", "click", "retry", "clean", "show"] {
    let ended = place.bgfetch(command, &["18.bin"]).code(1);
    ended.says("18.bin is queued, not begun");
    let ended = place.bgfetch(command, &["17.bin"]).code(2);
    ended.says("no background fetch \"17.bin\"");
  }
  move_few_on(&server);
  place.bgfetch("resume", &["--quiet"]).code(0);
  assert_eq!(saved(&place), FEW - 2);
}

#[test]
fn what_a_running_get_has_queued_can_be_aborted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let arguments = killed_with_few_places(&place, &server);
  let refs: Vec<&str> = arguments.iter().map(String::as_str).collect();
  let before = backlogs(&place);
  let running = place.start("get", &refs);
  wait_until_one_stalls(&server, 1);
  // Until then it is queued twice.
  wait_until_gone(&before[0]);
  let ended = place.bgfetch("abort", &["39.bin"]).code(0);
  assert_eq!(ended.stdout, "39.bin is aborted\n");
  assert_eq!(listed(&place), FEW - 1);
  move_few_on(&server);
  let ended = running.ended().code(1);
  assert!(
    ended.stderr.contains("39.bin: it was aborted"),
    "{ended:#?}"
  );
  assert_eq!(saved(&place), FEW - 1);
}

#[test]
fn a_queued_file_whose_name_several_have_is_named_by_its_url() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let arguments = killed_with_few_places(&place, &server);
  // The same name in another command's directory.
  let last = arguments.last().unwrap();
  let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
  let elsewhere = place.path("elsewhere");
  arguments[3] = elsewhere.to_str().unwrap();
  let running = place.start("get", &arguments);
  let deadline = Instant::now() + BOUND;
  while listed(&place) < 2 * FEW {
    assert!(Instant::now() < deadline, "not all are noted");
  }
  running.kill();
  let ended = place.bgfetch("abort", &["39.bin"]).code(2);
  ended.says("2 queued files have the id \"39.bin\"; name one by its URL");
  place.bgfetch("abort", &[last]).code(0);
  let ended = place.bgfetch("abort", &["39.bin"]).code(2);
  ended.says("no background fetch");
}

#[test]
fn a_damaged_list_is_reported() {
  let place = Place::new();
  place.bgfetch("resume", &["--quiet"]).code(0);
  place.write("store/backlog-1.jsonl", "{");
  place.bgfetch("list", &[]).code(1).says("cannot be read");
  let resumed = place.bgfetch("resume", &["--quiet"]).code(1);
  resumed.says("cannot be read");
}
