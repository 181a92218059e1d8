//! [Run Job](https://w3c.github.io/ServiceWorker/#run-job), and the jobs
//! Register and Unregister.

use std::sync::Arc;

use url::Url;

use crate::dom_exception::DomException;
use crate::ids::RegistrationId;
use crate::network::NetworkPolicy;
use crate::service_worker::model::message::Answer;
use crate::service_worker::model::message::refused;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::model::script::WorkerType;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::job_queues::Job;
use crate::service_worker::state::job_queues::JobType;
use crate::spec::is_potentially_trustworthy_url;

impl ServiceWorkers {
  /// [Schedule Job](https://w3c.github.io/ServiceWorker/#schedule-job)
  pub(crate) fn schedule(&self, job: Job) {
    let scope = job.scope.clone();
    if self.lock().jobs.schedule_job(job) {
      self.spawn(|itself| itself.run_jobs(scope));
    }
  }

  async fn run_jobs(self: Arc<Self>, scope: Url) {
    loop {
      let job = self.lock().jobs.first(&scope);
      let Some(job) = job else { return };
      match &job.job_type {
        JobType::Register {
          script_url,
          worker_type,
          update_via_cache,
        } => {
          self
            .register(&job, script_url, *worker_type, *update_via_cache)
            .await;
        }
        JobType::Update {
          script_url,
          worker_type,
        } => self.update(&job, script_url, *worker_type).await,
        JobType::Unregister => self.unregister(&job).await,
      }
      self.lock().jobs.finish_job(&scope);
    }
  }

  /// [Resolve Job Promise](https://w3c.github.io/ServiceWorker/#resolve-job-promise)
  pub(crate) fn resolve(&self, job: &Job, registration: RegistrationId) {
    let mut state = self.lock();
    let snapshot = state.map.snapshot(registration).map(Box::new);
    for caller in state.jobs.settle(&job.scope) {
      state.settle(caller, Ok(Answer::Registration(snapshot.clone())));
    }
  }

  /// [Reject Job Promise](https://w3c.github.io/ServiceWorker/#reject-job-promise)
  pub(crate) fn reject(&self, job: &Job, error: DomException) {
    let mut state = self.lock();
    for caller in state.jobs.settle(&job.scope) {
      state.settle(caller, Err(error.clone()));
    }
  }

  /// [Register](https://w3c.github.io/ServiceWorker/#register-algorithm)
  async fn register(
    &self,
    job: &Job,
    script_url: &Url,
    worker_type: WorkerType,
    update_via_cache: UpdateViaCache,
  ) {
    // Steps 1 to 3: script and scope have to be secure and of the client's
    // origin.
    if let Err(error) = check_origins(job, script_url) {
      return self.reject(job, error);
    }
    {
      let mut state = self.lock();
      // Step 4: look for a registration of the scope.
      match state.map.get_registration(&job.scope) {
        // Step 5: with the same script and modes, there is nothing to do.
        Some(id) => {
          let newest = state.map.newest_worker(id);
          let newest = newest.and_then(|worker| state.map.worker(worker));
          let same = newest.is_some_and(|worker| {
            worker.script_url == *script_url
              && worker.worker_type == worker_type
          });
          let registration = state.map.registration(id);
          let same_cache = registration
            .is_some_and(|r| r.update_via_cache == update_via_cache);
          if same && same_cache {
            drop(state);
            return self.resolve(job, id);
          }
        }
        // Step 6: a new scope gets a new registration.
        None => {
          let scope = job.scope.clone();
          state.map.set_registration(scope, update_via_cache);
        }
      }
    }
    // Step 7: everything else is an update's.
    self.update(job, script_url, worker_type).await;
  }

  /// [Unregister](https://w3c.github.io/ServiceWorker/#unregister-algorithm)
  async fn unregister(&self, job: &Job) {
    // Step 1: the scope has to be of the client's origin.
    let environment = &job.environment;
    if environment.client.url.origin() != job.scope.origin() {
      return self.reject(job, refused("its scope has another origin"));
    }
    // Nothing that is being stored may come after its end.
    let saving = self.saving.lock().await;
    // Steps 2 to 4: take the registration out of the map, if there is one.
    let registration = {
      let mut state = self.lock();
      let registration = state.map.get_registration(&job.scope);
      if let Some(id) = registration {
        state.map.remove_from_map(id);
      }
      registration
    };
    if registration.is_some() {
      // Background Fetch: those of the registration end here, without a word.
      // The registration may still be in use; their events would have no
      // worker.
      self.delegate.forget(job.scope.clone()).await;
    }
    drop(saving);
    if let Some(registration) = registration {
      // Step 6: clear the registration once nothing uses it.
      self.try_clear(registration);
    }
    // Step 5: the promise resolves with whether there was one.
    let mut state = self.lock();
    for caller in state.jobs.settle(&job.scope) {
      let answer = Answer::Boolean(registration.is_some());
      state.settle(caller, Ok(answer));
    }
  }

  /// [Try Clear Registration](https://w3c.github.io/ServiceWorker/#try-clear-registration-algorithm)
  pub(crate) fn try_clear(&self, id: RegistrationId) {
    let terminated = {
      let mut state = self.lock();
      let pending = [
        state.map.registration(id).and_then(|r| r.installing),
        state.map.registration(id).and_then(|r| r.waiting),
        state.map.registration(id).and_then(|r| r.active),
      ]
      .into_iter()
      .flatten()
      .any(|worker| !state.has_no_pending_events(worker));
      // Step 1: not while a client or an event needs the registration.
      if state.map.is_used(id) || pending {
        return;
      }
      state.map.clear_registration(id)
    };
    for worker in terminated {
      self.terminate(worker);
    }
    self.lock().map.forget_registration(id);
  }

  /// [Handle Service Worker Client Unload](https://w3c.github.io/ServiceWorker/#on-client-unload-algorithm),
  /// for the registration that a client has used: nothing else of it may be
  /// in the way of a new worker, or of its end.
  pub(crate) fn client_unloaded(&self, id: RegistrationId) {
    self.events_over(id);
  }

  /// Looks again at what waits until a registration's workers have no events,
  /// or no clients.
  pub(crate) fn events_over(&self, id: RegistrationId) {
    let registered = self.lock().map.is_registered(id);
    if registered {
      self.try_activate(id);
    } else {
      self.try_clear(id);
    }
  }
}

fn check_origins(job: &Job, script_url: &Url) -> Result<(), DomException> {
  // A program that registers a worker has no origin.
  if job.environment.client.policy == NetworkPolicy::Server {
    return Ok(());
  }
  // Step 1: the script has to be from a trustworthy URL.
  if !is_potentially_trustworthy_url(script_url) {
    return Err(refused("its script does not come securely"));
  }
  let client = job.environment.client.url.origin();
  // Step 2: it has to be of the client's own origin.
  if client != script_url.origin() {
    return Err(refused("its script has another origin"));
  }
  // Step 3: the scope has to be, too.
  if client != job.scope.origin() {
    return Err(refused("its scope has another origin"));
  }
  Ok(())
}
