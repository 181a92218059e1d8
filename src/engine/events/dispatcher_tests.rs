//! The laws of the dispatcher, on every schedule:
//!
//! 1. No event is lost: one that was neither acknowledged nor withdrawn is
//!    delivered to the next worker that lasts, after a redelivery if it was
//!    given up.
//! 2. None is delivered, or dispatched, to a worker that has ended, was asked
//!    to stop, or has lost its lease.
//! 3. At most one worker has an event at a time, and none after it was
//!    acknowledged or withdrawn.
//! 4. Of the events that wait the oldest is delivered first.
//! 5. While events wait, a worker is busy with others, or was asked for.
//! 6. An event is given up after as many failed workers as it has tries, never
//!    earlier, and never because of another event. A worker fails when it
//!    crashes, takes too long, or gives the event back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::EventDispatcher;
use super::GivenUp;
use super::LeaseId;
use super::Output;
use super::WorkerEnd;

/// An event, by a number.
type Event = u32;

/// Where an event stands among those that wait.
type Turn = u32;

const LIMIT: Duration = Duration::from_secs(300);

/// A dispatcher, and what has to be true of it.
struct World {
  dispatcher: EventDispatcher<Event>,
  max_tries: u32,
  now: Instant,
  fired: Event,
  last_turn: Turn,
  turns: BTreeMap<Event, Turn>,
  /// Those that take events, oldest first, and those that leave.
  taking: Vec<u64>,
  leaving: Vec<u64>,
  last_worker: u64,
  waiting: BTreeSet<(Turn, Event)>,
  leases: BTreeMap<LeaseId, Lease>,
  undelivered: Vec<Event>,
  /// Acknowledged or withdrawn.
  over: BTreeSet<Event>,
  /// How many workers have failed while they had the event.
  failed: BTreeMap<Event, u32>,
  /// A worker was asked for since one was there.
  is_woken: bool,
  /// Every delivery there ever was.
  leased: Vec<(u64, LeaseId)>,
}

#[derive(Clone, Copy)]
struct Lease {
  worker: u64,
  event: Event,
  since: Instant,
  is_dispatched: bool,
}

impl World {
  fn new(max_tries: u32, now: Instant) -> Self {
    Self {
      dispatcher: EventDispatcher::new(max_tries),
      max_tries,
      now,
      fired: 0,
      last_turn: 0,
      turns: BTreeMap::new(),
      taking: Vec::new(),
      leaving: Vec::new(),
      last_worker: 0,
      waiting: BTreeSet::new(),
      leases: BTreeMap::new(),
      undelivered: Vec::new(),
      over: BTreeSet::new(),
      failed: BTreeMap::new(),
      is_woken: false,
      leased: Vec::new(),
    }
  }

  fn fire(&mut self) {
    self.fired += 1;
    self.waits_last(self.fired);
    let outputs = self.dispatcher.fire(self.fired, self.now);
    self.check(outputs);
  }

  fn waits_last(&mut self, event: Event) {
    self.last_turn += 1;
    self.turns.insert(event, self.last_turn);
    self.waiting.insert((self.last_turn, event));
  }

  fn start_worker(&mut self) {
    self.last_worker += 1;
    self.taking.push(self.last_worker);
    let outputs = self.dispatcher.worker_started(self.last_worker, self.now);
    self.check(outputs);
  }

  /// Returns whether it was leaving.
  fn takes_no_more(&mut self, worker: u64) -> bool {
    let was_taking = self.taking.contains(&worker);
    if was_taking {
      self.is_woken = false;
    }
    self.taking.retain(|other| *other != worker);
    self.leaving.retain(|other| *other != worker);
    !was_taking
  }

  fn leave(&mut self, worker: u64) {
    self.takes_no_more(worker);
    self.leaving.push(worker);
    self.release(worker, |held| !held.is_dispatched);
    let outputs = self.dispatcher.worker_leaving(worker, self.now);
    self.check(outputs);
  }

  fn end(&mut self, worker: u64, end: WorkerEnd) {
    let was_leaving = self.takes_no_more(worker);
    let now = self.now;
    let own = self.leases.values().filter(|l| l.worker == worker);
    let failed: Vec<Event> = match end {
      WorkerEnd::Stopped => Vec::new(),
      WorkerEnd::Crashed if was_leaving => Vec::new(),
      WorkerEnd::Crashed => {
        own.filter(|l| l.is_dispatched).map(|l| l.event).collect()
      }
      WorkerEnd::Overdue(limit) => {
        let overdue = own.filter(|l| l.since + limit <= now);
        overdue.map(|l| l.event).collect()
      }
    };
    for event in failed {
      *self.failed.entry(event).or_default() += 1;
    }
    self.release(worker, |_| true);
    let outputs = self.dispatcher.worker_ended(worker, end, self.now);
    self.check(outputs);
  }

