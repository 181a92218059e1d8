//! [Update](https://w3c.github.io/ServiceWorker/#update-algorithm)

use std::collections::BTreeSet;
use std::sync::Arc;

use url::Url;

use super::fetch_script::FetchedScript;
use crate::dom_exception::DomException;
use crate::ids::RegistrationId;
use crate::network::ClientEnvironment;
use crate::service_worker::delegate::ScriptRole;
use crate::service_worker::environment::WorkerEnvironment;
use crate::service_worker::model::message::refused;
use crate::service_worker::model::script::ScriptMap;
use crate::service_worker::model::script::WorkerType;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::job_queues::Job;
use crate::service_worker::state::job_queues::JobType;
use crate::service_worker::state::registrations::Worker;

impl ServiceWorkers {
  /// [Update](https://w3c.github.io/ServiceWorker/#update-algorithm)
  pub(crate) async fn update(
    &self,
    job: &Job,
    script_url: &Url,
    worker_type: WorkerType,
  ) {
    // Steps 1 to 3: the registration may be gone meanwhile.
    let registration = self.lock().map.get_registration(&job.scope);
    let Some(registration) = registration else {
      let error = DomException::Type("the registration is gone".into());
      return self.reject(job, error);
    };
    if let Err(error) = self
      .update_registration(job, registration, script_url, worker_type)
      .await
    {
      // Steps 8.2, 16.2: one that never had a worker is no more. A script that
      // hears of the rejection finds none.
      let mut state = self.lock();
      if state.map.newest_worker(registration).is_none() {
        state.map.remove_from_map(registration);
        state.map.forget_registration(registration);
      }
      drop(state);
      self.reject(job, error);
    }
  }

  async fn update_registration(
    &self,
    job: &Job,
    registration: RegistrationId,
    script_url: &Url,
    worker_type: WorkerType,
  ) -> Result<(), DomException> {
    let newest = {
      let state = self.lock();
      let newest = state.map.newest_worker(registration);
      let newest = newest.and_then(|worker| state.map.worker(worker));
      newest.map(|w| (w.script_url.clone(), w.worker_type, w.scripts.clone()))
    };
    // Step 4: the newest worker may be of another script meanwhile.
    if let (JobType::Update { .. }, Some((url, _, _))) =
      (&job.job_type, &newest)
      && url != script_url
    {
      return Err(DomException::Type(
        "the worker has another script now".into(),
      ));
    }
    // Steps 5 to 7: fetch the main script, and check it.
    let script = self
      .fetch_main_script(job, registration, script_url)
      .await?;
    // Step 7.20: another URL, type or text is an updated resource.
    let mut has_updated_resources = match &newest {
      Some((url, old_type, scripts)) => {
        url != script_url
          || *old_type != worker_type
          || scripts.get(script_url) != Some(&script.source)
      }
      None => true,
    };
    // Step 7.18: the new script resource map begins with the main script.
    let mut updated = ScriptMap::from([(script_url.clone(), script.source)]);
    if let Some((_, _, scripts)) = &newest {
      // Step 7.21: the same main script: compare what was imported.
      if !has_updated_resources {
        let role = ScriptRole::import_of(worker_type);
        has_updated_resources = self
          .imports_have_changed(job, registration, scripts, &mut updated, role)
          .await;
      }
      // When they were looked at is remembered.
      self.save(registration).await;
    }
    // Step 9: nothing has changed, so that the job is done.
    if !has_updated_resources {
      let mut state = self.lock();
      state.map.set_update_via_cache(registration, job);
      drop(state);
      self.resolve(job, registration);
      return Ok(());
    }
    // Steps 10 to 13: a new worker, with its scripts and the policies they
    // brought.
    let worker = self.lock().map.add_worker(Worker {
      registration,
      script_url: script_url.clone(),
      worker_type,
      state: ServiceWorkerState::Parsed,
      skip_waiting: false,
      scripts: Arc::new(updated),
      used_scripts: BTreeSet::from([script_url.clone()]),
      environment: WorkerEnvironment {
        client: ClientEnvironment {
          csp: script.csp,
          referrer_policy: script.referrer_policy,
          ..job.environment.client.clone()
        },
        ..job.environment.clone()
      },
      embedder_owned: false,
    });
    // Step 15: run the new worker's script.
    let started = self.run_service_worker(worker).await;
    // Step 16: a script that fails takes its worker with it.
    if let Err(message) = started {
      self.lock().map.forget_worker(worker);
      return Err(DomException::Type(format!(
        "the script of the service worker failed: {message}"
      )));
    }
    // Step 17: install the new worker.
    self.install(job, worker, registration).await;
    Ok(())
  }

  /// Steps 7.1 to 7.19: what may be refused of the worker's own script.
  async fn fetch_main_script(
    &self,
    job: &Job,
    registration: RegistrationId,
    script_url: &Url,
  ) -> Result<FetchedScript, DomException> {
    // Step 7.2: whether the HTTP cache is passed by.
    let bypass_cache = self.bypasses_cache_for(registration, true);
    let environment = &job.environment;
    // Steps 7.5 to 7.7: fetch the script, and check its status and MIME type.
    let script = self
      .fetch_script(environment, script_url, ScriptRole::Main, bypass_cache)
      .await?;
    // Steps 7.8 to 7.16: where the scope may be.
    let max_scope = match &script.service_worker_allowed {
      None => script_url.join("./"),
      Some(allowed) => script_url.join(allowed),
    };
    let allowed = max_scope.is_ok_and(|max_scope| {
      max_scope.origin() == job.scope.origin()
        && job.scope.path().starts_with(max_scope.path())
    });
    if !allowed {
      return Err(refused(
        "its scope is not below its script; a Service-Worker-Allowed header \
         of the script may allow it",
      ));
    }
    // Step 7.19: the registration was checked for an update just now.
    self.checked(registration);
    Ok(script)
  }

  /// Step 7.21: whether a script that the newest worker has imported is another
  /// one now. All of them are put into `updated`, for the worker that may
  /// follow.
  async fn imports_have_changed(
    &self,
    job: &Job,
    registration: RegistrationId,
    scripts: &ScriptMap,
    updated: &mut ScriptMap,
    role: ScriptRole,
  ) -> bool {
    let mut have_changed = false;
    for (url, source) in scripts {
      // Step 7.21.1.1: one that is in the map already is not fetched again.
      if updated.contains_key(url) {
        continue;
      }
      // Steps 7.21.1.2 and 7.21.1.3: whether the HTTP cache is passed by.
      let bypass_cache = self.bypasses_cache_for(registration, false);
      // Steps 7.21.1.4 and 7.21.1.8: one that cannot be had now is not a
      // changed one.
      let fetched = self
        .fetch_script(&job.environment, url, role, bypass_cache)
        .await;
      let Ok(script) = fetched else { continue };
      // Step 7.21.1.7: the registration was checked for an update just now.
      self.checked(registration);
      // Step 7.21.1.9: another text is an updated resource.
      have_changed |= script.source != *source;
      // Step 7.21.1.5: keep it in the new script resource map.
      updated.insert(url.clone(), script.source);
    }
    have_changed
  }

  fn bypasses_cache_for(&self, id: RegistrationId, is_main: bool) -> bool {
    let state = self.lock();
    let registration = state.map.registration(id);
    registration.is_some_and(|r| self.bypasses_cache(r, is_main))
  }

  /// The registration's last update check was now.
  fn checked(&self, registration: RegistrationId) {
    let mut state = self.lock();
    if let Some(registration) = state.map.registration_mut(registration) {
      registration.last_update_check = Some(self.platform.now());
    }
  }
}
