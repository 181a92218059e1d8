//! The functional events of one registration, from when they are fired until a
//! service worker has handled them, as a value: it takes what has happened and
//! returns what to do. It never waits, and does no I/O; the time is an
//! argument.
//!
//! An event is always in exactly one of three places: it *waits* for a worker,
//! a worker has it on a *lease*, or it is *undelivered*. It leaves them only
//! when it is acknowledged or withdrawn. `dispatcher_tests.rs` holds the laws.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use indexmap::IndexMap;
use tokio::time::Instant;

/// Names a lease: one delivery of an event to one service worker. The same event
/// has another one each time that it is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LeaseId(pub(crate) u64);

/// The realm of a service worker.
type WorkerRealm = u64;

/// What is to be done, in this order.
#[derive(Debug)]
pub(in crate::engine) enum Output<E> {
  /// The worker gets the event.
  Deliver {
    worker: WorkerRealm,
    lease: LeaseId,
    event: E,
  },
  /// Events wait, and no worker runs that takes them. `new_event` when one was
  /// fired just now.
  Wake { new_event: bool },
  /// The event has had its last try.
  Undelivered { event: E, why: GivenUp },
}

/// How a service worker has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum WorkerEnd {
  /// It was asked to stop.
  Stopped,
  /// It ended by itself: what it was handling may be the reason.
  Crashed,
  /// It has had an event for longer than this.
  Overdue(Duration),
}

/// Why an event is not delivered once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum GivenUp {
  Crashed { tries: u32 },
  Overdue { tries: u32 },
  GivenBack { tries: u32 },
}

pub(in crate::engine) struct EventDispatcher<E> {
  /// How many workers may fail to handle an event.
  max_tries: u32,
  last_position: u64,
  last_delivery: u64,
  /// Oldest first.
  workers: IndexMap<WorkerRealm, Worker>,
  /// By position, which is the order in which they were fired.
  waiting: BTreeMap<u64, Event<E>>,
  leases: BTreeMap<LeaseId, Lease<E>>,
  /// In the order in which they were given up.
  undelivered: Vec<E>,
}

#[derive(Default)]
struct Worker {
  /// It was asked to stop, and gets no more.
  is_leaving: bool,
  leases: BTreeSet<LeaseId>,
}

struct Event<E> {
  position: u64,
  event: E,
  /// How many workers have failed to handle it.
  failed_tries: u32,
}

struct Lease<E> {
  worker: WorkerRealm,
  event: Event<E>,
  since: Instant,
  /// The worker's script sees it.
  is_dispatched: bool,
}

impl<E: Clone> EventDispatcher<E> {
  pub(in crate::engine) fn new(max_tries: u32) -> Self {
    Self {
      max_tries: max_tries.max(1),
      last_position: 0,
      last_delivery: 0,
      workers: IndexMap::new(),
      waiting: BTreeMap::new(),
      leases: BTreeMap::new(),
      undelivered: Vec::new(),
    }
  }

  /// A new event: it goes to a worker that runs, or waits for one.
  #[must_use]
  pub(in crate::engine) fn fire(
    &mut self,
    event: E,
    now: Instant,
  ) -> Vec<Output<E>> {
    self.last_position += 1;
    let position = self.last_position;
    let event = Event {
      position,
      event,
      failed_tries: 0,
    };
    self.waiting.insert(position, event);
    self.deliver(true, now)
  }

  /// An earlier process has given the event up.
  pub(in crate::engine) fn restore_undelivered(&mut self, event: E) {
    self.undelivered.push(event);
  }

  /// Those of the undelivered events are fired again.
  #[must_use]
  pub(in crate::engine) fn redeliver(
    &mut self,
    is_meant: impl FnMut(&mut E) -> bool,
    now: Instant,
  ) -> Vec<Output<E>> {
    let again: Vec<E> = self.undelivered.extract_if(.., is_meant).collect();
    let outputs = again.into_iter().flat_map(|event| self.fire(event, now));
    outputs.collect()
  }

  /// These of the undelivered events are not kept.
  pub(in crate::engine) fn forget_undelivered(
    &mut self,
    mut is_meant: impl FnMut(&mut E) -> bool,
  ) {
    self.undelivered.retain_mut(|event| !is_meant(event));
  }

