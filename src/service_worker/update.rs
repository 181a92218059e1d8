//! [Update](https://w3c.github.io/ServiceWorker/#update-algorithm)

use std::sync::Arc;

use url::Url;

use super::RegistrationId;
use super::call::CallError;
use super::fetch_script::FetchedScript;
use super::job::Job;
use super::job::JobType;
use super::registrations::Worker;
use super::run_jobs::security_error;
use super::script::ScriptMap;
use super::script::WorkerType;
use super::service_workers::ServiceWorkers;
use super::snapshot::ServiceWorkerState;
use super::surroundings::WorkerEnvironment;

impl ServiceWorkers {
  /// [Update](https://w3c.github.io/ServiceWorker/#update-algorithm)
  pub(super) async fn update(
    &self,
    job: &Job,
    script_url: &Url,
    worker_type: WorkerType,
  ) {
    // Steps 1 to 3.
    let registration = self.lock().map.get_registration(&job.scope);
    let Some(registration) = registration else {
      let error = CallError::type_error("the registration is gone");
      return self.reject(job, error);
    };
    if let Err(error) = self
      .update_registration(job, registration, script_url, worker_type)
      .await
    {
      self.reject(job, error);
      // Steps 12.2, 16.2: one that never had a worker is no more.
      let mut state = self.lock();
      if state.map.newest_worker(registration).is_none() {
        state.map.remove_from_map(registration);
        state.map.forget_registration(registration);
      }
    }
  }

  async fn update_registration(
    &self,
    job: &Job,
    registration: RegistrationId,
    script_url: &Url,
    worker_type: WorkerType,
  ) -> Result<(), CallError> {
    let newest = {
      let state = self.lock();
      let newest = state.map.newest_worker(registration);
      let newest = newest.and_then(|worker| state.map.worker(worker));
      newest.map(|w| (w.script_url.clone(), w.worker_type, w.scripts.clone()))
    };
    // Step 4.
    if let (JobType::Update { .. }, Some((url, _, _))) =
      (&job.job_type, &newest)
      && url != script_url
    {
      return Err(CallError::type_error("the worker has another script now"));
    }
    // Steps 5 to 10.
    let script = self.fetch_main_script(job, script_url).await?;
    // Step 11.
    let has_updated_resources = match &newest {
      Some((url, old_type, scripts)) => {
        url != script_url
          || *old_type != worker_type
          || scripts.get(script_url) != Some(&script.source)
          || self.imports_have_changed(job, script_url, scripts).await
      }
      None => true,
    };
    // Step 13.
    if !has_updated_resources {
      self.resolve(job, registration);
      return Ok(());
    }
    // Step 14.
    let worker = self.lock().map.add_worker(Worker {
      registration,
      script_url: script_url.clone(),
      worker_type,
      state: ServiceWorkerState::Parsed,
      skip_waiting: false,
      scripts: Arc::new(ScriptMap::from([(script_url.clone(), script.source)])),
      environment: WorkerEnvironment {
        csp: script.csp,
        referrer_policy: script.referrer_policy,
        ..job.environment.clone()
      },
      embedded: false,
    });
    // Step 15.
    let started = self.run_service_worker(worker).await;
    // Step 16.
    if let Err(message) = started {
      self.lock().map.forget_worker(worker);
      return Err(CallError::type_error(format!(
        "the script of the service worker failed: {message}"
      )));
    }
    // Step 17.
    self.install(job, worker, registration).await;
    Ok(())
  }

  /// Steps 8.8 to 8.21: what may be refused of the worker's own script.
  async fn fetch_main_script(
    &self,
    job: &Job,
    script_url: &Url,
  ) -> Result<FetchedScript, CallError> {
    let environment = &job.environment;
    let script = self.fetch_script(environment, script_url, true).await?;
    // Steps 8.9 to 8.16: where the scope may be.
    let max_scope = match &script.service_worker_allowed {
      None => script_url.join("./"),
      Some(allowed) => script_url.join(allowed),
    };
    let allowed = max_scope.is_ok_and(|max_scope| {
      max_scope.origin() == job.scope.origin()
        && job.scope.path().starts_with(max_scope.path())
    });
    if !allowed {
      return Err(security_error(
        "its scope is not below its script; a Service-Worker-Allowed header \
         of the script may allow it",
      ));
    }
    Ok(script)
  }

  /// Step 8.21.1 and those that follow: whether a script that the newest
  /// worker has imported is another one now.
  async fn imports_have_changed(
    &self,
    job: &Job,
    script_url: &Url,
    scripts: &ScriptMap,
  ) -> bool {
    for (url, source) in scripts.iter().filter(|(url, _)| *url != script_url) {
      // One that cannot be had now is not a changed one.
      if let Ok(script) = self.fetch_script(&job.environment, url, false).await
        && script.source != *source
      {
        return true;
      }
    }
    false
  }
}
