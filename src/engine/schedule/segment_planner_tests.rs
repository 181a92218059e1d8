//! The laws of the planner of segments, in every simulated transfer:
//!
//! 1. Never more segments than the policy has; before an answer has proven
//!    that there are ranges, one beside the attempt's own; none after a
//!    refusal, nor in the pause after a failure.
//! 2. A segment is asked for missing bytes only, inside of the whole, and for
//!    none that another one is to bring.
//! 3. No segment has less than the smallest size, but for what is a gap by
//!    itself, or what helps one that takes long.
//! 4. However segments fail, all bytes come.
//! 5. It takes little longer than it would with everything known before.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::segment_planner::PRIMARY;
use super::segment_planner::SegmentEnd;
use super::segment_planner::SegmentId;
use super::segment_planner::SegmentPlanner;
use crate::engine::policy::SegmentPolicy;
use crate::spec::Extents;

const MIB: u64 = 1024 * 1024;
const TICK: Duration = Duration::from_millis(100);

struct Running {
  at: u64,
  end: u64,
  /// In bytes a tick.
  rate: u64,
}

/// A transfer in which time goes by ticks.
struct World {
  planner: SegmentPlanner,
  policy: SegmentPolicy,
  length: u64,
  stored: Extents,
  running: BTreeMap<SegmentId, Running>,
  now: Instant,
  started: usize,
  is_proven: bool,
  pause_until: Option<Instant>,
}

impl World {
  fn new(
    policy: SegmentPolicy,
    length: u64,
    stored: Extents,
    rate: u64,
  ) -> Self {
    let now = Instant::now();
    let at = stored.prefix();
    let primary = Running {
      at,
      end: length,
      rate,
    };
    Self {
      planner: SegmentPlanner::new(policy, length, at, now),
      policy,
      length,
      stored,
      running: BTreeMap::from([(PRIMARY, primary)]),
      now,
      started: 0,
      is_proven: false,
      pause_until: None,
    }
  }

  fn others(&self) -> impl Iterator<Item = (&SegmentId, &Running)> {
    self.running.iter().filter(|(id, _)| **id != PRIMARY)
  }

  /// Starts what may be. `rate` says how fast each new one is.
  fn plan(&mut self, mut rate: impl FnMut() -> u64) {
    while let Some(next) = self.planner.next(&self.stored, self.now) {
      let range = next.range.clone();
      assert!(self.running.len() < self.policy.max, "law 1");
      assert!(self.is_proven || self.others().count() == 0, "law 1");
      assert!(!self.planner.is_refused(), "law 1");
      assert!(self.pause_until.is_none_or(|t| self.now >= t), "law 1");
      self.check_range(&range);
      let (id, overtaken) = self.planner.start(&next, self.now);
      if let Some(overtaken) = overtaken {
        self.end(overtaken, SegmentEnd::Done);
      }
      for running in self.running.values_mut() {
        // Who was on it has it no longer.
        if (running.at..running.end).contains(&range.start) {
          running.end = range.start;
        }
      }
      let rate = rate();
      let running = Running {
        at: range.start,
        end: range.end,
        rate,
      };
      self.running.insert(id, running);
      self.started += 1;
      assert!(self.started < 10_000, "it splits without end");
    }
  }

  fn check_range(&self, range: &Range<u64>) {
    assert!(!range.is_empty() && range.end <= self.length, "law 2");
    let next = self.stored.next_stored(range.start);
    assert!(
      next.is_none_or(|next| next >= range.end),
      "law 2: {range:?}"
    );
    for (_, other) in self.others() {
      let apart = range.end <= other.at || range.start >= other.end;
      // Or it takes the end of that one's.
      let is_share = range.start >= other.at && range.end <= other.end;
      assert!(apart || is_share, "law 2: {range:?}");
    }
    let starts = self.others().map(|(_, o)| o.end);
    let begins_gap = self.stored.next_missing(range.start) == range.start
      && (self.stored.ahead().iter().any(|e| e.end == range.start)
        || self.stored.prefix() == range.start
        || starts.into_iter().any(|end| end == range.start));
    let is_large = range.end - range.start >= self.policy.min_size;
    let slow = self.running.values().any(|r| {
      let rest = r.end.saturating_sub(r.at);
      rest as f64 > r.rate as f64 * 5.0 * 10.0
    });
    assert!(is_large || begins_gap || slow, "law 3: {range:?}");
  }

