//! The functional events that a registration is owed: which worker has which,
//! and what becomes of them when it ends.

use std::sync::Arc;

use indexmap::IndexMap;
use tokio::time::Instant;

use super::inbox::Inbox;
use super::registration::Registration;
use super::run::Run;
use crate::spec::FunctionalEvent;
use crate::store::BackgroundFetchKey;

/// An event on its way to a service worker, by a number of its registration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delivery(pub u64);

/// The events that a registration is owed, and who may take them.
#[derive(Default)]
pub(super) struct Events {
  next_delivery: u64,
  /// Realms of the service worker kind that can take an event, oldest first.
  workers: IndexMap<u64, Arc<Inbox>>,
  owed: IndexMap<Delivery, Owed>,
  /// Background fetches that are not settled yet, or not deleted yet.
  pub(super) unfinished: usize,
}

struct Owed {
  event: FunctionalEvent,
  run: Arc<Run>,
  /// The realm that has it; `None` while nobody has.
  worker: Option<u64>,
  /// When it got it.
  since: Instant,
  /// Whether its script has seen it.
  taken: bool,
  /// How many workers have crashed while they had it.
  crashes: u32,
}

/// An event as a service worker's realm gets it.
pub(super) struct Delivered {
  pub(super) delivery: Delivery,
  pub(super) event: FunctionalEvent,
  pub(super) run: Arc<Run>,
}

/// An event that has ended so many workers is not given to another one.
const MAX_CRASHES: u32 = 3;

impl Registration {
  /// [Fire a functional event](https://w3c.github.io/ServiceWorker/#fire-functional-event-algorithm):
  /// it goes to a worker that is running, or waits for one.
  pub(super) fn fire(&self, event: FunctionalEvent, run: Arc<Run>) {
    let mut events = self.events.lock();
    let delivery = Delivery(events.next_delivery);
    events.next_delivery += 1;
    let owed = Owed {
      event,
      run,
      worker: None,
      since: Instant::now(),
      taken: false,
      crashes: 0,
    };
    events.owed.insert(delivery, owed);
    events.deliver();
    let waits = events.workers.is_empty();
    drop(events);
    self.changed.notify_waiters();
    // A worker that has it may be gone by now, and then it is no new event.
    if waits {
      self.wake(true);
    }
  }

  /// Sees to it that a worker is started, if one is needed.
  fn wake(&self, new_event: bool) {
    let is_needed = {
      let events = self.events.lock();
      events.workers.is_empty() && !events.owed.is_empty()
    };
    if is_needed && let Some(workers) = self.service_workers.upgrade() {
      workers.wake(&self.scope, new_event);
    }
  }

  /// Whether events wait for a worker.
  pub(super) fn owes_events(&self) -> bool {
    let events = self.events.lock();
    events.owed.values().any(|owed| owed.worker.is_none())
  }

  /// Whether events are all that is left, and no worker is running for them.
  pub(super) fn has_only_events_for_nobody(&self) -> bool {
    let events = self.events.lock();
    events.unfinished == 0
      && !events.owed.is_empty()
      && events.workers.is_empty()
  }

  /// The script of the realm that has the event sees it now.
  pub(super) fn taken(&self, realm: u64, delivery: Delivery) {
    let mut events = self.events.lock();
    if let Some(owed) = events.owed.get_mut(&delivery)
      && owed.worker == Some(realm)
    {
      owed.taken = true;
    }
  }

  /// Since when the realm has had the oldest of its events.
  pub(super) fn oldest(&self, realm: u64) -> Option<Instant> {
    let events = self.events.lock();
    let own = events.owed.values().filter(|o| o.worker == Some(realm));
    own.map(|owed| owed.since).min()
  }

  /// The worker is given up: what its script has seen has had its chance.
  pub(super) fn give_up(&self, realm: u64) -> Vec<(FunctionalEvent, Arc<Run>)> {
    let taken: Vec<Delivery> = {
      let events = self.events.lock();
      let own = events
        .owed
        .iter()
        .filter(|(_, owed)| owed.worker == Some(realm) && owed.taken);
      own.map(|(delivery, _)| *delivery).collect()
    };
    let handled = taken
      .into_iter()
      .filter_map(|delivery| self.handled(realm, delivery))
      .collect();
    self.worker_ended(realm, false);
    handled
  }

  /// Forgets every event that is owed, or that a worker has.
  pub(super) fn forget_events(&self) {
    self.events.lock().owed.clear();
    self.changed.notify_waiters();
  }

  /// A worker is running and takes events.
  pub(super) fn worker_started(&self, realm: u64, inbox: Arc<Inbox>) {
    let mut events = self.events.lock();
    events.workers.insert(realm, inbox);
    events.deliver();
  }

  /// The worker is gone; what it has not finished is owed again.
  /// Unless, when it is one that was started for its events, it is the event
  /// that ends one worker after the other. Returns those events.
  pub(super) fn worker_ended(
    &self,
    realm: u64,
    was_started: bool,
  ) -> Vec<(FunctionalEvent, Arc<Run>)> {
    let mut events = self.events.lock();
    let mut fatal = Vec::new();
    for (delivery, owed) in &mut events.owed {
      if owed.worker == Some(realm) {
        owed.crashes += u32::from(owed.taken && was_started);
        if owed.crashes >= MAX_CRASHES {
          fatal.push(*delivery);
        } else {
          owed.worker = None;
          owed.taken = false;
        }
      }
    }
    drop(events);
    let fatal = fatal
      .into_iter()
      .filter_map(|delivery| self.handled(realm, delivery))
      .collect();
    let mut events = self.events.lock();
    events.workers.shift_remove(&realm);
    events.deliver();
    drop(events);
    self.wake(false);
    fatal
  }

  /// The worker's handlers are finished with the event. `None` when it is not
  /// theirs (any more).
  pub(super) fn handled(
    &self,
    realm: u64,
    delivery: Delivery,
  ) -> Option<(FunctionalEvent, Arc<Run>)> {
    let mut events = self.events.lock();
    if events.owed.get(&delivery)?.worker != Some(realm) {
      return None;
    }
    let owed = events.owed.shift_remove(&delivery)?;
    if owed.event != FunctionalEvent::Click {
      // Until its records are deleted.
      events.unfinished += 1;
    }
    drop(events);
    self.changed.notify_waiters();
    Some((owed.event, owed.run))
  }
}

impl Events {
  pub(super) fn is_idle(&self) -> bool {
    self.unfinished == 0 && self.owed.is_empty()
  }

  pub(super) fn withdraw(&mut self, key: BackgroundFetchKey) {
    self.owed.retain(|_, owed| owed.run.key != key);
  }

  pub(super) fn clear(&mut self) {
    self.owed.clear();
    self.workers.clear();
  }

  fn deliver(&mut self) {
    let Some((&realm, inbox)) = self.workers.first() else {
      return;
    };
    for (&delivery, owed) in &mut self.owed {
      if owed.worker.is_none() {
        owed.worker = Some(realm);
        owed.since = Instant::now();
        inbox.push_event(Delivered {
          delivery,
          event: owed.event,
          run: owed.run.clone(),
        });
      }
    }
  }
}
