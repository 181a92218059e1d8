//! A service worker registration, as the engine needs it: its active
//! background fetches with their edit queue, and the events it is owed.

use std::sync::Arc;
use std::sync::Weak;
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use url::Url;

use super::job::Job;
use super::net_permission::RegistrationCheck;
use super::registration_events::RegistrationEvents;
use crate::service_worker::ServiceWorkerLimits;
use crate::service_worker::ServiceWorkers;

pub(crate) struct Registration {
  pub(super) scope: Url,
  /// The [active background fetches](https://wicg.github.io/background-fetch/#service-worker-registration-active-background-fetches).
  active: Mutex<IndexMap<String, Arc<Job>>>,
  /// The *active background fetches edit queue*: the lock is fair, so those
  /// that wait for it get it in the order in which they came. Anyone who
  /// changes `active` has it.
  pub(super) edit_queue: tokio::sync::Mutex<()>,
  pub(super) events: Mutex<RegistrationEvents>,
  /// Something that [`Registration::is_idle`] looks at has changed.
  pub(super) changed: Notify,
  pub(super) net_check: RegistrationCheck,
  /// Who starts a worker for events that are owed.
  pub(super) service_workers: Weak<ServiceWorkers>,
  /// How long a handler may take.
  pub(super) handler_timeout: Duration,
}

impl Registration {
  pub(super) fn new(
    scope: Url,
    service_workers: Weak<ServiceWorkers>,
    limits: &ServiceWorkerLimits,
  ) -> Self {
    Self {
      scope,
      active: Mutex::default(),
      edit_queue: Default::default(),
      events: Mutex::new(RegistrationEvents::new(limits.tries)),
      changed: Notify::new(),
      net_check: RegistrationCheck::default(),
      service_workers,
      handler_timeout: limits.event,
    }
  }

  pub(super) fn active(&self, id: &str) -> Option<Arc<Job>> {
    self.active.lock().get(id).cloned()
  }

  pub(super) fn active_ids(&self) -> Vec<String> {
    self.active.lock().keys().cloned().collect()
  }

  pub(super) fn insert_active(&self, id: String, job: Arc<Job>) {
    self.active.lock().insert(id, job);
  }

  /// [Contains background fetch](https://wicg.github.io/background-fetch/#contains-background-fetch-algorithm)
  pub(super) fn contains_background_fetch(&self, job: &Arc<Job>) -> bool {
    // contains.1: Let id be bgFetch's id.
    // contains.2 to contains.4: map[id] exists and equals bgFetch.
    // lacks.1, lacks.2 are its opposite.
    let active = self.active.lock();
    active
      .get(&job.id)
      .is_some_and(|other| Arc::ptr_eq(other, job))
  }

  pub(super) fn remove_active(&self, job: &Job) {
    self.active.lock().shift_remove(&job.id);
  }

  /// Whether no background fetch is unsettled and no event is owed.
  pub(super) fn is_idle(&self) -> bool {
    self.events.lock().is_idle()
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

  /// Unties the background fetches, which know their registration as it knows
  /// them.
  pub(super) fn clear(&self) {
    self.active.lock().clear();
    self.events.lock().clear();
  }
}