  /// What the worker has waits again, if it is as `which` says.
  fn release(&mut self, worker: u64, which: impl Fn(&Lease) -> bool) {
    let (waiting, turns) = (&mut self.waiting, &self.turns);
    self.leases.retain(|_, held| {
      let is_over = held.worker == worker && which(held);
      if is_over {
        waiting.insert((turns[&held.event], held.event));
      }
      !is_over
    });
  }

  fn dispatch(&mut self, worker: u64, lease: LeaseId) {
    let is_its = self.dispatcher.dispatched(worker, lease);
    let held = self.leases.get_mut(&lease);
    let held = held.filter(|held| held.worker == worker);
    assert_eq!(is_its, held.is_some(), "law 2");
    if let Some(held) = held {
      held.is_dispatched = true;
    }
  }

  fn acknowledge(&mut self, worker: u64, lease: LeaseId) {
    let held = self.leases.get(&lease).copied();
    let held = held.filter(|held| held.worker == worker);
    if let Some(held) = held {
      self.leases.remove(&lease);
      assert!(self.over.insert(held.event), "law 3");
    }
    let acknowledged = self.dispatcher.acknowledge(worker, lease, self.now);
    let (event, outputs) = acknowledged.unzip();
    assert_eq!(event, held.map(|held| held.event), "law 3");
    self.check(outputs.unwrap_or_default());
  }

  fn give_back(&mut self, worker: u64, lease: LeaseId) {
    let held = self.leases.get(&lease).copied();
    if let Some(held) = held.filter(|held| held.worker == worker) {
      self.leases.remove(&lease);
      self.waiting.insert((self.turns[&held.event], held.event));
      if self.taking.contains(&worker) {
        *self.failed.entry(held.event).or_default() += 1;
      }
    }
    let outputs = self.dispatcher.given_back(worker, lease, self.now);
    self.check(outputs);
  }

  fn redeliver(&mut self, which: impl Fn(Event) -> bool) {
    for event in std::mem::take(&mut self.undelivered) {
      match which(event) {
        true => {
          self.failed.remove(&event);
          self.waits_last(event);
        }
        false => self.undelivered.push(event),
      }
    }
    let outputs = self.dispatcher.redeliver(|e| which(*e), self.now);
    self.check(outputs);
  }

  fn withdraw(&mut self, event: Event) {
    self.waiting.retain(|(_, other)| *other != event);
    self.undelivered.retain(|other| *other != event);
    self.leases.retain(|_, held| held.event != event);
    self.over.insert(event);
    let outputs = self.dispatcher.withdraw(|e| *e == event, self.now);
    self.check(outputs);
  }

  fn check(&mut self, outputs: Vec<Output<Event>>) {
    for output in outputs {
      match output {
        Output::Deliver {
          worker,
          lease,
          event,
        } => self.delivered(worker, lease, event),
        Output::Wake { .. } => {
          assert!(self.taking.is_empty(), "a worker too many");
          self.is_woken = true;
        }
        Output::Undelivered { event, why } => self.given_up(event, why),
      }
    }
    if let Some(worker) = self.taking.first() {
      self.is_woken = false;
      let is_busy = self.leases.values().any(|l| l.worker == *worker);
      assert!(self.waiting.is_empty() || is_busy, "law 5");
    } else {
      assert!(self.waiting.is_empty() || self.is_woken, "law 5");
    }
    assert_eq!(self.dispatcher.has_waiting(), !self.waiting.is_empty());
    let is_idle = self.waiting.is_empty() && self.leases.is_empty();
    assert_eq!(self.dispatcher.is_idle(), is_idle);
  }

  fn delivered(&mut self, worker: u64, lease: LeaseId, event: Event) {
    assert!(self.taking.contains(&worker), "law 2");
    assert!(!self.over.contains(&event), "law 3");
    let first = self.waiting.pop_first().map(|(_, event)| event);
    assert_eq!(first, Some(event), "laws 3 and 4");
    let held = Lease {
      worker,
      event,
      since: self.now,
      is_dispatched: false,
    };
    let other = self.leases.insert(lease, held);
    assert!(other.is_none(), "a delivery has one number");
    self.leased.push((worker, lease));
  }

  fn given_up(&mut self, event: Event, why: GivenUp) {
    let (GivenUp::Crashed { tries }
    | GivenUp::Overdue { tries }
    | GivenUp::GivenBack { tries }) = why;
    assert_eq!(tries, self.max_tries, "law 6");
    let failed = self.failed.get(&event).copied().unwrap_or_default();
    assert!(failed >= self.max_tries, "law 6");
    let was_waiting = self.waiting.remove(&(self.turns[&event], event));
    assert!(was_waiting, "law 3");
    self.undelivered.push(event);
  }

