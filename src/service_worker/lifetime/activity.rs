//! Whether service workers have something to do, for those who wait for it.

use url::Url;

use super::run::MAX_FAILED_STARTS;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::service_workers::State;
use crate::service_worker::state::registrations::Slot;
use crate::service_worker::state::running::Phase;

impl ServiceWorkers {
  /// Waits until no worker is being registered, updated, installed or
  /// activated, and none has one of this module's events.
  pub(crate) async fn idle(&self) {
    self.wait_until(|state| !state.is_running()).await;
  }

  /// Whether any of that is under way.
  pub(crate) fn is_running(&self) -> bool {
    self.state.lock().is_running()
  }

  /// Whether any of that is under way, or a worker has a thread.
  pub(crate) fn any_is_running(&self) -> bool {
    let state = self.state.lock();
    state.is_running() || !state.running.is_empty()
  }

  /// Whether workers can be started at all.
  pub(crate) fn has_host(&self) -> bool {
    self.delegate.has_host()
  }

  /// Whether no worker of the registration in `scope` can take an event any
  /// more, unless something new happens.
  pub(crate) fn cannot_start(&self, scope: &Url) -> bool {
    self.delegate.has_host() && self.state.lock().cannot_start(scope)
  }

  /// The same, for a caller that waits for no worker which an embedder without
  /// a host may attach.
  pub(crate) fn starts_no_worker(&self, scope: &Url) -> bool {
    !self.delegate.has_host() || self.cannot_start(scope)
  }

  /// Waits until something may have changed, when `unless` is not true.
  pub(crate) async fn changed_unless(&self, unless: impl Fn() -> bool) {
    let mut changed = std::pin::pin!(self.changed.notified());
    changed.as_mut().enable();
    if !unless() {
      changed.await;
    }
  }

  pub(crate) async fn wait_until(&self, is_so: impl Fn(&State) -> bool) {
    // Without the guard that reports changes: looking changes nothing.
    while !is_so(&self.state.lock()) {
      self.changed_unless(|| is_so(&self.state.lock())).await;
    }
  }
}

impl State {
  fn is_running(&self) -> bool {
    self.jobs.any()
      || self.map.any_worker_is(ServiceWorkerState::Installing)
      || self.map.any_worker_is(ServiceWorkerState::Activating)
      || self.running.values().any(|running| {
        running.phase == Phase::Starting
          || !running.waiting.is_empty()
          || !running.active.is_empty()
      })
  }

  pub(crate) fn cannot_start(&self, scope: &Url) -> bool {
    if self.jobs.first(scope).is_some() {
      return false;
    }
    let id = self.map.get_registration(scope);
    let slot = |slot| id.and_then(|id| self.map.slot(id, slot));
    match (slot(Slot::Active), slot(Slot::Waiting)) {
      (Some(active), _) => {
        let failed = self.failed_starts.get(&active);
        failed.is_some_and(|failed| *failed >= MAX_FAILED_STARTS)
          && !self.running.contains_key(&active)
      }
      (None, waiting) => waiting.is_none(),
    }
  }
}
