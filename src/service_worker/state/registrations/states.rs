//! How registrations and workers change: what the algorithms do with the map,
//! without waiting for anything.

use super::Notice;
use super::Registrations;
use super::Slot;
use crate::ids::RealmId;
use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::state::job_queues::Job;
use crate::service_worker::state::job_queues::JobType;

impl Registrations {
  /// Sets the registration's
  /// [update via cache mode](https://w3c.github.io/ServiceWorker/#dfn-update-via-cache)
  /// to the job's; one that updates has none of its own.
  pub(crate) fn set_update_via_cache(&mut self, id: RegistrationId, job: &Job) {
    if let JobType::Register {
      update_via_cache, ..
    } = job.job_type
      && let Some(registration) = self.registrations.get_mut(&id)
      && registration.update_via_cache != update_via_cache
    {
      registration.update_via_cache = update_via_cache;
      self.notices.push(Notice::Registration(id));
    }
  }

  /// [Update Registration State](https://w3c.github.io/ServiceWorker/#update-registration-state-algorithm)
  pub(crate) fn update_registration_state(
    &mut self,
    id: RegistrationId,
    slot: Slot,
    worker: Option<WorkerId>,
  ) {
    let Some(registration) = self.registrations.get_mut(&id) else {
      return;
    };
    match slot {
      Slot::Installing => registration.installing = worker,
      Slot::Waiting => registration.waiting = worker,
      Slot::Active => registration.active = worker,
    }
    self.notices.push(Notice::Registration(id));
  }

  /// [Update Worker State](https://w3c.github.io/ServiceWorker/#update-state-algorithm)
  pub(crate) fn update_worker_state(
    &mut self,
    id: WorkerId,
    state: ServiceWorkerState,
  ) {
    if let Some(worker) = self.workers.get_mut(&id) {
      worker.state = state;
      self.notices.push(Notice::WorkerState(id, state));
    }
  }

  /// The end of the worker in `slot`: it becomes redundant.
  pub(crate) fn make_redundant(
    &mut self,
    id: RegistrationId,
    slot: Slot,
  ) -> Option<WorkerId> {
    let worker = self.slot(id, slot)?;
    self.update_registration_state(id, slot, None);
    self.update_worker_state(worker, ServiceWorkerState::Redundant);
    Some(worker)
  }

  /// [Service Worker Has No Pending Events](https://w3c.github.io/ServiceWorker/#service-worker-has-no-pending-events)
  /// is the caller's to know; the rest of
  /// [Try Activate](https://w3c.github.io/ServiceWorker/#try-activate-algorithm)
  /// is decided here.
  pub(crate) fn may_activate(
    &self,
    id: RegistrationId,
    has_no_pending_events: impl Fn(WorkerId) -> bool,
  ) -> bool {
    // Step 1: without a waiting worker, there is nothing to activate.
    let Some(waiting) = self.slot(id, Slot::Waiting) else {
      return false;
    };
    let Some(active) = self.slot(id, Slot::Active) else {
      // Step 3.1: without an active one, nothing stands in the way.
      return true;
    };
    // Step 2: an active worker that is being activated comes first.
    let state = self.workers.get(&active).map(|worker| worker.state);
    if state == Some(ServiceWorkerState::Activating) {
      return false;
    }
    // Step 3.2: otherwise no event may be pending, and no client may need it.
    let skips = self.workers.get(&waiting).is_some_and(|w| w.skip_waiting);
    has_no_pending_events(active) && (skips || !self.is_used(id))
  }

  /// The synchronous steps of
  /// [Activate](https://w3c.github.io/ServiceWorker/#activation-algorithm).
  /// The worker that was active, if any, and the one that is to be.
  pub(crate) fn begin_to_activate(
    &mut self,
    id: RegistrationId,
  ) -> Option<(Option<WorkerId>, WorkerId)> {
    // Step 1: the waiting worker is the one to activate.
    let waiting = self.slot(id, Slot::Waiting)?;
    // Step 2: the active one becomes redundant.
    let redundant = self.make_redundant(id, Slot::Active);
    // Steps 3 to 5: the waiting worker is the active one, and activating.
    self.update_registration_state(id, Slot::Active, Some(waiting));
    self.update_registration_state(id, Slot::Waiting, None);
    self.update_worker_state(waiting, ServiceWorkerState::Activating);
    // Step 8: those who use the registration are controlled by it.
    let users = self.clients.iter().filter(|(_, client)| {
      client.controller.is_some() && client.controller == redundant
    });
    let users: Vec<RealmId> = users.map(|(realm, _)| *realm).collect();
    for realm in users {
      self.control(realm, waiting);
    }
    Some((redundant, waiting))
  }

  /// [Clear Registration](https://w3c.github.io/ServiceWorker/#clear-registration-algorithm):
  /// the workers that have to be terminated.
  pub(crate) fn clear_registration(
    &mut self,
    id: RegistrationId,
  ) -> Vec<WorkerId> {
    [Slot::Installing, Slot::Waiting, Slot::Active]
      .into_iter()
      .filter_map(|slot| self.make_redundant(id, slot))
      .collect()
  }
}
