//! The laws of the scheduler, on every schedule:
//!
//! 1. No limit is exceeded at any moment: in all, for a background fetch, for a
//!    host.
//! 2. Nothing that could start is left waiting, unless the last place of its
//!    background fetch is kept for an attempt whose host is full.
//! 3. What was enqueued starts once; what was removed, or had something take
//!    its place, never does.
//! 4. A retry comes once, not before its time, and not later than the first
//!    moment at which the scheduler is asked after it.
//! 5. The wake-up is the earliest retry there is.
//! 6. No attempt starves: however much others enqueue, it starts after a bounded
//!    number of others have ended.
//! 7. Nothing is kept of what has ended.
//! 8. A helper never has a place of a host that an attempt has found full,
//!    unless it was asked to leave.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;
use url::Origin;
use url::Url;

use super::scheduler::AttemptId;
use super::scheduler::PlaceId;
use super::scheduler::Scheduler;
use crate::engine::policy::Concurrency;
use crate::ids::BackgroundFetchKey;

const HOSTS: [&str; 3] = ["a", "b", "c"];

/// A record, by its background fetch and its number.
type Record = (i64, usize);

/// A scheduler, and what has to be true of it.
struct World {
  scheduler: Scheduler,
  limits: Concurrency,
  origins: Vec<Origin>,
  now: Instant,
  attempts: u32,
  waiting: BTreeMap<Record, u32>,
  retries: BTreeMap<Record, (Instant, u32)>,
  running: BTreeMap<PlaceId, Record>,
  /// By their host, and whether they were asked to leave.
  helpers: BTreeMap<PlaceId, (&'static str, bool)>,
}

/// It follows from the numbers, so that a failure can be read.
fn host((fetch, record): Record) -> &'static str {
  HOSTS[(fetch as usize + record) % HOSTS.len()]
}

impl World {
  fn new(limits: Concurrency, origins: &[Origin], now: Instant) -> Self {
    Self {
      scheduler: Scheduler::new(limits),
      limits,
      origins: origins.to_vec(),
      now,
      attempts: 0,
      waiting: BTreeMap::new(),
      retries: BTreeMap::new(),
      running: BTreeMap::new(),
      helpers: BTreeMap::new(),
    }
  }

  fn next_attempt(&mut self, (key, record): Record) -> AttemptId {
    self.attempts += 1;
    AttemptId {
      key: BackgroundFetchKey(key),
      record,
      attempt: self.attempts,
    }
  }

  fn enqueue(&mut self, record: Record) {
    let attempt = self.next_attempt(record);
    let origin = &self.origins[record.0 as usize % self.origins.len()];
    self.scheduler.enqueue(attempt, origin, host(record));
    self.retries.remove(&record);
    self.waiting.insert(record, attempt.attempt);
  }

  fn retry(&mut self, record: Record, after: Duration) {
    let attempt = self.next_attempt(record);
    let time = self.now + after;
    self.scheduler.retry_at(attempt, time);
    self.waiting.remove(&record);
    self.retries.insert(record, (time, attempt.attempt));
  }

  fn remove(&mut self, record: Record) {
    self
      .scheduler
      .remove(BackgroundFetchKey(record.0), record.1);
    self.waiting.remove(&record);
    self.retries.remove(&record);
  }

  fn finish(&mut self, place: PlaceId) {
    self.scheduler.finished(place);
    // That it was said once is enough.
    self.scheduler.finished(place);
    self.running.remove(&place);
    self.helpers.remove(&place);
  }

  fn start_helper(&mut self, host: &'static str) {
    if let Some(place) = self.scheduler.start_helper(host) {
      self.helpers.insert(place, (host, false));
    }
  }

  /// Asks what to do, and does it.
  fn tick(&mut self) -> Vec<Record> {
    let output = self.scheduler.tick(self.now);
    let mut started = Vec::new();
    for start in output.start {
      let record = (start.attempt.key.0, start.attempt.record);
      let expected = self.waiting.remove(&record);
      assert_eq!(expected, Some(start.attempt.attempt), "law 3");
      let twice = self.running.insert(start.place, record);
      assert_eq!(twice, None, "law 3");
      started.push(record);
    }
    for attempt in output.retry {
      let record = (attempt.key.0, attempt.record);
      let (time, number) = self.retries.remove(&record).expect("law 4");
      assert!(time <= self.now && number == attempt.attempt, "law 4");
    }
    for place in output.leave {
      let (_, leaves) = self.helpers.get_mut(&place).expect("law 8");
      assert!(!std::mem::replace(leaves, true), "law 8");
    }
    let times = self.retries.values().map(|(time, _)| *time);
    let earliest = times.min();
    assert!(earliest.is_none_or(|time| time > self.now), "law 4");
    assert_eq!(output.wake_at, earliest, "law 5");
    self.check_limits();
    started
  }

