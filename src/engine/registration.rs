//! A service worker registration, as the engine needs it: its active
//! background fetches with their edit queue, and the events it is owed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Weak;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use super::inbox::Inbox;
use super::run::Run;
use crate::service_worker::ServiceWorkers;
use crate::spec::FunctionalEvent;

/// An event on its way to a service worker, by a number of its registration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Delivery(pub u64);

pub(super) struct Registration {
  pub(super) scope: Url,
  /// The [active background fetches](https://wicg.github.io/background-fetch/#service-worker-registration-active-background-fetches).
  active: Mutex<IndexMap<String, Arc<Run>>>,
  /// The *active background fetches edit queue*: the lock is fair, so those
  /// who wait for it get it in the order in which they came. Whoever changes
  /// `active` has it.
  pub(super) edit_queue: tokio::sync::Mutex<()>,
  state: Mutex<State>,
  /// Something that [`Registration::is_idle`] looks at has changed.
  changed: Notify,
  /// Who starts a worker for events that are owed.
  service_workers: Weak<ServiceWorkers>,
}

#[derive(Default)]
struct State {
  next_delivery: u64,
  /// Realms of the service worker kind that can take an event, oldest first.
  workers: IndexMap<u64, Arc<Inbox>>,
  owed: IndexMap<Delivery, Owed>,
  /// Background fetches that are not settled yet, or not deleted yet.
  unfinished: usize,
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

impl Registration {
  fn new(scope: Url, service_workers: Weak<ServiceWorkers>) -> Self {
    Self {
      scope,
      active: Mutex::default(),
      edit_queue: Default::default(),
      state: Mutex::default(),
      changed: Notify::new(),
      service_workers,
    }
  }

  pub(super) fn active(&self, id: &str) -> Option<Arc<Run>> {
    self.active.lock().get(id).cloned()
  }

  pub(super) fn active_ids(&self) -> Vec<String> {
    self.active.lock().keys().cloned().collect()
  }

  pub(super) fn insert_active(&self, id: String, run: Arc<Run>) {
    self.active.lock().insert(id, run);
  }

  /// [Contains background fetch](https://wicg.github.io/background-fetch/#contains-background-fetch-algorithm)
  pub(super) fn contains_background_fetch(&self, run: &Arc<Run>) -> bool {
    // contains.1: Let id be bgFetch's id.
    // contains.2, contains.3: map[id] exists and equals bgFetch.
    let active = self.active.lock();
    active
      .get(&run.id)
      .is_some_and(|other| Arc::ptr_eq(other, run))
  }

  pub(super) fn remove_active(&self, run: &Run) {
    self.active.lock().shift_remove(&run.id);
  }

  /// [Fire a functional event](https://w3c.github.io/ServiceWorker/#fire-functional-event-algorithm):
  /// it goes to a worker that is running, or waits for one.
  pub(super) fn fire(&self, event: FunctionalEvent, run: Arc<Run>) {
    let mut state = self.state.lock();
    let delivery = Delivery(state.next_delivery);
    state.next_delivery += 1;
    let owed = Owed {
      event,
      run,
      worker: None,
      since: Instant::now(),
      taken: false,
      crashes: 0,
    };
    state.owed.insert(delivery, owed);
    state.deliver();
    drop(state);
    self.changed.notify_waiters();
    self.wake(true);
  }

  /// Sees to it that a worker is started, if one is needed.
  fn wake(&self, new_event: bool) {
    let is_needed = {
      let state = self.state.lock();
      state.workers.is_empty() && !state.owed.is_empty()
    };
    if is_needed && let Some(workers) = self.service_workers.upgrade() {
      workers.wake(&self.scope, new_event);
    }
  }

  /// Whether events wait for a worker.
  pub(super) fn owes_events(&self) -> bool {
    let state = self.state.lock();
    state.owed.values().any(|owed| owed.worker.is_none())
  }

