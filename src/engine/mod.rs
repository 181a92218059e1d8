//! Runs `spec/` over I/O: the edit queue, *perform*, *complete a record*,
//! pause, abort, retry, progress, and what a restart needs.

mod admission;
mod broadcasts;
mod builder;
mod cache_users;
mod config;
mod context;
mod error;
mod events;
pub(crate) mod indexed_db;
mod job;
mod journal;
mod locks;
mod mailbox;
mod net_permission;
mod notifications;
mod object_urls;
mod online;
mod outcome;
mod policy;
mod quota;
mod realm;
mod registration;
mod registration_events;
mod registrations;
mod retained;
mod schedule;
mod until;
mod until_settled;
mod user_actions;
mod workers;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::Weak;

use tokio::runtime::Handle;
use tokio::runtime::Runtime;

use self::context::Context;
use self::context::JobCallbacks;
use self::job::Jobs;
use self::job::restore;
use self::job::retention;
use self::job::start;
use self::job::update;
use self::mailbox::Delivery;
use self::mailbox::Mailbox;
use self::until::until;
use self::workers::delegate::EngineDelegate;
use crate::network::Network;
use crate::service_worker::ServiceWorkers as Workers;
use crate::store::ExportMode;
use crate::store::Store;
use crate::store::StoreError;
use crate::telemetry;

pub use self::builder::EngineBuilder;
pub use self::builder::StartError;
pub use self::config::EngineConfig;
pub use self::error::FetchError;
pub(crate) use self::events::LeaseId;
pub use self::job::retention::Moved;
pub use self::outcome::AbortOutcome;
pub use self::outcome::ClickOutcome;
pub use self::outcome::DeleteOutcome;
pub use self::outcome::NotificationOutcome;
pub use self::outcome::PauseOutcome;
pub use self::outcome::RedeliverOutcome;
pub use self::outcome::RetryOutcome;
pub use self::outcome::UnpauseOutcome;
pub use self::quota::StorageEstimate;
pub use self::realm::Realm;
pub use self::realm::caches::CacheStorage;
pub use self::realm::caches::CachedResponse;
pub use self::realm::caches::NewBody;
pub use self::realm::caches::OpenCache;
pub use self::realm::event_lease::EventLease;
pub use self::realm::fetch::BackgroundFetchOptions;
pub use self::realm::fetch::NewRecord;
pub use self::realm::inbox::RealmMessage;
pub use self::realm::navigation::Navigation;
pub use self::realm::options::RealmOptions;
pub use self::realm::prepared_fetch::PreparedFetch;
pub use self::realm::record_handle::RecordError;
pub use self::realm::record_handle::RecordHandle;
pub use self::realm::request_body::RequestBodyHandle;
pub use self::realm::request_body::RequestBodyWriter;
pub use self::realm::script_fetch::FetchEventAnswer;
pub use self::realm::script_fetch::FetchEventRequest;
pub use self::realm::script_fetch::OngoingFetch;
pub use self::realm::web_socket::WebSocket;
pub use self::realm::web_socket::WebSocketNews;
pub use self::until_settled::NoWorkerForEvents;
pub use crate::engine::broadcasts::BroadcastMessage;
pub use crate::engine::broadcasts::BroadcastPart;
pub use crate::engine::locks::LockHandle;
pub use crate::engine::locks::LockInfo;
pub use crate::engine::locks::LockMode;
pub use crate::engine::locks::LockRequest;
pub use crate::engine::notifications::NotificationEvent;
pub use crate::engine::notifications::ScriptNotification;
pub use crate::engine::object_urls::ObjectUrls;
pub use crate::engine::policy::BeforeEvent;
pub use crate::engine::policy::CheckpointPolicy;
pub use crate::engine::policy::Concurrency;
pub use crate::engine::policy::Permission;
pub use crate::engine::policy::PermissionState;
pub use crate::engine::policy::QuotaPolicy;
pub use crate::engine::policy::RetryPolicy;
pub use crate::engine::policy::RetryStatuses;
pub use crate::engine::policy::SegmentPolicy;
pub use crate::engine::workers::host::ServiceWorkerHost;
pub use crate::engine::workers::registrations::RegisterOptions;
pub use crate::engine::workers::registrations::ServiceWorkers;
pub use crate::engine::workers::registrations::UnregisterOutcome;
pub use crate::ids::BackgroundFetchKey;
pub use crate::network::NetworkPolicy;
pub use crate::snapshot::BackgroundFetchSnapshot;
pub use crate::snapshot::RequestSnapshot;
pub use crate::snapshot::Retained;
pub use crate::snapshot::Waiting;
pub use crate::spec::BackgroundFetchFailureReason;
pub use crate::spec::BackgroundFetchResult;
pub use crate::spec::CacheQueryOptions;
pub use crate::spec::CredentialsMode;
pub use crate::spec::HeaderList;
pub use crate::spec::ImageResource;
pub use crate::spec::RealmKind;
pub use crate::spec::RecordResult;
pub use crate::spec::RedirectMode;
pub use crate::spec::ReferrerPolicy;
pub use crate::spec::Request;
pub use crate::spec::RequestMode;
pub use crate::spec::Response;
pub use crate::spec::ResumePolicy;

