//! [Try Activate](https://w3c.github.io/ServiceWorker/#try-activate-algorithm)
//! and [Activate](https://w3c.github.io/ServiceWorker/#activation-algorithm)

use std::sync::Arc;

use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::service_worker::model::message::Event;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;

impl ServiceWorkers {
  /// [Try Activate](https://w3c.github.io/ServiceWorker/#try-activate-algorithm)
  pub(crate) fn try_activate(&self, registration: RegistrationId) {
    let (redundant, worker) = {
      let mut state = self.lock();
      let may_activate = state
        .map
        .may_activate(registration, |w| state.has_no_pending_events(w));
      if !may_activate {
        return;
      }
      let Some(workers) = state.map.begin_to_activate(registration) else {
        return;
      };
      workers
    };
    // Activate, step 2.1: the worker that was active is terminated.
    if let Some(redundant) = redundant {
      self.terminate(redundant);
    }
    self.spawn(|itself| itself.activate(registration, worker));
  }

  /// The rest of
  /// [Activate](https://w3c.github.io/ServiceWorker/#activation-algorithm),
  /// which waits.
  async fn activate(
    self: Arc<Self>,
    registration: RegistrationId,
    worker: WorkerId,
  ) {
    self.save(registration).await;
    // Steps 9 to 12: whatever comes of it, the worker is active.
    let _ = self.fire(worker, Event::Activate).await;
    // Step 13: its state becomes activated.
    let scope = {
      let mut state = self.lock();
      let state_now = state.map.worker(worker).map(|w| w.state);
      if state_now != Some(ServiceWorkerState::Activating) {
        return;
      }
      let activated = ServiceWorkerState::Activated;
      state.map.update_worker_state(worker, activated);
      state
        .map
        .registration(registration)
        .map(|r| r.scope.clone())
    };
    // What has waited for it.
    if let Some(scope) = scope
      && self.delegate.has_pending_events(&scope)
    {
      self.wake(&scope, true);
    }
    self.events_over(registration);
  }
}
