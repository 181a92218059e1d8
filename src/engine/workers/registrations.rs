//! Service worker registrations, for the embedder.

use std::sync::Arc;

use url::Url;

use crate::dom_exception::DomException;
use crate::engine::Engine;
use crate::engine::until::until;
use crate::network::ClientEnvironment;
use crate::network::NetCheck;
use crate::network::NetworkPolicy;
use crate::service_worker::Answer;
use crate::service_worker::JobCaller;
use crate::service_worker::RegistrationSnapshot;
use crate::service_worker::ServiceWorkers as Workers;
use crate::service_worker::UpdateViaCache;
use crate::service_worker::WorkerEnvironment;
use crate::service_worker::WorkerType;

impl Engine {
  /// The service worker registrations of every origin.
  pub fn service_workers(&self) -> ServiceWorkers {
    ServiceWorkers {
      engine: self.clone(),
    }
  }
}

/// What an embedder does with service worker registrations, as a browser's
/// settings do: without a realm. Copies are cheap, and keep the engine.
#[derive(Clone)]
pub struct ServiceWorkers {
  engine: Engine,
}

opaque_debug!(ServiceWorkers, RegisterOptions);

/// How a service worker is registered, each with a working default.
#[derive(Clone, Default)]
pub struct RegisterOptions {
  /// What it is registered for. Default: the directory of its script.
  pub scope: Option<Url>,
  /// How its script is evaluated. Default: as a classic script.
  pub worker_type: WorkerType,
  /// Which of its scripts may come from the HTTP cache. Default: imported ones.
  pub update_via_cache: UpdateViaCache,
  /// Whose rules hold for its requests. Default: `Browser`, for which script and
  /// scope are of one secure origin.
  pub policy: NetworkPolicy,
  /// As in [`RealmOptions::net_check`](crate::engine::RealmOptions::net_check).
  pub net_check: Option<Arc<dyn NetCheck>>,
  /// As in
  /// [`RealmOptions::embedder_data`](crate::engine::RealmOptions::embedder_data).
  pub embedder_data: Option<String>,
}

/// What [`ServiceWorkers::unregister`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum UnregisterOutcome {
  /// The registration is gone, with its background fetches.
  Unregistered,
  /// There was none in this scope.
  NotRegistered,
}

impl ServiceWorkers {
  /// Those of every origin, oldest first. Those of realms of service workers
  /// that the embedder has attached itself are among them.
  pub fn registrations(&self) -> Vec<RegistrationSnapshot> {
    self.workers().registrations()
  }

  /// The registration in exactly this scope.
  pub fn registration(&self, scope: &Url) -> Option<RegistrationSnapshot> {
    self.workers().registration_in(scope)
  }

  /// Registers the service worker whose script is at `script_url`, as
  /// [`register()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-register)
  /// of a page in its scope does. Returns as soon as it is being installed.
  ///
  /// # Errors
  ///
  /// What that is rejected with: this engine cannot start service workers, the
  /// script cannot be fetched or evaluated, or it may not have the scope.
  pub async fn register(
    &self,
    script_url: Url,
    options: RegisterOptions,
  ) -> Result<RegistrationSnapshot, DomException> {
    let RegisterOptions {
      scope,
      worker_type,
      update_via_cache,
      policy,
      net_check,
      embedder_data,
    } = options;
    let url = scope.clone().unwrap_or_else(|| script_url.clone());
    let environment = WorkerEnvironment {
      client: ClientEnvironment::new(url, policy),
      net_check,
      net_check_lost: false,
      embedder_data,
    };
    let registered = self.call(|workers, caller| {
      workers.start_register(
        caller,
        environment,
        script_url,
        scope,
        worker_type,
        update_via_cache,
      )
    });
    registration(registered.await?)
  }

  /// Looks whether the scripts of the registration in `scope` are others now, as
  /// [`update()`](https://w3c.github.io/ServiceWorker/#service-worker-registration-update)
  /// does, and as browsers do when a page is opened. Returns as soon as a new
  /// worker is being installed, or none has to be.
  ///
  /// # Errors
  ///
  /// What that is rejected with: there is no such registration, or a script
  /// cannot be fetched or evaluated. The worker before stays then.
  pub async fn update(
    &self,
    scope: &Url,
  ) -> Result<RegistrationSnapshot, DomException> {
    let known = self.registration(scope);
    let gone = || {
      DomException::InvalidState(format!("nothing is registered for {scope}"))
    };
    let id = known.ok_or_else(gone)?.id;
    let updated = self
      .call(|workers, caller| workers.schedule_update(caller, None, id))
      .await?;
    registration(updated)
  }

  /// Ends the registration in `scope`, as
  /// [`unregister()`](https://w3c.github.io/ServiceWorker/#navigator-service-worker-unregister)
  /// does. Its background fetches end with it, without an event.
  ///
  /// # Errors
  ///
  /// The engine ends.
  pub async fn unregister(
    &self,
    scope: &Url,
  ) -> Result<UnregisterOutcome, DomException> {
    let scope = scope.clone();
    let answer = self.call(|workers, caller| {
      workers.schedule_unregister(caller, scope);
      Ok(())
    });
    Ok(match answer.await? {
      Answer::Boolean(true) => UnregisterOutcome::Unregistered,
      _ => UnregisterOutcome::NotRegistered,
    })
  }

  /// Waits until no service worker is being registered, updated, installed or
  /// activated, and none is working on a message. Events of background fetches
  /// do not count here. Safe to cancel.
  pub async fn idle(&self) {
    self.workers().idle().await;
  }

  /// Whether a service worker is being registered or updated, or runs. One with
  /// nothing to do is stopped after a while, see
  /// [`ServiceWorkerLimits`](crate::service_worker::ServiceWorkerLimits).
  pub fn any_is_running(&self) -> bool {
    self.workers().any_is_running()
  }

  fn workers(&self) -> &Workers {
    &self.engine.context().service_workers
  }

  async fn call(
    &self,
    begin: impl FnOnce(&Workers, JobCaller) -> Result<(), DomException>,
  ) -> Result<Answer, DomException> {
    let stopping = &self.engine.context().stopping;
    let answer = until(stopping, self.workers().embedder_call(begin)).await;
    answer.flatten().unwrap_or_else(|| Err(ended()))
  }
}

fn registration(answer: Answer) -> Result<RegistrationSnapshot, DomException> {
  match answer {
    Answer::Registration(Some(registration)) => Ok(*registration),
    _ => Err(ended()),
  }
}

fn ended() -> DomException {
  DomException::InvalidState("the engine has ended".to_string())
}