/// The engine: it owns its tokio runtime, outlives every realm and serves many
/// at once. Copies are cheap and are the same engine.
///
/// When the last copy is dropped (each [`Realm`] has one) all transfers stop;
/// what is in the store continues with the next engine that opens it.
/// [`Engine::shutdown`] does the same, waits for it, and makes durable what was
/// received last. A process that does neither has ended abnormally, see
/// [`StoredBackgroundFetch::is_quarantined`](crate::store::StoredBackgroundFetch::is_quarantined).
#[derive(Clone)]
pub struct Engine(Arc<EngineInner>);

struct EngineInner {
  context: Arc<Context>,
  jobs: Arc<Jobs>,
  runtime: Option<Runtime>,
}

opaque_debug!(Engine, Observer);

impl Engine {
  /// Makes an engine with settings of one's own.
  pub fn builder() -> EngineBuilder {
    EngineBuilder::default()
  }

  /// Opens the store in `directory` with default settings, and continues with
  /// everything in it: [`EngineBuilder::open`].
  ///
  /// # Errors
  ///
  /// The store is in use, damaged or unreadable.
  pub async fn open(directory: impl AsRef<Path>) -> Result<Self, StartError> {
    Self::builder().open(directory).await
  }

  /// The same for a thread that may be blocked:
  /// [`EngineBuilder::open_blocking`].
  ///
  /// # Errors
  ///
  /// As for [`Engine::open`].
  pub fn open_blocking(
    directory: impl AsRef<Path>,
  ) -> Result<Self, StartError> {
    Self::builder().open_blocking(directory)
  }

  async fn start(
    store: Store,
    config: EngineConfig,
    handle: Handle,
    runtime: Option<Runtime>,
  ) -> Result<Self, StartError> {
    telemetry::describe();
    let engine = Self::prepare(store, config, handle.clone(), runtime)?;
    // The caller may be on a thread of another runtime.
    let restoring = engine.context().clone();
    let jobs = engine.jobs().clone();
    let restored =
      handle.spawn(async move { restore::restore(&restoring, &jobs).await });
    match restored.await {
      Ok(result) => result?,
      Err(_) => {
        let died = "reading the store was cut short";
        return Err(StoreError::Database(died.to_string()).into());
      }
    }
    engine.begin();
    Ok(engine)
  }