  /// The script of the realm that has the event sees it now.
  pub(super) fn taken(&self, realm: u64, delivery: Delivery) {
    let mut state = self.state.lock();
    if let Some(owed) = state.owed.get_mut(&delivery)
      && owed.worker == Some(realm)
    {
      owed.taken = true;
    }
  }

  /// Since when the realm has had the oldest of its events.
  pub(super) fn oldest(&self, realm: u64) -> Option<Instant> {
    let state = self.state.lock();
    let own = state.owed.values().filter(|o| o.worker == Some(realm));
    own.map(|owed| owed.since).min()
  }

  /// The worker is given up: what its script has seen has had its chance.
  pub(super) fn give_up(&self, realm: u64) -> Vec<(FunctionalEvent, Arc<Run>)> {
    let taken: Vec<Delivery> = {
      let state = self.state.lock();
      let own = state
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
    self.state.lock().owed.clear();
    self.changed.notify_waiters();
  }

  /// A worker is running and takes events.
  pub(super) fn worker_started(&self, realm: u64, inbox: Arc<Inbox>) {
    let mut state = self.state.lock();
    state.workers.insert(realm, inbox);
    state.deliver();
  }

  /// The worker is gone; what it has not finished is owed again.
  /// Unless, when it is one that was started for its events, it is the event
  /// that ends one worker after the other. Returns those events.
  pub(super) fn worker_ended(
    &self,
    realm: u64,
    was_started: bool,
  ) -> Vec<(FunctionalEvent, Arc<Run>)> {
    let mut state = self.state.lock();
    let mut fatal = Vec::new();
    for (delivery, owed) in &mut state.owed {
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
    drop(state);
    let fatal = fatal
      .into_iter()
      .filter_map(|delivery| self.handled(realm, delivery))
      .collect();
    let mut state = self.state.lock();
    state.workers.shift_remove(&realm);
    state.deliver();
    drop(state);
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
    let mut state = self.state.lock();
    if state.owed.get(&delivery)?.worker != Some(realm) {
      return None;
    }
    let owed = state.owed.shift_remove(&delivery)?;
    if owed.event != FunctionalEvent::Click {
      // Until its records are deleted.
      state.unfinished += 1;
    }
    drop(state);
    self.changed.notify_waiters();
    Some((owed.event, owed.run))
  }

  pub(super) fn unfinished(&self, change: isize) {
    let mut state = self.state.lock();
    state.unfinished = state.unfinished.saturating_add_signed(change);
    drop(state);
    self.changed.notify_waiters();
  }

  /// Whether no background fetch is unsettled and no event is owed.
  pub(super) fn is_idle(&self) -> bool {
    let state = self.state.lock();
    state.unfinished == 0 && state.owed.is_empty()
  }

  pub(super) async fn idle(&self) {
    loop {
      let mut changed = std::pin::pin!(self.changed.notified());
      changed.as_mut().enable();
      if self.is_idle() {
        return;
      }
      changed.await;
    }
  }
}

impl State {
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

/// An event that has ended so many workers is not given to another one.
const MAX_CRASHES: u32 = 3;

/// Every registration of an engine, by scope.
pub(super) struct Registrations {
  by_scope: Mutex<HashMap<Url, Arc<Registration>>>,
  service_workers: Weak<ServiceWorkers>,
}

impl Registrations {
  pub(super) fn new(service_workers: Weak<ServiceWorkers>) -> Self {
    Self {
      by_scope: Mutex::default(),
      service_workers,
    }
  }

  /// Background fetches know their registration, and it knows them; an engine
  /// that ends unties them.
  pub(super) fn clear(&self) {
    for (_, registration) in self.by_scope.lock().drain() {
      registration.active.lock().clear();
      let mut state = registration.state.lock();
      state.owed.clear();
      state.workers.clear();
    }
  }

  pub(super) fn get(&self, scope: &Url) -> Arc<Registration> {
    let mut registrations = self.by_scope.lock();
    let new = || {
      let service_workers = self.service_workers.clone();
      Arc::new(Registration::new(scope.clone(), service_workers))
    };
    registrations
      .entry(scope.clone())
      .or_insert_with(new)
      .clone()
  }
}