  fn running_of(&self, is_counted: impl Fn(Record) -> bool) -> usize {
    self.running.values().filter(|r| is_counted(**r)).count()
  }

  fn has_no_place(&self, record: Record) -> bool {
    let of_fetch = self.running_of(|r| r.0 == record.0);
    let is_kept = of_fetch + 1 >= self.limits.per_background_fetch
      && self
        .waiting
        .keys()
        .any(|r| r.0 == record.0 && self.host_is_full(*r));
    self.running.len() >= self.limits.total
      || of_fetch >= self.limits.per_background_fetch
      || self.host_is_full(record)
      || is_kept
  }

  fn host_is_full(&self, record: Record) -> bool {
    let of_host = self.on_host(host(record));
    self.limits.per_host.is_some_and(|limit| of_host >= limit)
  }

  fn on_host(&self, name: &str) -> usize {
    let helpers = self.helpers.values().filter(|(host, _)| *host == name);
    self.running_of(|r| host(r) == name) + helpers.count()
  }

  /// Nothing else keeps the record waiting.
  fn needs_a_helper_s_place(&self, record: Record) -> bool {
    let of_fetch = self.running_of(|r| r.0 == record.0);
    let of_others = |r: &&Record| r.0 == record.0 && **r != record;
    self.running.len() < self.limits.total
      && of_fetch + 1 < self.limits.per_background_fetch
      && self.waiting.keys().filter(of_others).count() == 0
      && self.host_is_full(record)
  }

  fn check_limits(&self) {
    assert!(self.running.len() <= self.limits.total, "law 1");
    for record in self.running.values() {
      let of_fetch = self.running_of(|r| r.0 == record.0);
      assert!(of_fetch <= self.limits.per_background_fetch, "law 1");
      let of_host = self.on_host(host(*record));
      let limit = self.limits.per_host;
      assert!(limit.is_none_or(|limit| of_host <= limit), "law 1");
    }
    assert!(self.waiting.keys().all(|r| self.has_no_place(*r)), "law 2");
    for record in self.waiting.keys() {
      let mut helpers = self.helpers.values();
      let all_stay = helpers.all(|(h, leaves)| *h != host(*record) || !leaves);
      let mut helpers = self.helpers.values();
      let there_are = helpers.any(|(h, _)| *h == host(*record));
      let is_kept_out = there_are && all_stay;
      assert!(
        !is_kept_out || !self.needs_a_helper_s_place(*record),
        "law 8"
      );
    }
  }

  fn a_step(&mut self, rng: &mut Rng) {
    let record = (rng.i64(0..4), rng.usize(0..4));
    match rng.u8(0..10) {
      0..4 => self.enqueue(record),
      4..7 => {
        let running = self.running.keys().nth(rng.usize(0..4)).copied();
        running.into_iter().for_each(|place| self.finish(place));
      }
      7 => self.remove(record),
      8 => self.retry(record, Duration::from_millis(rng.u64(0..4))),
      9 if rng.bool() => {
        let helpers = self.helpers.keys().nth(rng.usize(0..4)).copied();
        match helpers {
          Some(place) => self.finish(place),
          None => self.start_helper(host(record)),
        }
      }
      _ => self.now += Duration::from_millis(rng.u64(0..3)),
    }
    // What comes before it is asked becomes one.
    if rng.u8(0..4) > 0 {
      self.tick();
    }
  }

  /// Laws 3, 4 and 7: everything ends.
  fn comes_to_an_end(&mut self) {
    self.now += Duration::from_secs(1);
    self.tick();
    assert!(self.retries.is_empty(), "law 4");
    let next = |world: &Self| {
      let mut all = world.running.keys().chain(world.helpers.keys());
      all.next().copied()
    };
    while let Some(place) = next(self) {
      self.finish(place);
      self.tick();
    }
    assert!(self.waiting.is_empty(), "law 2");
    assert!(self.scheduler.is_empty(), "law 7");
  }
}