  /// An engine that knows nothing yet of what is in its store.
  fn prepare(
    store: Store,
    config: EngineConfig,
    handle: Handle,
    runtime: Option<Runtime>,
  ) -> Result<Self, StartError> {
    let network = {
      let _context = handle.enter();
      Network::new(config.network.clone())
    };
    let network = match network {
      Ok(network) => network,
      Err(error) => {
        // The caller may be on another runtime, where none may be dropped.
        if let Some(runtime) = runtime {
          runtime.shutdown_background();
        }
        return Err(error.into());
      }
    };
    let display = config.display.clone();
    let delegate = Arc::new(EngineDelegate::new(
      config.service_worker_host.clone(),
      config.service_worker_limits,
    ));
    let platform = config.platform.clone();
    let service_workers = Workers::new(delegate.clone(), platform.clone());
    let jobs = Arc::new(Jobs::default());
    let context = Context::new(
      handle.clone(),
      platform,
      store,
      network,
      service_workers,
      config.policies(),
      JobCallbacks {
        bytes_lost: update::bytes_lost(&jobs),
        undelivered: retention::on_undelivered(&jobs),
      },
    );
    let engine = Self(Arc::new(EngineInner {
      context: context.clone(),
      jobs,
      runtime,
    }));
    delegate.set_engine(engine.downgrade());
    if let Some(display) = display {
      display.start(engine.user_actions());
      let observer = engine.observe();
      let stopping = context.stopping.clone();
      context.spawn(async move {
        let show = async {
          loop {
            display.show(&observer.next().await);
          }
        };
        until::<()>(&stopping, show).await;
      });
    }
    Ok(engine)
  }

  /// Begins the work that is done all the time.
  fn begin(&self) {
    let context = self.context();
    context.spawn(start::run(context.clone(), self.jobs().clone()));
    let (retained, jobs) = (context.clone(), self.jobs().clone());
    context.spawn(async move {
      let stopping = retained.stopping.clone();
      until(&stopping, retention::expire(&retained, &jobs)).await;
    });
  }

  fn context(&self) -> &Arc<Context> {
    &self.0.context
  }

  fn jobs(&self) -> &Arc<Jobs> {
    &self.0.jobs
  }

  /// Attaches a realm.
  pub fn attach(&self, options: RealmOptions) -> Realm {
    Realm::attach(self.clone(), options)
  }

  /// The network that it fetches over, with its connections, cookies and
  /// limits.
  pub fn network(&self) -> Network {
    self.context().network.clone()
  }

  /// Every background fetch whose records are still there, oldest first.
  pub fn background_fetches(&self) -> Vec<BackgroundFetchSnapshot> {
    let jobs = self.jobs().all();
    jobs.iter().map(|job| job.snapshot()).collect()
  }

  /// How many bytes each record of a background fetch has stored, in order,
  /// those behind gaps with them; none when there is no such background fetch.
  /// Their sum is [`BackgroundFetchSnapshot::received`].
  pub fn stored_bytes(&self, key: crate::ids::BackgroundFetchKey) -> Vec<u64> {
    let Some(job) = self.jobs().get(key) else {
      return Vec::new();
    };
    job.inspect(|machine| {
      let records = machine.background_fetch().records.iter();
      records
        .map(|record| record.response_data.extents.total())
        .collect()
    })
  }

  /// The first `limit` requests of a background fetch, in order; none when
  /// there is no such background fetch.
  pub fn requests(
    &self,
    key: crate::ids::BackgroundFetchKey,
    limit: usize,
  ) -> Vec<RequestSnapshot> {
    let Some(job) = self.jobs().get(key) else {
      return Vec::new();
    };
    job.requests(limit)
  }

  /// The records of a background fetch, in their order; none when they are not
  /// there any more.
  pub fn records(
    &self,
    key: crate::ids::BackgroundFetchKey,
  ) -> Vec<RecordHandle> {
    let context = self.context();
    let Some(job) = self.jobs().get(key) else {
      return Vec::new();
    };
    let records = 0..job.records.len();
    records
      .map(|record| RecordHandle::new(context, &job, record))
      .collect()
  }

  /// Tells of every background fetch there is, and of every change.
  pub fn observe(&self) -> Observer {
    let mailbox = Arc::new(Mailbox::default());
    self.context().observe(&mailbox);
    for job in self.jobs().all() {
      mailbox.push_update(job);
    }
    Observer(mailbox)
  }