  /// Nothing of these events is to be said any more.
  #[must_use]
  pub(in crate::engine) fn withdraw(
    &mut self,
    is_meant: impl Fn(&E) -> bool,
    now: Instant,
  ) -> Vec<Output<E>> {
    self.waiting.retain(|_, event| !is_meant(&event.event));
    self.undelivered.retain(|event| !is_meant(event));
    let meant = self.leases.iter().filter(|(_, l)| is_meant(&l.event.event));
    let meant: Vec<LeaseId> = meant.map(|(lease, _)| *lease).collect();
    for lease in meant {
      self.end_lease(lease);
    }
    self.deliver(false, now)
  }

  /// A worker takes events from now on.
  #[must_use]
  pub(in crate::engine) fn worker_started(
    &mut self,
    worker: WorkerRealm,
    now: Instant,
  ) -> Vec<Output<E>> {
    self.workers.entry(worker).or_default();
    self.deliver(false, now)
  }

  /// A worker was asked to stop. What its script has not seen is for another
  /// one; it may still finish the rest.
  #[must_use]
  pub(in crate::engine) fn worker_leaving(
    &mut self,
    worker: WorkerRealm,
    now: Instant,
  ) -> Vec<Output<E>> {
    let Some(leaving) = self.workers.get_mut(&worker) else {
      return Vec::new();
    };
    leaving.is_leaving = true;
    for lease in self.leases_of(worker) {
      if !self.leases[&lease].is_dispatched {
        self.release(lease);
      }
    }
    self.deliver(false, now)
  }

  /// A worker has ended, or is given up: it leaves, and what it has not
  /// finished waits again, in one step.
  #[must_use]
  pub(in crate::engine) fn worker_ended(
    &mut self,
    worker: WorkerRealm,
    end: WorkerEnd,
    now: Instant,
  ) -> Vec<Output<E>> {
    let leases = self.leases_of(worker);
    let Some(ended) = self.workers.shift_remove(&worker) else {
      return Vec::new();
    };
    let failed = self.failed(&leases, end, ended.is_leaving, now);
    let mut outputs = Vec::new();
    for lease in leases {
      match failed.contains(&lease) {
        true => outputs.extend(self.try_failed(lease, |tries| match end {
          WorkerEnd::Overdue(_) => GivenUp::Overdue { tries },
          _ => GivenUp::Crashed { tries },
        })),
        false => self.release(lease),
      }
    }
    outputs.extend(self.deliver(false, now));
    outputs
  }

  /// The script of a worker sees the event now. False when its lease is over:
  /// then it must not.
  #[must_use]
  pub(in crate::engine) fn dispatched(
    &mut self,
    worker: WorkerRealm,
    lease: LeaseId,
  ) -> bool {
    match self.leases.get_mut(&lease) {
      Some(held) if held.worker == worker => {
        held.is_dispatched = true;
        true
      }
      _ => false,
    }
  }

  /// The worker's handlers are finished with the event, which is returned;
  /// `None` when its lease is over.
  #[must_use]
  pub(in crate::engine) fn acknowledge(
    &mut self,
    worker: WorkerRealm,
    lease: LeaseId,
    now: Instant,
  ) -> Option<(E, Vec<Output<E>>)> {
    if self.leases.get(&lease)?.worker != worker {
      return None;
    }
    let event = self.end_lease(lease)?;
    // It may have been one that others wait for.
    Some((event.event, self.deliver(false, now)))
  }

  /// The worker's handlers let go of the event without being finished with it.
  /// That has failed, unless the worker was asked to stop.
  #[must_use]
  pub(in crate::engine) fn given_back(
    &mut self,
    worker: WorkerRealm,
    lease: LeaseId,
    now: Instant,
  ) -> Vec<Output<E>> {
    let held = self.leases.get(&lease);
    if held.is_none_or(|held| held.worker != worker) {
      return Vec::new();
    }
    let is_leaving = self.workers.get(&worker).is_none_or(|w| w.is_leaving);
    let mut outputs = Vec::new();
    match is_leaving {
      true => self.release(lease),
      false => outputs
        .extend(self.try_failed(lease, |tries| GivenUp::GivenBack { tries })),
    }
    outputs.extend(self.deliver(false, now));
    outputs
  }

  /// Since when the worker has had the oldest of its events.
  pub(in crate::engine) fn oldest(
    &self,
    worker: WorkerRealm,
  ) -> Option<Instant> {
    let oldest = self.workers.get(&worker)?.leases.first()?;
    Some(self.leases.get(oldest)?.since)
  }

  /// Whether events wait for a worker.
  pub(in crate::engine) fn has_waiting(&self) -> bool {
    !self.waiting.is_empty()
  }

  /// Whether events wait, and no worker runs that takes or has any.
  pub(in crate::engine) fn waits_without_worker(&self) -> bool {
    self.has_waiting() && self.workers.is_empty()
  }

