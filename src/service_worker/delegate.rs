//! What this module needs of the others.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::Instant;
use url::Url;

use crate::ids::WorkerId;
use crate::service_worker::environment::WorkerEnvironment;
use crate::service_worker::lifetime::handle::InternalWorkerHandle;
use crate::service_worker::model::message::ServiceWorkerMessage;
use crate::service_worker::model::script::ScriptMap;
use crate::service_worker::model::script::WorkerType;
use crate::spec::HeaderList;
use crate::spec::RealmKind;
use crate::store::StoreError;
use crate::store::StoredRegistration;

/// How long a service worker may take, and how long it is kept.
#[derive(Clone, Copy, Debug)]
pub struct ServiceWorkerLimits {
  /// How long a worker with nothing to do keeps running. Default: 30 s.
  pub idle: Duration,
  /// How long its script may take until it is evaluated. Default: 60 s.
  pub start: Duration,
  /// How long an event may take, with all that extends it; then its worker is
  /// stopped. Default: 10 min.
  pub event: Duration,
  /// How many workers may fail to handle an event of a background fetch: they
  /// take too long, or crash. Then it counts as undelivered, and is kept with
  /// its records, see
  /// [`EngineConfig::retention`](crate::engine::EngineConfig::retention).
  /// At least 1; default: 3.
  pub tries: u32,
  /// How long a worker that was asked to stop may take. One that takes longer
  /// is left to itself, and its thread with it. Default: 5 s.
  pub stop: Duration,
  /// A registration whose scripts were last looked at longer ago than this is
  /// [stale](https://w3c.github.io/ServiceWorker/#dfn-stale): after an event
  /// they are looked at again. Default: 24 h.
  pub stale_after: Duration,
}

impl Default for ServiceWorkerLimits {
  fn default() -> Self {
    Self {
      idle: Duration::from_secs(30),
      start: Duration::from_secs(60),
      event: Duration::from_secs(10 * 60),
      tries: 3,
      stop: Duration::from_secs(5),
      stale_after: Duration::from_secs(24 * 60 * 60),
    }
  }
}

/// A worker that has to be run.
pub struct StartWorker {
  /// Names the worker.
  pub worker: WorkerId,
  /// The scope of its registration.
  pub scope: Url,
  /// Where its script is.
  pub script_url: Url,
  /// How its script is evaluated.
  pub worker_type: WorkerType,
  /// What it inherits.
  pub environment: WorkerEnvironment,
  /// The scripts that are known by now.
  pub scripts: Arc<ScriptMap>,
  /// Where the thread that runs it tells how it goes.
  pub handle: InternalWorkerHandle,
}

/// A script that is asked for.
#[derive(Clone)]
pub struct ScriptRequest {
  /// Where it is.
  pub url: Url,
  /// What it is for.
  pub role: ScriptRole,
  /// Whether a cache on the way may not answer by itself: the request's cache
  /// mode is `no-cache`.
  pub bypass_cache: bool,
  /// Who requests it.
  pub environment: WorkerEnvironment,
}

/// What a script is to its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScriptRole {
  /// The worker's own script.
  Main,
  /// One that a classic worker imports. It is fetched
  /// [without CORS](https://html.spec.whatwg.org/#fetch-a-classic-worker-imported-script),
  /// wherever it is.
  ClassicImport,
  /// One that a module imports. It is fetched
  /// [with CORS](https://html.spec.whatwg.org/#fetch-a-single-module-script).
  ModuleImport,
}

impl ScriptRole {
  /// A script that a worker of this type imports.
  pub(crate) fn import_of(worker_type: WorkerType) -> Self {
    match worker_type {
      WorkerType::Classic => Self::ClassicImport,
      WorkerType::Module => Self::ModuleImport,
    }
  }
}

/// What it was answered with.
#[derive(Clone, Debug)]
pub struct ScriptResponse {
  /// Its status.
  pub status: u16,
  /// Its headers.
  pub headers: HeaderList,
  /// The script, in UTF-8.
  pub body: Bytes,
}

opaque_debug!(StartWorker, ScriptRequest);

/// Those events of a running worker that the engine delivers itself.
pub trait FunctionalEvents: Send + Sync {
  /// The worker is active: it can take them from now on.
  fn take(&self);
  /// Since when the worker has had the oldest one that it has not finished.
  fn oldest(&self) -> Option<Instant>;
  /// The worker was asked to stop: it gets no more, and may finish what its
  /// script has seen.
  fn leave(&self);
  /// The worker has taken too long: it gets no more, and what it has not
  /// finished is for the next one. That counts as a failed try for the events
  /// that it has had longer than [`ServiceWorkerLimits::event`].
  fn abandon(&self);
}

/// Sends a realm a message, in order with its other messages.
pub(crate) type SendMessage = Box<dyn Fn(ServiceWorkerMessage) + Send + Sync>;

/// A realm that is attached.
pub(crate) struct NewRealm {
  pub(crate) id: u64,
  pub(crate) send: SendMessage,
  pub(crate) kind: RealmKind,
  pub(crate) url: Url,
  /// The scope that the embedder names.
  pub(crate) scope: Url,
  pub(crate) environment: WorkerEnvironment,
  /// The worker that it runs, if this module has started it.
  pub(crate) worker: Option<WorkerId>,
  /// The id that its navigation has reserved for it.
  pub(crate) client_id: Option<String>,
}

/// The engine, as this module sees it.
pub(crate) trait Delegate: Send + Sync + 'static {
  /// Whether workers can be started. If not, the embedder attaches their
  /// realms, and vouches for those of every other realm's registration.
  fn has_host(&self) -> bool;
  fn limits(&self) -> ServiceWorkerLimits;
  fn spawn(&self, task: BoxFuture<'static, ()>);
  /// Starts a thread for a worker.
  fn start(&self, worker: StartWorker);
  /// Fetches a script. The error is a human-readable message.
  fn fetch_script(
    &self,
    request: ScriptRequest,
  ) -> BoxFuture<'static, Result<ScriptResponse, String>>;
  /// Stores a registration in the place of the one in the same scope.
  fn save(
    &self,
    registration: StoredRegistration,
  ) -> BoxFuture<'static, Result<(), StoreError>>;
  /// The registration is no more: its background fetches are aborted and
  /// forgotten without an event, and so is its row.
  fn forget(&self, scope: Url) -> BoxFuture<'static, ()>;
  /// Whether events wait for a worker of the registration in `scope`.
  fn has_pending_events(&self, scope: &Url) -> bool;
  /// Reports a worker that has failed.
  fn report(&self, script_url: &Url, message: &str);
}
