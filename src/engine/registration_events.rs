//! The functional events of a registration: its dispatcher under one lock, and
//! what is done that it asks for.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::MutexGuard;
use tokio::time::Instant;

use super::events::EventDispatcher;
use super::events::GivenUp;
use super::events::LeaseId;
use super::events::Output;
use super::events::WorkerEnd;
use super::registration::Registration;
use crate::engine::realm::inbox::LeasedEvent;
use crate::engine::realm::inbox::Message;
use crate::engine::realm::inbox::RealmInbox;
use crate::ids::BackgroundFetchKey;
use crate::network::without_secrets;
use crate::spec::FunctionalEvent;
use crate::telemetry;
use crate::telemetry::WorkerEvent;

/// The events that a registration is owed, and who may take them.
pub(crate) struct RegistrationEvents {
  dispatcher: EventDispatcher<PendingEvent>,
  /// By the number of its lease, each event that a worker has.
  observed: BTreeMap<u64, WorkerEvent>,
  /// Of the workers that take events.
  inboxes: BTreeMap<u64, Arc<RealmInbox>>,
  /// Background fetches that are not settled yet, or not deleted yet.
  unfinished: usize,
}

#[derive(Clone)]
struct PendingEvent {
  event: FunctionalEvent,
  key: BackgroundFetchKey,
  /// How often it was given to a worker.
  deliveries: Arc<AtomicU32>,
}

impl PendingEvent {
  fn new(event: FunctionalEvent, key: BackgroundFetchKey) -> Self {
    let deliveries = Arc::default();
    Self {
      event,
      key,
      deliveries,
    }
  }
}

/// An event that no further worker is tried with.
pub(crate) struct Undelivered {
  pub(super) key: BackgroundFetchKey,
  /// Human-readable.
  pub(super) why: String,
}

/// Called with an event that stays undelivered. Its registration counts the
/// background fetch as unfinished until that is durable; false when there is no
/// such background fetch.
pub(crate) type OnUndelivered = dyn Fn(Undelivered) -> bool + Send + Sync;

impl Registration {
  /// [Fire a functional event](https://w3c.github.io/ServiceWorker/#fire-functional-event-algorithm):
  /// it goes to a worker that is running, or waits for one.
  pub(super) fn fire(&self, event: FunctionalEvent, key: BackgroundFetchKey) {
    let mut events = self.events.lock();
    let pending = PendingEvent::new(event, key);
    let outputs = events.dispatcher.fire(pending, Instant::now());
    self.perform(events, outputs);
  }

  /// An earlier process could not deliver the event.
  pub(super) fn restore_undelivered(
    &self,
    event: FunctionalEvent,
    key: BackgroundFetchKey,
  ) {
    let pending = PendingEvent::new(event, key);
    self.events.lock().dispatcher.restore_undelivered(pending);
  }

  /// An event that could not be delivered is fired again.
  pub(super) fn redeliver(&self, key: BackgroundFetchKey) {
    let mut events = self.events.lock();
    let is_meant = |pending: &mut PendingEvent| pending.key == key;
    let outputs = events.dispatcher.redeliver(is_meant, Instant::now());
    self.perform(events, outputs);
  }

  /// Takes back what is to be said of a background fetch.
  pub(super) fn withdraw_events(&self, key: BackgroundFetchKey) {
    let mut events = self.events.lock();
    let is_meant = |pending: &PendingEvent| pending.key == key;
    let outputs = events.dispatcher.withdraw(is_meant, Instant::now());
    self.perform(events, outputs);
  }

  /// Takes back every event.
  pub(super) fn forget_events(&self) {
    let mut events = self.events.lock();
    let outputs = events.dispatcher.withdraw(|_| true, Instant::now());
    self.perform(events, outputs);
  }

  /// A worker is running and takes events.
  pub(super) fn worker_started(&self, realm: u64, inbox: Arc<RealmInbox>) {
    let mut events = self.events.lock();
    events.inboxes.insert(realm, inbox);
    let outputs = events.dispatcher.worker_started(realm, Instant::now());
    self.perform(events, outputs);
  }

  /// A worker was asked to stop.
  pub(super) fn worker_leaving(&self, realm: u64) {
    let mut events = self.events.lock();
    let outputs = events.dispatcher.worker_leaving(realm, Instant::now());
    self.perform(events, outputs);
  }

  /// The worker leaves, and what it has not finished is for another one.
  pub(super) fn worker_ended(&self, realm: u64, end: WorkerEnd) {
    let mut events = self.events.lock();
    events.inboxes.remove(&realm);
    let now = Instant::now();
    let outputs = events.dispatcher.worker_ended(realm, end, now);
    self.perform(events, outputs);
  }

  /// The script of the realm sees the event now. False when it must not: the
  /// event is for another worker.
  pub(super) fn dispatched(&self, realm: u64, lease: LeaseId) -> bool {
    self.events.lock().dispatcher.dispatched(realm, lease)
  }

