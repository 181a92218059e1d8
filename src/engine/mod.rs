//! Runs `spec/` over I/O: the edit queue, *perform*, *complete a record*,
//! pause, abort, retry, progress, and what a restart needs.

mod act;
mod attempt;
mod checkpoint;
mod checkpoint_tickets;
mod config;
mod events;
mod fetch;
mod fetch_rejection;
mod finished;
mod host_limits;
mod inbox;
mod integrity;
mod net_permission;
mod open_files;
mod owed_events;
mod pending;
mod purge;
mod quota;
mod realm;
mod realm_facts;
mod realm_service_workers;
mod record;
mod record_slot;
mod registration;
mod registrations;
mod request_body;
mod response_data;
mod restore;
mod restore_record;
mod retention;
mod retry;
mod run;
mod script;
mod service_worker;
mod settle;
mod shared;
mod transfer;
mod updates;
mod user_actions;

use std::path::Path;
use std::sync::Arc;
use std::sync::Weak;

use tokio::runtime::Handle;
use tokio::runtime::Runtime;

use self::shared::Shared;
use self::updates::UpdateQueue;
use crate::network::Network;
use crate::network::NetworkConfigError;
use crate::store::Store;
use crate::store::StoreError;

pub use self::config::BeforeEvent;
pub use self::config::CheckpointPolicy;
pub use self::config::Concurrency;
pub use self::config::EngineConfig;
pub use self::config::PermissionState;
pub use self::config::QuotaOf;
pub use self::config::RetryPolicy;
pub use self::events::Delivery;
pub use self::fetch::BackgroundFetchOptions;
pub use self::fetch::NewRecord;
pub use self::fetch_rejection::FetchRejection;
pub use self::finished::Stuck;
pub use self::inbox::RealmMessage;
pub use self::realm::Realm;
pub use self::realm_facts::RealmFacts;
pub use self::realm_facts::RealmKind;
pub use self::record::RecordError;
pub use self::record::RecordHandle;
pub use self::request_body::RequestBodyHandle;
pub use self::request_body::RequestBodyWriter;
pub use self::retention::Moved;
pub use self::service_worker::ServiceWorkerHost;
pub use crate::display::BackgroundFetchSnapshot;
pub use crate::display::Waiting;

/// The engine: it owns its tokio runtime, outlives every realm and serves many
/// at once. Copies are cheap and are the same engine.
///
/// When the last copy is dropped (each [`Realm`] has one) all transfers stop;
/// what is in the store goes on with the next engine that opens it.
/// [`Engine::shutdown`] does the same and waits for it.
#[derive(Clone)]
pub struct Engine(Arc<Running>);

