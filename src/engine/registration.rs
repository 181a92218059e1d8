//! A service worker registration, as the engine needs it: its active
//! background fetches with their edit queue, and the events it is owed.

use std::sync::Arc;
use std::sync::Weak;
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use url::Origin;
use url::Url;

use super::job::edit_queue::EditQueue;
use super::net_permission::RegistrationCheck;
use super::registration_events::OnUndelivered;
use super::registration_events::RegistrationEvents;
use crate::ids::BackgroundFetchKey;
use crate::service_worker::ServiceWorkerLimits;
use crate::service_worker::ServiceWorkers;

pub(crate) struct Registration {
  pub(super) scope: Url,
  /// That of the scope.
  pub(super) origin: Origin,
  /// The [active background fetches](https://wicg.github.io/background-fetch/#service-worker-registration-active-background-fetches).
  active: Mutex<IndexMap<String, BackgroundFetchKey>>,
  /// The *active background fetches edit queue*. Anyone who changes `active`
  /// has it.
  pub(super) edit_queue: EditQueue,
  pub(super) events: Mutex<RegistrationEvents>,
  /// Something that [`Registration::is_idle`] looks at has changed.
  pub(super) changed: Notify,
  pub(super) net_check: RegistrationCheck,
  /// Who starts a worker for events that are owed.
  pub(super) service_workers: Weak<ServiceWorkers>,
  /// Hears of the events that no worker has handled.
  pub(super) undelivered: Arc<OnUndelivered>,
  /// How long a handler may take.
  pub(super) handler_timeout: Duration,
}

impl Registration {
  pub(super) fn new(
    scope: Url,
    service_workers: Weak<ServiceWorkers>,
    undelivered: Arc<OnUndelivered>,
    limits: &ServiceWorkerLimits,
  ) -> Self {
    Self {
      origin: scope.origin(),
      scope,
      active: Mutex::default(),
      edit_queue: Default::default(),
      events: Mutex::new(RegistrationEvents::new(limits.tries)),
      changed: Notify::new(),
      net_check: RegistrationCheck::default(),
      service_workers,
      undelivered,
      handler_timeout: limits.event,
    }
  }

  pub(super) fn active(&self, id: &str) -> Option<BackgroundFetchKey> {
    self.active.lock().get(id).copied()
  }

  pub(super) fn active_ids(&self) -> Vec<String> {
    self.active.lock().keys().cloned().collect()
  }

  pub(super) fn insert_active(&self, id: String, key: BackgroundFetchKey) {
    self.active.lock().insert(id, key);
  }

  /// [Contains background fetch](https://wicg.github.io/background-fetch/#contains-background-fetch-algorithm)
  pub(super) fn contains_background_fetch(
    &self,
    id: &str,
    key: BackgroundFetchKey,
  ) -> bool {
    // contains.1: Let id be bgFetch's id.
    // contains.2 to contains.4: map[id] exists and equals bgFetch.
    // lacks.1, lacks.2 are its opposite.
    self.active(id) == Some(key)
  }

  pub(super) fn remove_active(&self, id: &str) {
    self.active.lock().shift_remove(id);
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

  /// Nothing of it is needed any more.
  pub(super) fn clear(&self) {
    self.active.lock().clear();
    self.events.lock().clear();
  }
}
