//! What scripts ask for and a job does: `register()`, `update()`,
//! `unregister()`.

use url::Url;

use super::call::no_registration;
use crate::dom_exception::DomException;
use crate::ids::RegistrationId;
use crate::network::ClientEnvironment;
use crate::network::NetworkPolicy;
use crate::service_worker::environment::WorkerEnvironment;
use crate::service_worker::model::message::Answer;
use crate::service_worker::model::message::Caller;
use crate::service_worker::model::message::JobCaller;
use crate::service_worker::model::message::refused;
use crate::service_worker::model::script::UpdateViaCache;
use crate::service_worker::model::script::WorkerType;
use crate::service_worker::model::snapshot::ServiceWorkerState;
use crate::service_worker::service_workers::ServiceWorkers;
use crate::service_worker::state::job_queues::Job;
use crate::service_worker::state::job_queues::JobType;
use crate::spec::Destination;
use crate::spec::is_http_scheme;
use crate::spec::parse_csp_list;
use crate::spec::should_be_blocked_by_csp;

impl ServiceWorkers {
  /// [Start Register](https://w3c.github.io/ServiceWorker/#start-register-algorithm)
  pub(crate) fn start_register(
    &self,
    caller: JobCaller,
    environment: WorkerEnvironment,
    mut script_url: Url,
    scope: Option<Url>,
    worker_type: WorkerType,
    update_via_cache: UpdateViaCache,
  ) -> Result<(), DomException> {
    if !self.delegate.has_host() {
      return Err(DomException::NotSupported(
        "this engine has no host that could start a service worker".into(),
      ));
    }
    // Step 2: the script's URL loses its fragment.
    script_url.set_fragment(None);
    // Steps 3 and 4: its scheme and its path have to be allowed.
    check_url(&script_url, "script")?;
    // Step 5: without a scope, it is the script's directory.
    let mut scope = match scope {
      Some(scope) => scope,
      None => script_url.join("./").map_err(|error| {
        DomException::Type(format!("the scope is not a URL: {error}"))
      })?,
    };
    // Step 6: the scope loses its fragment.
    scope.set_fragment(None);
    // Steps 7 and 8: its scheme and its path have to be allowed, too.
    check_url(&scope, "scope")?;
    // Steps 9 and 10: schedule a register job for the scope.
    check_csp(&environment.client, &script_url)?;
    self.schedule(Job {
      job_type: JobType::Register {
        script_url,
        worker_type,
        update_via_cache,
      },
      scope,
      environment,
      callers: vec![caller],
    });
    Ok(())
  }

  /// [`update()`](https://w3c.github.io/ServiceWorker/#service-worker-registration-update)
  pub(crate) fn call_update(
    &self,
    caller: Caller,
    registration: RegistrationId,
  ) -> Result<(), DomException> {
    let environment = {
      let state = self.lock();
      let realm = state.realm(caller.realm)?;
      // Step 4: an installing worker may not update its own registration.
      let own = realm.worker.and_then(|worker| state.map.worker(worker));
      if own.is_some_and(|w| w.state == ServiceWorkerState::Installing) {
        return Err(DomException::InvalidState(
          "a worker that is being installed cannot update its registration"
            .into(),
        ));
      }
      realm.environment.clone()
    };
    let caller = JobCaller::Script(caller);
    self.schedule_update(caller, Some(environment), registration)
  }

  /// The same for any caller, with what a worker inherits of it; without, with
  /// what it has inherited before.
  pub(crate) fn schedule_update(
    &self,
    caller: JobCaller,
    environment: Option<WorkerEnvironment>,
    registration: RegistrationId,
  ) -> Result<(), DomException> {
    let job = {
      let state = self.lock();
      // Steps 2 and 3: without a newest worker, the promise is rejected.
      let newest = state.map.newest_worker(registration);
      let newest = newest.and_then(|worker| state.map.worker(worker));
      let Some(newest) = newest.filter(|worker| !worker.embedder_owned) else {
        return Err(DomException::InvalidState(
          "the registration has no worker that could be updated".into(),
        ));
      };
      let registration = state.map.registration(registration);
      Job {
        job_type: JobType::Update {
          script_url: newest.script_url.clone(),
          worker_type: newest.worker_type,
        },
        scope: registration.ok_or_else(no_registration)?.scope.clone(),
        environment: environment
          .unwrap_or_else(|| newest.environment.without_client()),
        callers: vec![caller],
      }
    };
    // Steps 6 to 8: schedule an update job for the newest worker's script.
    self.schedule(job);
    Ok(())
  }

  /// [`unregister()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-unregister)
  pub(crate) fn call_unregister(
    &self,
    caller: Caller,
    registration: RegistrationId,
  ) -> Result<(), DomException> {
    let job = {
      let state = self.lock();
      let realm = state.realm(caller.realm)?;
      if !state.map.is_registered(registration) {
        state.reply(caller, Ok(Answer::Boolean(false)));
        return Ok(());
      }
      let registration = state.map.registration(registration);
      Job {
        job_type: JobType::Unregister,
        scope: registration.ok_or_else(no_registration)?.scope.clone(),
        environment: realm.environment.clone(),
        callers: vec![JobCaller::Script(caller)],
      }
    };
    self.schedule(job);
    Ok(())
  }

  /// The same for the embedder, who may end any registration.
  pub(crate) fn schedule_unregister(&self, caller: JobCaller, scope: Url) {
    let client = ClientEnvironment::new(scope.clone(), NetworkPolicy::Server);
    self.schedule(Job {
      job_type: JobType::Unregister,
      scope,
      environment: WorkerEnvironment {
        client,
        net_check: None,
        net_check_lost: false,
        embedder_data: None,
      },
      callers: vec![caller],
    });
  }
}

/// What the client's Content Security Policy says of the script. Without this,
/// the fetch for it would fail with a `TypeError`; web-platform-tests and
/// browsers have a `SecurityError` before it.
fn check_csp(
  client: &ClientEnvironment,
  script_url: &Url,
) -> Result<(), DomException> {
  if client.policy == NetworkPolicy::Server {
    return Ok(());
  }
  let blocked = should_be_blocked_by_csp(
    &parse_csp_list(&client.csp),
    &client.url,
    Destination::ServiceWorker,
    script_url,
    0,
  );
  match blocked {
    None => Ok(()),
    Some(directive) => Err(refused(&format!(
      "the Content Security Policy's {directive} does not allow its script \
       {script_url}"
    ))),
  }
}

/// The checks of
/// [Start Register](https://w3c.github.io/ServiceWorker/#start-register-algorithm)
/// that are the same for the script's URL and the scope.
fn check_url(url: &Url, what: &str) -> Result<(), DomException> {
  if !is_http_scheme(url) {
    return Err(DomException::Type(format!(
      "the {what} {url} is not http or https"
    )));
  }
  let path = url.path().to_ascii_lowercase();
  if path.contains("%2f") || path.contains("%5c") {
    return Err(DomException::Type(format!(
      "the path of the {what} {url} has an escaped slash"
    )));
  }
  Ok(())
}