  /// The worker's handlers are finished with the event. `None` when it is not
  /// theirs (any more).
  pub(super) fn acknowledge(
    &self,
    realm: u64,
    lease: LeaseId,
  ) -> Option<(FunctionalEvent, BackgroundFetchKey)> {
    let mut events = self.events.lock();
    let now = Instant::now();
    let (pending, outputs) =
      events.dispatcher.acknowledge(realm, lease, now)?;
    if let Some(observed) = events.observed.remove(&lease.0) {
      observed.handled();
    }
    if pending.event != FunctionalEvent::Click {
      // Until its records are deleted.
      events.unfinished += 1;
    }
    self.perform(events, outputs);
    Some((pending.event, pending.key))
  }

  /// The worker's handlers let go of the event without being finished with it.
  pub(super) fn given_back(&self, realm: u64, lease: LeaseId) {
    let mut events = self.events.lock();
    let outputs = events.dispatcher.given_back(realm, lease, Instant::now());
    self.perform(events, outputs);
  }

  /// Since when the realm has had the oldest of its events.
  pub(super) fn oldest(&self, realm: u64) -> Option<Instant> {
    self.events.lock().dispatcher.oldest(realm)
  }

  /// Whether events wait for a worker.
  pub(super) fn has_pending_events(&self) -> bool {
    self.events.lock().dispatcher.has_waiting()
  }

  /// Whether events are all that is left, and no worker is running for them.
  pub(super) fn has_only_events_without_worker(&self) -> bool {
    let events = self.events.lock();
    events.unfinished == 0 && events.dispatcher.waits_without_worker()
  }

  pub(super) fn unfinished(&self, change: isize) {
    let mut events = self.events.lock();
    events.unfinished = events.unfinished.saturating_add_signed(change);
    self.perform(events, Vec::new());
  }

  /// Deliveries are made under the lock, so that they keep their order.
  fn perform(
    &self,
    mut events: MutexGuard<'_, RegistrationEvents>,
    outputs: Vec<Output<PendingEvent>>,
  ) {
    let mut wake = None;
    let mut undelivered = Vec::new();
    for output in outputs {
      match output {
        Output::Deliver {
          worker,
          lease,
          event:
            PendingEvent {
              event,
              key,
              deliveries,
            },
        } => {
          let delivery = deliveries.fetch_add(1, Ordering::Relaxed) + 1;
          let (name, scope) = (event.name(), without_secrets(&self.scope));
          let given = WorkerEvent::functional(name, &scope, key.0, delivery);
          events.observed.insert(lease.0, given);
          if let Some(inbox) = events.inboxes.get(&worker) {
            let event = LeasedEvent { lease, event, key };
            inbox.push_message(Message::Event(event));
          }
        }
        Output::Wake { new_event } => {
          wake = Some(wake.unwrap_or(false) || new_event);
        }
        Output::Undelivered { event, why } => {
          // Until that is durable.
          events.unfinished += 1;
          undelivered.push((event, why));
        }
      }
    }
    events.release_observed();
    drop(events);
    self.changed.notify_waiters();
    for (pending, why) in undelivered {
      self.abandon(pending, why);
    }
    if let (Some(new_event), Some(workers)) =
      (wake, self.service_workers.upgrade())
    {
      workers.wake(&self.scope, new_event);
    }
  }

  /// No further worker is tried with the event.
  fn abandon(&self, pending: PendingEvent, why: GivenUp) {
    let PendingEvent { event, key, .. } = pending;
    let why = sentence(why, self.handler_timeout);
    let name = event.name();
    telemetry::undelivered(name, &without_secrets(&self.scope), key.0, &why);
    if event == FunctionalEvent::Click {
      // Nothing waits for its end, and the user can click again.
      let mut events = self.events.lock();
      let is_it = |other: &mut PendingEvent| {
        other.event == FunctionalEvent::Click && other.key == key
      };
      events.dispatcher.forget_undelivered(is_it);
      drop(events);
      return self.unfinished(-1);
    }
    if !(self.undelivered)(Undelivered { key, why }) {
      self.unfinished(-1);
    }
  }
}

impl RegistrationEvents {
  pub(super) fn new(max_tries: u32) -> Self {
    Self {
      dispatcher: EventDispatcher::new(max_tries),
      observed: BTreeMap::new(),
      inboxes: BTreeMap::new(),
      unfinished: 0,
    }
  }

  pub(super) fn is_idle(&self) -> bool {
    self.unfinished == 0 && self.dispatcher.is_idle()
  }

  /// Those events are released whose lease is over.
  fn release_observed(&mut self) {
    let leases = self.dispatcher.leases();
    if leases.len() != self.observed.len() {
      let leases: BTreeSet<u64> = leases.collect();
      self.observed.retain(|lease, _| leases.contains(lease));
    }
  }

  pub(super) fn clear(&mut self) {
    self.observed.clear();
    self.dispatcher.clear();
    self.inboxes.clear();
  }
}

/// Why an event is not delivered once more, human-readable.
fn sentence(why: GivenUp, handler_timeout: Duration) -> String {
  match why {
    GivenUp::Crashed { tries } => {
      format!("{tries} service workers have crashed while they handled it")
    }
    GivenUp::GivenBack { tries } => {
      format!("its lease was dropped {tries} times, without an acknowledgement")
    }
    GivenUp::Overdue { tries } => format!(
      "its handler has not ended within {handler_timeout:?}, tried {tries} times"
    ),
  }
}