  /// The leases that are not over.
  pub(in crate::engine) fn leases(
    &self,
  ) -> impl ExactSizeIterator<Item = u64> + '_ {
    self.leases.keys().map(|lease| lease.0)
  }

  /// Whether nothing waits, and no worker has anything.
  pub(in crate::engine) fn is_idle(&self) -> bool {
    self.waiting.is_empty() && self.leases.is_empty()
  }

  /// Forgets every event, and every worker.
  pub(in crate::engine) fn clear(&mut self) {
    *self = Self {
      last_position: self.last_position,
      last_delivery: self.last_delivery,
      ..Self::new(self.max_tries)
    };
  }

  /// Gives the oldest worker what waits, in order. An event that a worker has
  /// failed to handle is alone with its worker, so that no other one is
  /// blamed for it.
  fn deliver(&mut self, new_event: bool, now: Instant) -> Vec<Output<E>> {
    let mut outputs = Vec::new();
    let taking = self.workers.iter().find(|(_, w)| !w.is_leaving);
    let Some((&worker, _)) = taking else {
      if self.has_waiting() {
        outputs.push(Output::Wake { new_event });
      }
      return outputs;
    };
    while let Some(next) = self.waiting.first_entry() {
      let leases = &self.workers[&worker].leases;
      let is_suspect = |event: &Event<E>| event.failed_tries > 0;
      let has_suspect =
        leases.iter().any(|l| is_suspect(&self.leases[l].event));
      if has_suspect || (is_suspect(next.get()) && !leases.is_empty()) {
        break;
      }
      let event = next.remove();
      outputs.push(self.lease(worker, event, now));
    }
    outputs
  }

  fn lease(
    &mut self,
    worker: WorkerRealm,
    event: Event<E>,
    now: Instant,
  ) -> Output<E> {
    self.last_delivery += 1;
    let lease = LeaseId(self.last_delivery);
    let output = Output::Deliver {
      worker,
      lease,
      event: event.event.clone(),
    };
    let held = Lease {
      worker,
      event,
      since: now,
      is_dispatched: false,
    };
    self.leases.insert(lease, held);
    if let Some(worker) = self.workers.get_mut(&worker) {
      worker.leases.insert(lease);
    }
    output
  }

  /// Which of these leases have failed with their worker.
  fn failed(
    &self,
    leases: &[LeaseId],
    end: WorkerEnd,
    was_leaving: bool,
    now: Instant,
  ) -> Vec<LeaseId> {
    let dispatched = |d: &&LeaseId| self.leases[*d].is_dispatched;
    match end {
      WorkerEnd::Stopped => Vec::new(),
      WorkerEnd::Crashed if was_leaving => Vec::new(),
      WorkerEnd::Crashed => leases.iter().filter(dispatched).copied().collect(),
      WorkerEnd::Overdue(limit) => {
        let is_overdue = |d: &&LeaseId| self.leases[*d].since + limit <= now;
        let overdue: Vec<&LeaseId> = leases.iter().filter(is_overdue).collect();
        let seen: Vec<LeaseId> = overdue
          .iter()
          .copied()
          .filter(dispatched)
          .copied()
          .collect();
        match seen.is_empty() {
          false => seen,
          // A worker that looks at no event must not be tried forever.
          true => overdue.first().copied().copied().into_iter().collect(),
        }
      }
    }
  }

  fn try_failed(
    &mut self,
    lease: LeaseId,
    why: impl FnOnce(u32) -> GivenUp,
  ) -> Option<Output<E>> {
    let mut event = self.end_lease(lease)?;
    event.failed_tries += 1;
    let tries = event.failed_tries;
    if tries < self.max_tries {
      self.waiting.insert(event.position, event);
      return None;
    }
    self.undelivered.push(event.event.clone());
    Some(Output::Undelivered {
      event: event.event,
      why: why(tries),
    })
  }

  fn release(&mut self, lease: LeaseId) {
    if let Some(event) = self.end_lease(lease) {
      self.waiting.insert(event.position, event);
    }
  }

  fn end_lease(&mut self, lease: LeaseId) -> Option<Event<E>> {
    let held = self.leases.remove(&lease)?;
    if let Some(worker) = self.workers.get_mut(&held.worker) {
      worker.leases.remove(&lease);
    }
    Some(held.event)
  }

  fn leases_of(&self, worker: WorkerRealm) -> Vec<LeaseId> {
    let worker = self.workers.get(&worker);
    worker.map_or_else(Vec::new, |w| w.leases.iter().copied().collect())
  }
}
