//! [Install](https://w3c.github.io/ServiceWorker/#installation-algorithm)

use std::sync::Arc;

use crate::ids::RegistrationId;
use crate::ids::WorkerId;
use crate::service_worker::model::message::Event;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::job_queues::Job;
use crate::service_worker::state::registrations::Notice;
use crate::service_worker::state::registrations::Slot;

impl ServiceWorkers {
  /// [Install](https://w3c.github.io/ServiceWorker/#installation-algorithm)
  pub(crate) async fn install(
    &self,
    job: &Job,
    worker: WorkerId,
    registration: RegistrationId,
  ) {
    {
      let mut state = self.lock();
      let map = &mut state.map;
      // Step 3: the registration takes the job's update via cache mode.
      map.set_update_via_cache(registration, job);
      // Step 4: the worker becomes the installing one.
      map.update_registration_state(
        registration,
        Slot::Installing,
        Some(worker),
      );
      // Step 5: its state becomes installing.
      map.update_worker_state(worker, ServiceWorkerState::Installing);
    }
    // Step 7: the job's promise resolves with the registration.
    self.resolve(job, registration);
    // Step 8: fire `updatefound` at every registration object.
    let update_found = Notice::UpdateFound(registration);
    self.lock().map.notices.push(update_found);
    // Steps 10 and 11: fire `install`, and wait for what extends it.
    let install_failed =
      self.fire(worker, Event::Install).await.unwrap_or(true);
    // Step 12: the installation has failed: the worker is redundant.
    if install_failed {
      let mut state = self.lock();
      state.map.make_redundant(registration, Slot::Installing);
      let had_none = state.map.newest_worker(registration).is_none();
      // A script that hears that the worker is redundant finds no registration.
      if had_none {
        state.map.remove_from_map(registration);
      }
      drop(state);
      self.terminate(worker);
      if had_none {
        self.try_clear(registration);
      }
      return;
    }
    let redundant = {
      let mut state = self.lock();
      let map = &mut state.map;
      // Steps 13 to 15: keep only the scripts that were really imported.
      if let Some(worker) = map.worker_mut(worker) {
        let used = &worker.used_scripts;
        Arc::make_mut(&mut worker.scripts).retain(|url, _| used.contains(url));
      }
      // Step 16: the worker that was waiting is redundant.
      let redundant = map.make_redundant(registration, Slot::Waiting);
      // Steps 17 to 19: the worker waits now, and its state is installed.
      map.update_registration_state(registration, Slot::Waiting, Some(worker));
      map.update_registration_state(registration, Slot::Installing, None);
      map.update_worker_state(worker, ServiceWorkerState::Installed);
      redundant
    };
    if let Some(redundant) = redundant {
      self.terminate(redundant);
    }
    self.save(registration).await;
    // Step 22. Step 20, Finish Job, is the caller's.
    self.try_activate(registration);
  }
}
