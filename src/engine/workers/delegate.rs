//! Between the engine and its service workers.

use std::sync::Arc;
use std::sync::OnceLock;

use futures::future::BoxFuture;
use tokio::time::Instant;
use url::Url;

use super::host::ServiceWorkerHost;
use super::script;
use crate::engine::Engine;
use crate::engine::WeakEngine;
use crate::engine::context::Context;
use crate::engine::events::WorkerEnd;
use crate::engine::job::purge;
use crate::engine::realm::inbox::RealmInbox;
use crate::engine::registration::Registration;
use crate::engine::until::until;
use crate::service_worker::Delegate;
use crate::service_worker::FunctionalEvents;
use crate::service_worker::ScriptRequest;
use crate::service_worker::ScriptResponse;
use crate::service_worker::ServiceWorkerLimits;
use crate::service_worker::StartWorker;
use crate::store::StoreError;
use crate::store::StoredRegistration;

/// The engine, for its service workers.
pub(crate) struct EngineDelegate {
  engine: OnceLock<WeakEngine>,
  host: Option<Arc<dyn ServiceWorkerHost>>,
  limits: ServiceWorkerLimits,
}

impl EngineDelegate {
  pub(crate) fn new(
    host: Option<Arc<dyn ServiceWorkerHost>>,
    limits: ServiceWorkerLimits,
  ) -> Self {
    Self {
      engine: OnceLock::new(),
      host,
      limits,
    }
  }

  /// The engine, which needs service workers before it is there itself.
  pub(crate) fn set_engine(&self, engine: WeakEngine) {
    let _ = self.engine.set(engine);
  }

  fn engine(&self) -> Option<Engine> {
    self.engine.get()?.upgrade()
  }

  /// What does not keep the engine.
  fn context(&self) -> Option<Arc<Context>> {
    Some(self.engine()?.context().clone())
  }
}

impl Delegate for EngineDelegate {
  fn has_host(&self) -> bool {
    self.host.is_some()
  }

  fn limits(&self) -> ServiceWorkerLimits {
    self.limits
  }

  fn spawn(&self, task: BoxFuture<'static, ()>) {
    if let Some(context) = self.context() {
      let stopping = context.stopping.clone();
      context.spawn(async move {
        until(&stopping, task).await;
      });
    }
  }

  fn start(&self, worker: StartWorker) {
    // Dropping the worker says that it has ended.
    if let (Some(host), Some(engine)) = (&self.host, self.engine()) {
      host.start(engine, worker);
    }
  }

  fn fetch_script(
    &self,
    request: ScriptRequest,
  ) -> BoxFuture<'static, Result<ScriptResponse, String>> {
    let own = self.host.as_ref().and_then(|h| h.fetch_script(&request));
    if let Some(own) = own {
      return own;
    }
    let context = self.context();
    Box::pin(async move {
      match context {
        Some(context) => script::fetch(&context, request).await,
        None => Err("the engine has ended".to_string()),
      }
    })
  }

  fn save(
    &self,
    registration: StoredRegistration,
  ) -> BoxFuture<'static, Result<(), StoreError>> {
    let store = self.context().map(|context| context.store.clone());
    Box::pin(async move {
      let Some(store) = store else { return Ok(()) };
      store.get()?.put_registration(registration).await
    })
  }

  fn forget(&self, scope: Url) -> BoxFuture<'static, ()> {
    let engine = self.engine();
    let parts = engine.map(|e| (e.context().clone(), e.jobs().clone()));
    Box::pin(async move {
      if let Some((context, jobs)) = parts {
        purge::purge(context, jobs, scope).await;
      }
    })
  }

  fn has_pending_events(&self, scope: &Url) -> bool {
    let context = self.context();
    context.is_some_and(|s| s.registrations.get(scope).has_pending_events())
  }

  fn report(&self, script_url: &Url, message: &str) {
    if let Some(host) = &self.host {
      host.report(script_url, message);
    }
  }
}

/// The functional events of one running worker.
pub(crate) struct WorkerEvents {
  registration: Arc<Registration>,
  realm: u64,
  inbox: Arc<RealmInbox>,
}

impl WorkerEvents {
  pub(crate) fn new(
    registration: &Arc<Registration>,
    realm: u64,
    inbox: &Arc<RealmInbox>,
  ) -> Self {
    Self {
      registration: registration.clone(),
      realm,
      inbox: inbox.clone(),
    }
  }
}

impl FunctionalEvents for WorkerEvents {
  fn take(&self) {
    self
      .registration
      .worker_started(self.realm, self.inbox.clone());
  }

  fn oldest(&self) -> Option<Instant> {
    self.registration.oldest(self.realm)
  }

  fn leave(&self) {
    self.registration.worker_leaving(self.realm);
  }

  fn abandon(&self) {
    let limit = self.registration.handler_timeout;
    let end = WorkerEnd::Overdue(limit);
    self.registration.worker_ended(self.realm, end);
  }
}