  fn end(&mut self, id: SegmentId, how: SegmentEnd) {
    if self.running.remove(&id).is_some() {
      self.planner.ended(id, how, self.now);
      if how == SegmentEnd::Failed {
        self.pause_until = Some(self.now + Duration::from_secs(1));
      }
    }
  }

  fn tick(&mut self) {
    self.now += TICK;
    for id in self.running.keys().copied().collect::<Vec<_>>() {
      let Some(running) = self.running.get_mut(&id) else {
        continue;
      };
      let from = running.at;
      let mut bytes = running.rate.min(self.length - from);
      if id == PRIMARY {
        let next = self.stored.next_stored(from).unwrap_or(self.length);
        bytes = bytes.min(next.saturating_sub(from));
        running.at = from + bytes;
        let passed = self.planner.moved(from + bytes);
        self.stored.add(from..from + bytes);
        let at = from + bytes;
        if self.stored.next_stored(at) == Some(at) || at == self.length {
          self.end(PRIMARY, SegmentEnd::Done);
        }
        for passed in passed {
          self.end(passed, SegmentEnd::Done);
        }
        continue;
      }
      if bytes > 0 {
        self.is_proven = true;
        self.planner.answered();
      }
      let taken = self.planner.take(id, bytes);
      running.at = from + taken;
      assert!(running.at <= running.end, "law 2");
      self.stored.add(from..from + taken);
      if self.planner.is_at_end(id) {
        self.end(id, SegmentEnd::Done);
      }
    }
    // The attempt continues as another one, behind what is stored.
    if self.running.is_empty() && self.stored.prefix() < self.length {
      let rate = 100_000;
      let at = self.stored.prefix();
      self.planner =
        SegmentPlanner::new(self.policy, self.length, at, self.now);
      self.is_proven = false;
      let end = self.length;
      self.running.insert(PRIMARY, Running { at, end, rate });
      self.pause_until = None;
    }
  }

  fn is_done(&self) -> bool {
    self.stored.prefix() == self.length
  }
}

#[test]
fn the_laws_hold_in_every_transfer() {
  for seed in 0..3_000 {
    let _shown = ShowSeed(seed);
    let mut rng = Rng::with_seed(seed);
    let policy = SegmentPolicy {
      max: rng.usize(1..9),
      min_size: rng.u64(0..4) * MIB,
    };
    let length = rng.u64(1..64 * MIB);
    let mut stored = Extents::default();
    for _ in 0..rng.u8(0..4) {
      let start = rng.u64(0..length);
      stored.add(start..rng.u64(start..=length));
    }
    let mut world = World::new(policy, length, stored, rng.u64(1..=MIB));
    let mut ticks = 0;
    while !world.is_done() {
      world.plan(|| rng.u64(0..=MIB));
      world.tick();
      let ids: Vec<_> = world.others().map(|(id, _)| *id).collect();
      for id in ids {
        // As servers, networks and idle timeouts have it.
        match rng.u16(0..300) {
          0 => world.end(id, SegmentEnd::Failed),
          1 if rng.u8(0..10) == 0 => {
            world.end(id, SegmentEnd::Refused);
            let rest: Vec<_> = world.others().map(|(id, _)| *id).collect();
            rest
              .into_iter()
              .for_each(|id| world.end(id, SegmentEnd::Done));
          }
          _ => {}
        }
      }
      ticks += 1;
      assert!(ticks < 2_000_000, "law 4");
    }
  }
}