struct Running {
  shared: Arc<Shared>,
  runtime: Option<Runtime>,
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
  #[error(transparent)]
  Store(#[from] StoreError),
  #[error(transparent)]
  Network(#[from] NetworkConfigError),
  #[error("the engine's threads cannot be started: {0}")]
  Runtime(std::io::Error),
}

impl Engine {
  /// Opens the store in `directory` (which is created when it is not there)
  /// and goes on with everything in it.
  ///
  /// # Errors
  ///
  /// The store is in use, damaged or unreadable, or a setting is wrong.
  pub fn open(
    directory: impl AsRef<Path>,
    config: EngineConfig,
  ) -> Result<Self, StartError> {
    Self::start(Store::open_directory(directory.as_ref())?, config)
  }

  /// The same on any store, for instance on [`Store::in_memory`].
  ///
  /// # Errors
  ///
  /// The store cannot be read, or a setting is wrong.
  pub fn start(store: Store, config: EngineConfig) -> Result<Self, StartError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
      .enable_all()
      .thread_name("background-fetch")
      .build()
      .map_err(StartError::Runtime)?;
    let handle = runtime.handle().clone();
    Self::start_with(store, config, handle, Some(runtime))
  }

  /// The same on a runtime that the embedder lends: a multi-threaded one that
  /// lives as long as the engine.
  ///
  /// # Errors
  ///
  /// As for [`Engine::start`].
  pub fn start_on(
    runtime: Handle,
    store: Store,
    config: EngineConfig,
  ) -> Result<Self, StartError> {
    Self::start_with(store, config, runtime, None)
  }

  fn start_with(
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
    let shared = Shared::new(handle.clone(), store, network, config);
    let engine = Self(Arc::new(Running {
      shared: shared.clone(),
      runtime,
    }));
    shared.set_engine(Arc::downgrade(&engine.0));
    if let Some(display) = display {
      let observer = engine.observe();
      let stopping = shared.stopping.clone();
      shared.spawn(async move {
        let show = async {
          loop {
            display.show(&observer.next().await);
          }
        };
        attempt::until::<()>(&stopping, show).await;
      });
    }
    // The caller may be on any thread, also on one of another runtime, which
    // must not be blocked on from within.
    let restoring = shared.clone();
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    handle.spawn(async move {
      let _ = sender.send(restore::restore(&restoring).await);
    });
    match receiver.recv() {
      Ok(result) => result?,
      Err(_) => {
        let died = "reading the store was cut short";
        return Err(StoreError::Database(died.to_string()).into());
      }
    }
    // Only now is every background fetch known that a checkpoint may fail.
    let checkpoints = shared.clone();
    shared.spawn(async move {
      let stopping = checkpoints.stopping.clone();
      checkpoints.checkpoint.run(stopping).await;
    });
    let retained = shared.clone();
    shared.spawn(async move {
      let stopping = retained.stopping.clone();
      attempt::until(&stopping, retention::expire(&retained)).await;
    });
    Ok(engine)
  }

  fn shared(&self) -> &Arc<Shared> {
    &self.0.shared
  }

  /// Attaches a realm.
  pub fn attach(&self, facts: RealmFacts) -> Realm {
    Realm::attach(self.clone(), facts)
  }

  /// Every background fetch whose records are still there, oldest first.
  pub fn background_fetches(&self) -> Vec<BackgroundFetchSnapshot> {
    let runs = self.shared().runs.lock();
    let mut all: Vec<_> = runs.values().map(|run| run.snapshot()).collect();
    all.sort_by_key(|background_fetch| background_fetch.key);
    all
  }

  /// How many bytes each record of a background fetch has stored, in order;
  /// none when there is no such background fetch. Their sum is its stored body
  /// bytes total.
  pub fn stored_bytes(
    &self,
    key: crate::store::BackgroundFetchKey,
  ) -> Vec<u64> {
    let Some(run) = self.shared().run(key) else {
      return Vec::new();
    };
    run.look(|perform| {
      let records = perform.background_fetch().records.iter();
      records.map(|record| record.response_data.bytes).collect()
    })
  }

  /// The records of a background fetch, in their order; none when they are not
  /// there any more.
  pub fn records(
    &self,
    key: crate::store::BackgroundFetchKey,
  ) -> Vec<RecordHandle> {
    let shared = self.shared();
    let Some(run) = shared.run(key) else {
      return Vec::new();
    };
    let records = 0..run.records.len();
    records
      .map(|record| RecordHandle::new(shared, &run, record))
      .collect()
  }

  /// Tells of every background fetch there is, and of every change.
  pub fn observe(&self) -> Observer {
    let queue = Arc::new(UpdateQueue::default());
    self.shared().observe(&queue);
    Observer(queue)
  }

  /// Writes the bytes of a record's response to `destination`, which must not
  /// exist, as [`Bodies::export`](crate::store::Bodies::export) does. Only for
  /// a background fetch that has settled.
  ///
  /// # Errors
  ///
  /// There is no such record, or it cannot be written there.
  pub async fn export(
    &self,
    key: crate::store::BackgroundFetchKey,
    record: usize,
    destination: &Path,
  ) -> Result<(), StoreError> {
    let shared = self.shared();
    let run = shared.run(key).filter(|run| run.is_settled());
    let data = run
      .as_ref()
      .filter(|run| record < run.records.len())
      .map(|run| run.response_data(record));
    let Some(data) = data else {
      let message = "there is no settled record to export";
      return Err(StoreError::DamagedBody(message.to_string()));
    };
    match data.body() {
      Some(body) => shared.store.bodies.export(body, destination).await,
      // An empty response has no body in the store.
      None => {
        std::fs::File::create_new(destination)
          .map(drop)
          .map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
              StoreError::DestinationExists(destination.to_path_buf())
            }
            _ => StoreError::Io(error),
          })
      }
    }
  }

  /// Runs `task` on the engine's runtime until it ends or the engine stops. It
  /// must not hold a copy of the engine while it waits.
  pub(crate) fn spawn_until_stopped(
    &self,
    task: impl Future<Output = ()> + Send + 'static,
  ) {
    let stopping = self.shared().stopping.clone();
    self.shared().spawn(async move {
      attempt::until(&stopping, task).await;
    });
  }

  /// The engine, without keeping it.
  pub(crate) fn downgrade(&self) -> WeakEngine {
    WeakEngine(Arc::downgrade(&self.0))
  }

  /// Stops all transfers, makes what was received durable, and returns when
  /// nothing runs any more. The store goes on with the next engine, which may
  /// open it at once: also when somebody still holds a copy of this one, such
  /// as a service worker's thread that cannot be stopped.
  pub async fn shutdown(self) {
    self.shared().stop().await;
  }
}

#[derive(Clone)]
pub(crate) struct WeakEngine(Weak<Running>);

impl WeakEngine {
  /// `None` when the last copy of the engine is gone.
  pub(crate) fn upgrade(&self) -> Option<Engine> {
    self.0.upgrade().map(Engine)
  }
}

impl Drop for Running {
  fn drop(&mut self) {
    self.shared.clear();
    if let Some(runtime) = self.runtime.take() {
      // A runtime that is dropped on one of tokio's threads would panic.
      runtime.shutdown_background();
    }
  }
}

/// Hears of every background fetch of an engine, see [`Engine::observe`].
pub struct Observer(Arc<UpdateQueue>);

impl Observer {
  /// The next background fetch that is new or has changed, as it stands now:
  /// changes that come faster than they are asked for become one. Safe to
  /// cancel.
  pub async fn next(&self) -> BackgroundFetchSnapshot {
    self.0.next().await
  }
}