  /// Writes the bytes of a record's response to `destination`, which must not
  /// exist, as [`BodyStore::export`](crate::store::BodyStore::export) does. Only for
  /// a background fetch that has settled; with [`ExportMode::Share`] only when
  /// no script is going to read the record.
  ///
  /// # Errors
  ///
  /// There is no such record, or it cannot be written there.
  pub async fn export(
    &self,
    key: crate::ids::BackgroundFetchKey,
    record: usize,
    destination: &Path,
    mode: ExportMode,
  ) -> Result<(), StoreError> {
    let context = self.context();
    let job = self.jobs().get(key);
    let job = job.filter(|j| j.is_settled() && record < j.records.len());
    let Some(job) = job else {
      let message = "there is no settled record to export";
      return Err(StoreError::DamagedBody(message.to_string()));
    };
    let state = job.response_data(record).state();
    match state.body {
      Some(body) => {
        let store = context.store.get()?;
        let stored = state.stored;
        store.export_complete(body, stored, destination, mode).await
      }
      // An empty response has no body in the store.
      None => context.store.get()?.export_nothing(destination).await,
    }
  }

  /// Tells scripts that the answers of [`EngineConfig::permission`] or
  /// [`EngineConfig::notification_permission`] have changed: each
  /// [`PermissionStatus`](https://w3c.github.io/permissions/#permissionstatus-interface)
  /// that has another state now gets a `change` event. What changes while a
  /// script asks for a permission is noticed without it.
  pub fn permissions_changed(&self) {
    self.context().permissions_changed();
  }

  /// How much an origin uses, and may use: what
  /// [`navigator.storage.estimate()`](https://storage.spec.whatwg.org/#dom-storagemanager-estimate)
  /// tells.
  ///
  /// # Errors
  ///
  /// The store cannot be asked how much it can take.
  pub async fn storage_estimate(
    &self,
    origin: &url::Origin,
  ) -> Result<StorageEstimate, StoreError> {
    let context = self.context();
    let available = context.store.get()?.bodies.available().await?;
    Ok(context.origin_quota(origin).estimate(available))
  }

  /// Runs `task` on the engine's runtime until it ends or the engine stops. It
  /// must not hold a copy of the engine while it waits.
  pub(crate) fn spawn_until_stopped(
    &self,
    task: impl Future<Output = ()> + Send + 'static,
  ) {
    let stopping = self.context().stopping.clone();
    self.context().spawn(async move {
      until(&stopping, task).await;
    });
  }

  /// The engine, without keeping it.
  pub(crate) fn downgrade(&self) -> WeakEngine {
    WeakEngine(Arc::downgrade(&self.0))
  }

  /// Stops all transfers, makes what was received durable, and returns when
  /// nothing runs any more. The store continues with the next engine, which may
  /// open it at once: even if a copy of this one is still held, such as a
  /// service worker's thread that cannot be stopped.
  pub async fn shutdown(self) {
    self.context().stop().await;
    self.jobs().clear();
  }
}

#[derive(Clone)]
pub(crate) struct WeakEngine(Weak<EngineInner>);

impl WeakEngine {
  /// `None` when the last copy of the engine is gone.
  pub(crate) fn upgrade(&self) -> Option<Engine> {
    self.0.upgrade().map(Engine)
  }
}

impl Drop for EngineInner {
  fn drop(&mut self) {
    self.context.clear();
    self.jobs.clear();
    // The end is an orderly one: the store has to know before the process may
    // end.
    drop(self.context.close_store());
    if let Some(runtime) = self.runtime.take() {
      // A runtime that is dropped on one of tokio's threads would panic.
      runtime.shutdown_background();
    }
  }
}

/// Hears of every background fetch of an engine, see [`Engine::observe`].
pub struct Observer(Arc<Mailbox<Infallible>>);

impl Observer {
  /// The next background fetch that is new or has changed, as it stands now:
  /// changes that come faster than they are asked for become one. Safe to
  /// cancel.
  pub async fn next(&self) -> BackgroundFetchSnapshot {
    match self.0.next().await {
      Delivery::Update(snapshot) => *snapshot,
      Delivery::Message(message) => match message {},
    }
  }
}