fn some_limits(rng: &mut Rng) -> Concurrency {
  Concurrency {
    total: rng.usize(1..6),
    per_background_fetch: rng.usize(1..4),
    per_host: rng.bool().then(|| rng.usize(1..4)),
  }
}

fn some_origins() -> Vec<Origin> {
  let urls = ["https://a.test/", "https://b.test/"];
  let urls = urls.map(|url| Url::parse(url).expect("a URL"));
  urls.iter().map(Url::origin).collect()
}

/// Longer ones come later, so that what fails first is short.
#[test]
fn the_laws_hold_on_every_schedule() {
  const SCHEDULES: u64 = 100_000;
  let now = Instant::now();
  let origins = some_origins();
  for seed in 0..SCHEDULES {
    let _shown = ShowSeed(seed);
    let mut rng = Rng::with_seed(seed);
    let limits = some_limits(&mut rng);
    let mut world = World::new(limits, &origins, now);
    for _ in 0..3 + seed * 20 / SCHEDULES {
      world.a_step(&mut rng);
    }
    world.comes_to_an_end();
  }
}

/// Law 6: whatever has started is enqueued again at once, so that there is
/// always another one to start.
#[test]
fn no_attempt_starves_while_all_others_come_back() {
  const SCHEDULES: u64 = 500;
  let now = Instant::now();
  let origins = some_origins();
  for seed in 0..SCHEDULES {
    let _shown = ShowSeed(seed);
    let mut rng = Rng::with_seed(seed);
    let limits = some_limits(&mut rng);
    let mut world = World::new(limits, &origins, now);
    let fetches = rng.i64(1..6);
    let records = rng.usize(1..6);
    let all = fetches as usize * records;
    let mut waits: BTreeMap<Record, usize> = BTreeMap::new();
    let every = |fetch| (0..records).map(move |record| (fetch, record));
    for record in (0..fetches).flat_map(every) {
      world.enqueue(record);
      waits.insert(record, 0);
    }
    for _ in 0..all * 8 {
      for record in world.tick() {
        waits.insert(record, 0);
        world.enqueue(record);
      }
      // What ends is what began first, for no other one's end is bounded.
      if let Some(place) = world.running.keys().next().copied() {
        world.finish(place);
      }
      for (record, waited) in &mut waits {
        *waited += 1;
        // Half of the places are the other origin's, and it may have but one
        // background fetch.
        assert!(*waited <= 4 * all, "law 6: {record:?} of {all}");
      }
    }
  }
}

/// A background fetch with many records leaves room for one with few, and an
/// origin with many background fetches for one with few.
#[test]
fn they_take_turns() {
  let limits = Concurrency {
    total: 1,
    ..Concurrency::default()
  };
  // Background fetches with even numbers are of the first origin.
  let mut world = World::new(limits, &some_origins(), Instant::now());
  for record in [(0, 0), (0, 1), (0, 2), (2, 0), (2, 1), (1, 0), (1, 1)] {
    world.enqueue(record);
  }
  let mut order = world.tick();
  while let Some(place) = world.running.keys().next().copied() {
    world.finish(place);
    order.extend(world.tick());
  }
  let expected = [(0, 0), (1, 0), (2, 0), (1, 1), (0, 1), (2, 1), (0, 2)];
  assert_eq!(order, expected);
}

/// Twenty thousand that wait are found and removed in no time.
#[test]
fn many_may_wait() {
  let limits = Concurrency {
    per_host: Some(1),
    ..Concurrency::default()
  };
  let mut scheduler = Scheduler::new(limits);
  let origins = some_origins();
  let attempt = |key| AttemptId {
    key: BackgroundFetchKey(key),
    record: 0,
    attempt: 1,
  };
  for key in 0..20_000 {
    scheduler.enqueue(attempt(key), &origins[0], "a");
  }
  let now = Instant::now();
  for key in 0..10_000 {
    let [start] = scheduler.tick(now).start[..] else {
      panic!("one has its turn");
    };
    assert_eq!(start.attempt, attempt(key));
    scheduler.finished(start.place);
  }
  for key in 10_000..20_000 {
    scheduler.remove(BackgroundFetchKey(key), 0);
  }
  assert!(scheduler.is_empty());
}

/// Says which schedule has failed.
struct ShowSeed(u64);

impl Drop for ShowSeed {
  fn drop(&mut self) {
    if std::thread::panicking() {
      eprintln!("the seed is {}", self.0);
    }
  }
}
