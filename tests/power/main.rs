//! Power failures. A running process is watched: every call by which it
//! changes the file system (the database's as well) is written down by
//! `strace`, and between those calls what it has promised. From that record
//! come the states that a disk may be in when the power fails: after each call,
//! with what was not flushed kept, lost or torn. On each of them an engine is
//! started, and has to keep every promise.
//!
//! `POWER_STATES` says how many states are tried in each test (default 36),
//! `POWER_SEED` where the dice begin. Where `strace` is missing or may not
//! watch, these tests fail, or are ignored if they were built with
//! `TESTS_WITHOUT=strace`.

mod call;
mod child;
mod disk;
mod record;
#[path = "../it/remaining_events.rs"]
mod remaining_events;
mod state;
mod trace;
mod verdict;
mod world;

use fastrand::Rng;

use self::record::Record;
use self::state::Persistence;
use self::world::World;

fn variable(name: &str, default: u64) -> u64 {
  match std::env::var(name) {
    Ok(text) => text.parse().unwrap(),
    Err(_) => default,
  }
}

/// The call of this name that fails, by its number in each thread.
#[derive(Clone, Copy, Debug)]
struct FailedFlush(&'static str, u32);

/// Tries states of what `scenario` leaves, and says how many.
fn try_states(scenario: &str, failed: Option<FailedFlush>, states: u64) {
  let world = World::new(scenario);
  let Some(record) = world.watch(failed) else {
    support::Need::Strace.is_missing();
  };
  let mut dice = Rng::with_seed(variable("POWER_SEED", 1));
  let (mut tried, mut events) = (0, 0);
  let mut replay = record.replay();
  for moment in moments(&record, states, &mut dice) {
    let persistence = Persistence::any(&mut dice);
    let seed = dice.u64(..);
    let told = format!("{scenario}: {moment} {persistence:?} {seed}");
    let disk = replay.disk_at(moment);
    let directory = disk.fail(persistence, seed).on_disk(record.root());
    events += world.verify(directory.path(), &record.promises(moment), &told);
    tried += 1;
  }
  println!("{scenario}: {tried} power failures, {events} events, lost: 0");
}

/// As many moments as are wanted, spread over the whole record, in order.
fn moments(record: &Record, states: u64, dice: &mut Rng) -> Vec<usize> {
  let all = record.moments();
  let any = |_| all[dice.usize(..all.len())];
  let mut moments: Vec<usize> = (0..states).map(any).collect();
  moments.sort();
  moments
}

fn states() -> u64 {
  variable("POWER_STATES", 36)
}

#[test]
#[cfg_attr(without_strace, ignore = "it needs strace")]
fn nothing_promised_is_lost_when_the_power_fails() {
  try_states("mixed", None, states());
}

#[test]
#[cfg_attr(without_strace, ignore = "it needs strace")]
fn many_small_records_survive_a_power_failure() {
  try_states("many", None, states() / 6);
}

/// Parts of a file behind gaps: no gap ever becomes bytes.
#[test]
#[cfg_attr(without_strace, ignore = "it needs strace")]
fn a_file_that_is_fetched_in_parts_survives_a_power_failure() {
  try_states("split", None, states() / 3);
}

#[test]
#[cfg_attr(without_strace, ignore = "it needs strace")]
fn a_flush_that_fails_once_makes_nothing_durable_later() {
  // The first are those of bodies; the others, once the store is open, those
  // of rows.
  let flushes = [("fdatasync", 1), ("fdatasync", 3), ("fsync", 18)];
  for (call, number) in flushes {
    let failed = FailedFlush(call, number);
    try_states("mixed", Some(failed), states() / 6);
  }
}

/// The process that is watched.
#[test]
#[ignore = "only the other tests run it, as a process of its own"]
fn watched() {
  child::run();
}