/// Law 5, for servers that limit each connection, and for those whose
/// connections differ.
#[test]
fn it_takes_little_longer_than_it_has_to() {
  for seed in 0..500 {
    let _shown = ShowSeed(seed);
    let mut rng = Rng::with_seed(seed);
    let policy = SegmentPolicy {
      max: rng.usize(2..9),
      min_size: MIB,
    };
    let length = 512 * MIB;
    let are_equal = rng.bool();
    let mut rate = || match are_equal {
      true => MIB,
      false => rng.u64(MIB / 10..=2 * MIB),
    };
    let mut world = World::new(policy, length, Extents::default(), rate());
    let (mut ticks, mut received) = (0.0, 0);
    while !world.is_done() {
      world.plan(&mut rate);
      received += world.running.values().map(|r| r.rate).sum::<u64>();
      world.tick();
      ticks += 1.0;
    }
    // What the connections could have brought in that time, and did not.
    let ideal = length as f64 / (received as f64 / ticks);
    let full = policy.max as f64 * MIB as f64;
    if are_equal {
      assert!(ticks <= 1.05 * length as f64 / full + 6.0, "law 5: {ticks}");
    }
    assert!(ticks <= 1.1 * ideal + 20.0, "law 5: {ticks} of {ideal}");
  }
}

/// What a server that limits each connection is asked for.
#[test]
fn the_whole_is_divided_among_all_that_may_be() {
  let policy = SegmentPolicy {
    max: 4,
    min_size: MIB,
  };
  let mut world = World::new(policy, 80 * MIB, Extents::default(), MIB);
  world.plan(|| MIB);
  let ranges = |world: &World| {
    let mut ranges: Vec<_> = world
      .others()
      .map(|(_, r)| (r.at / MIB, r.end / MIB))
      .collect();
    ranges.sort();
    ranges
  };
  // One proves it for the others.
  assert_eq!(ranges(&world), [(20, 40)]);
  world.planner.answered();
  world.is_proven = true;
  world.plan(|| MIB);
  assert_eq!(ranges(&world), [(20, 40), (40, 60), (60, 80)]);
}

#[test]
fn what_is_small_is_not_divided() {
  let policy = SegmentPolicy {
    max: 8,
    min_size: 16 * MIB,
  };
  let mut world =
    World::new(policy, 32 * MIB - 1, Extents::default(), 10 * MIB);
  world.plan(|| MIB);
  assert_eq!(world.others().count(), 0);
  // A policy for one is as good as none.
  let one = SegmentPolicy { max: 1, ..policy };
  let mut world = World::new(one, 320 * MIB, Extents::default(), MIB);
  world.plan(|| MIB);
  assert_eq!(world.others().count(), 0);
}

/// Says which transfer has failed.
struct ShowSeed(u64);

impl Drop for ShowSeed {
  fn drop(&mut self) {
    if std::thread::panicking() {
      eprintln!("the seed is {}", self.0);
    }
  }
}

/// A planner for 4 MiB, and what is stored of them.
fn of_four_mib(stored: u64) -> (SegmentPlanner, Extents, Instant) {
  let now = Instant::now();
  let policy = SegmentPolicy {
    max: 4,
    min_size: MIB,
  };
  let mut extents = Extents::default();
  extents.add(0..stored);
  (SegmentPlanner::new(policy, 4 * MIB, 0, now), extents, now)
}

/// The attempt stands where the gap begins that another segment is on.
#[test]
fn an_attempt_that_has_ended_passes_no_other() {
  let (mut planner, stored, now) = of_four_mib(3 * MIB);
  planner.ended(PRIMARY, SegmentEnd::Done, now);
  let rest = planner.next(&stored, now).expect("the rest is missing");
  let (id, _) = planner.start(&rest, now);
  assert_eq!(planner.moved(3 * MIB), []);
  assert!(!planner.is_at_end(id));
  assert_eq!(planner.next(&stored, now), None);
}

/// The attempt has received everything, and the rest is still to be written.
#[test]
fn what_is_received_and_not_yet_stored_is_not_fetched_again() {
  let (mut planner, stored, now) = of_four_mib(MIB);
  assert_eq!(planner.moved(4 * MIB), []);
  assert_eq!(planner.next(&stored, now), None);
}