  fn a_step(&mut self, rng: &mut Rng) {
    let mut workers = self.taking.clone();
    workers.extend(&self.leaving);
    let worker = rng.choice(&workers).copied();
    // Of the latest ones, some of which are over.
    let latest = self.leased.len().saturating_sub(6);
    let lease = rng.choice(&self.leased[latest..]).copied();
    // Now and then a worker speaks of what another one has.
    let lease = match (lease, worker) {
      (Some((_, lease)), Some(other)) if rng.u8(..8) == 0 => {
        Some((other, lease))
      }
      (lease, _) => lease,
    };
    match (rng.u8(..100), worker, lease) {
      (0..25, ..) => self.fire(),
      (25..40, ..) if self.taking.len() < 2 => self.start_worker(),
      (40..60, _, Some((worker, lease))) => self.dispatch(worker, lease),
      (60..70, _, Some((worker, lease))) => {
        self.acknowledge(worker, lease);
      }
      (70..72, _, Some((worker, lease))) => self.give_back(worker, lease),
      (72..77, Some(worker), _) if self.taking.contains(&worker) => {
        self.leave(worker);
      }
      (77..80, Some(worker), _) => self.end(worker, WorkerEnd::Stopped),
      (80..86, Some(worker), _) => self.end(worker, WorkerEnd::Crashed),
      (86..92, Some(worker), _) => self.end(worker, WorkerEnd::Overdue(LIMIT)),
      (92..94, ..) if self.fired > 0 => {
        self.withdraw(rng.u32(1..=self.fired));
      }
      (94..96, ..) => self.redeliver(|event| event % 2 == 0),
      (96.., ..) => self.now += LIMIT / 2,
      _ => {}
    }
  }

  /// Law 1: all who fail are gone, and one worker comes that lasts.
  fn comes_to_an_end(&mut self) {
    while let Some(worker) = self.taking.first().or(self.leaving.first()) {
      self.end(*worker, WorkerEnd::Stopped);
    }
    self.redeliver(|_| true);
    self.start_worker();
    while let Some((&lease, held)) = self.leases.first_key_value() {
      let worker = held.worker;
      self.dispatch(worker, lease);
      self.acknowledge(worker, lease);
    }
    assert!(self.waiting.is_empty() && self.undelivered.is_empty());
    assert_eq!(self.over.len(), self.fired as usize, "law 1");
  }
}

/// Longer ones come later, so that what fails first is short.
#[test]
fn the_laws_hold_on_every_schedule() {
  const SCHEDULES: u64 = 100_000;
  let now = Instant::now();
  for seed in 0..SCHEDULES {
    let _shown = ShowSeed(seed);
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(rng.u32(1..4), now);
    for _ in 0..3 + seed * 24 / SCHEDULES {
      world.a_step(&mut rng);
    }
    world.comes_to_an_end();
  }
}

/// Law 6: some events end every worker that sees them.
#[test]
fn an_event_that_ends_workers_takes_no_other_with_it() {
  const SCHEDULES: u64 = 10_000;
  const TRIES: u32 = 3;
  let now = Instant::now();
  for seed in 0..SCHEDULES {
    let _shown = ShowSeed(seed);
    let mut rng = Rng::with_seed(seed);
    let mut world = World::new(TRIES, now);
    let events = rng.u32(1..10);
    let poison: BTreeSet<Event> =
      (1..=events).filter(|_| rng.u8(..4) == 0).collect();
    let mut left = events;
    let mut workers = 0;
    while left > 0 || !world.dispatcher.is_idle() {
      if left > 0 && rng.bool() {
        left -= 1;
        world.fire();
      }
      if world.taking.is_empty() {
        workers += 1;
        world.start_worker();
      }
      let worker = world.taking[0];
      // Several handlers run at once.
      for lease in world.leases.keys().copied().collect::<Vec<_>>() {
        world.dispatch(worker, lease);
      }
      let all: Vec<_> = world.leases.iter().map(|(d, l)| (*d, *l)).collect();
      if all.iter().any(|(_, held)| poison.contains(&held.event)) {
        let end = match rng.bool() {
          true => WorkerEnd::Crashed,
          false => {
            world.now += LIMIT;
            WorkerEnd::Overdue(LIMIT)
          }
        };
        world.end(worker, end);
      } else if let Some((lease, _)) = all.first() {
        world.acknowledge(worker, *lease);
      }
    }
    let undelivered: BTreeSet<Event> =
      world.undelivered.iter().copied().collect();
    assert_eq!(undelivered, poison);
    assert_eq!(world.over.len(), (events as usize) - poison.len());
    // One more that is still there.
    assert!(workers <= poison.len() as u32 * TRIES + 1);
  }
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
