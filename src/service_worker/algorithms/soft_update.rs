//! [Soft Update](https://w3c.github.io/ServiceWorker/#soft-update-algorithm)

use crate::ids::RegistrationId;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::job_queues::Job;
use crate::service_worker::state::job_queues::JobType;
use crate::service_worker::state::registrations::Registration;

impl ServiceWorkers {
  /// [Soft Update](https://w3c.github.io/ServiceWorker/#soft-update-algorithm),
  /// if the registration is
  /// [stale](https://w3c.github.io/ServiceWorker/#dfn-stale).
  pub(crate) fn soft_update_if_stale(&self, registration: RegistrationId) {
    let is_stale = {
      let state = self.lock();
      let registration = state.map.registration(registration);
      registration.is_some_and(|registration| self.is_stale(registration))
    };
    if is_stale {
      self.soft_update(registration);
    }
  }

  /// [Soft Update](https://w3c.github.io/ServiceWorker/#soft-update-algorithm)
  pub(crate) fn soft_update(&self, registration: RegistrationId) {
    let job = {
      let state = self.lock();
      // Step 1: look for the newest worker.
      let newest = state.map.newest_worker(registration);
      let newest = newest.and_then(|worker| state.map.worker(worker));
      let registration = state.map.registration(registration);
      // Step 2: without one, there is nothing to update.
      let (Some(newest), Some(registration)) = (newest, registration) else {
        return;
      };
      if newest.embedder_owned || state.stopping {
        return;
      }
      // Steps 3 and 4: There is no client, and so no policy of one.
      Job {
        job_type: JobType::Update {
          script_url: newest.script_url.clone(),
          worker_type: newest.worker_type,
        },
        scope: registration.scope.clone(),
        environment: newest.environment.without_client(),
        callers: Vec::new(),
      }
    };
    // Step 6: schedule an update job that has no caller.
    self.schedule(job);
  }

  fn is_stale(&self, registration: &Registration) -> bool {
    let stale_after = self.delegate.limits().stale_after;
    registration.is_stale(stale_after, self.platform.now())
  }

  /// Whether no cache may answer for a script by itself: what
  /// [Update](https://w3c.github.io/ServiceWorker/#update-algorithm) and
  /// [importScripts()](https://w3c.github.io/ServiceWorker/#importscripts) set
  /// the request's cache mode by.
  pub(crate) fn bypasses_cache(
    &self,
    registration: &Registration,
    is_main: bool,
  ) -> bool {
    self.is_stale(registration)
      || match registration.update_via_cache {
        UpdateViaCache::All => false,
        UpdateViaCache::Imports => is_main,
        UpdateViaCache::None => true,
      }
  }
}
