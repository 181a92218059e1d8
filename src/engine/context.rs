//! What every part of the engine shares.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Weak;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Origin;
use url::Url;

use super::error::FetchError;
use super::journal::writer::BytesLost;
use super::journal::writer::JournalWriter;
use super::policy::Concurrency;
use super::policy::Permission;
use super::policy::PermissionState;
use super::policy::Policies;
use super::quota::Quota;
use super::quota::Quotas;
use super::registration_events::OnUndelivered;
use super::registrations::Registrations;
use crate::engine::admission::Admission;
use crate::engine::broadcasts::Broadcasts;
use crate::engine::cache_users::CacheUsers;
use crate::engine::indexed_db::IndexedDb;
use crate::engine::locks::Locks;
use crate::engine::mailbox::Mailbox;
use crate::engine::mailbox::Observed;
use crate::engine::notifications::Notifications;
use crate::engine::object_urls::ObjectUrls;
use crate::engine::online::Online;
use crate::engine::schedule::byte_budget::ByteBudget;
use crate::engine::schedule::open_files;
use crate::ids::BodyId;
use crate::network::Network;
use crate::platform::Platform;
use crate::service_worker::ServiceWorkers;
use crate::store::Caches;
use crate::store::OpenStore;
use crate::store::Store;
use crate::store::StoreError;

/// How long requests with keepalive may take when the engine stops.
const KEEPALIVE: Duration = Duration::from_secs(5);

/// What jobs do when something happens to them that they have not asked for.
pub(super) struct JobCallbacks {
  pub(super) bytes_lost: BytesLost,
  pub(super) undelivered: Arc<OnUndelivered>,
}

pub(crate) struct Context {
  pub(super) platform: Arc<dyn Platform>,
  pub(super) policies: Policies,
  /// Given back at the end, even if this is still held.
  pub(super) store: Arc<OpenStore>,
  pub(super) caches: Caches,
  pub(super) indexed_db: IndexedDb,
  pub(super) network: Network,
  pub(super) journal: Arc<JournalWriter>,
  pub(super) admission: Admission,
  pub(super) byte_budget: Mutex<ByteBudget>,
  pub(super) registrations: Registrations,
  pub(super) service_workers: Arc<ServiceWorkers>,
  pub(super) cache_users: CacheUsers,
  pub(super) broadcasts: Broadcasts,
  pub(super) locks: Locks,
  pub(super) object_urls: Arc<ObjectUrls>,
  pub(super) notifications: Notifications,
  pub(super) online: Online,
  /// How often the answer to a permission may have become another one.
  pub(super) permission_changes: watch::Sender<u32>,
  /// The engine is going down; nothing settles any more.
  pub(super) stopping: CancellationToken,
  /// A background fetch is retained from now on.
  pub(super) retained: Notify,
  quotas: Quotas,
  tasks: TaskTracker,
  /// What writes the journal's rounds.
  writing: Mutex<Option<JoinHandle<()>>>,
  /// Fetches that outlive their realm.
  keepalive: TaskTracker,
  runtime: Handle,
  observers: Mutex<Vec<Weak<Mailbox<Infallible>>>>,
  next_realm: AtomicU64,
}

impl Context {
  pub(super) fn new(
    runtime: Handle,
    platform: Arc<dyn Platform>,
    store: Store,
    network: Network,
    service_workers: Arc<ServiceWorkers>,
    policies: Policies,
    of_jobs: JobCallbacks,
  ) -> Arc<Self> {
    let caches = store.caches.clone();
    let indexed_db = IndexedDb::new(caches.indexed_databases().ok());
    let store = OpenStore::new(store);
    Arc::new(Self {
      journal: JournalWriter::new(
        store.clone(),
        policies.checkpoint,
        of_jobs.bytes_lost,
      ),
      writing: Mutex::default(),
      admission: Admission::new(Concurrency {
        total: open_files::max_concurrent(policies.concurrency.total),
        ..policies.concurrency
      }),
      byte_budget: Mutex::new(ByteBudget::new(policies.byte_budget)),
      registrations: Registrations::new(
        Arc::downgrade(&service_workers),
        of_jobs.undelivered,
        policies.service_worker_limits,
      ),
      service_workers,
      cache_users: CacheUsers::default(),
      broadcasts: Broadcasts::default(),
      locks: Locks::default(),
      object_urls: Arc::default(),
      notifications: Notifications::default(),
      online: Online::default(),
      permission_changes: watch::Sender::default(),
      stopping: CancellationToken::new(),
      retained: Notify::new(),
      quotas: Quotas::default(),
      tasks: TaskTracker::new(),
      keepalive: TaskTracker::new(),
      observers: Mutex::default(),
      next_realm: AtomicU64::new(0),
      policies,
      platform,
      store,
      caches,
      indexed_db,
      network,
      runtime,
    })
  }

  /// Runs `task` on the engine's runtime; [`Context::stop`] waits for it.
  pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
    self.tasks.spawn_on(task, &self.runtime);
  }

  /// The same for a fetch with keepalive, to which [`Context::stop`] gives
  /// time.
  pub(super) fn spawn_keepalive(
    &self,
    task: impl Future<Output = ()> + Send + 'static,
  ) {
    self.spawn(self.keepalive.track_future(task));
  }

  /// Runs `task` on the engine's runtime and waits for it; it continues when
  /// the caller does not wait any more.
  pub(super) async fn run_to_completion<T: Send + 'static>(
    &self,
    task: impl Future<Output = T> + Send + 'static,
  ) -> Result<T, StoreError> {
    let mut task = Box::pin(task);
    // It is begun here, so that calls get into the edit queue in the order in
    // which they were made.
    if let Poll::Ready(output) = futures::poll!(&mut task) {
      return Ok(output);
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    self.spawn(async move {
      let _ = sender.send(task.await);
    });
    receiver.await.map_err(|_| StoreError::Closed)
  }

  /// The quota of the origin of `scope`.
  pub(super) fn quota(&self, scope: &Url) -> Arc<Quota> {
    self.origin_quota(&scope.origin())
  }

  pub(super) fn origin_quota(&self, origin: &Origin) -> Arc<Quota> {
    self.quotas.of(origin, &self.policies)
  }

  /// Whether `requested` bytes more may be stored for the origin of `scope`,
  /// and why not.
  pub(super) async fn check_quota(
    &self,
    scope: &Url,
    requested: u64,
  ) -> Result<(), FetchError> {
    if requested == 0 {
      return Ok(());
    }
    let available = self.store.get()?.bodies.available().await?;
    self.quota(scope).check_within(requested, available)
  }

  pub(super) fn permissions_changed(&self) {
    let changed = |count: &mut u32| *count = count.wrapping_add(1);
    self.permission_changes.send_modify(changed);
  }

  /// Asks for `permission`; the answer may change its state.
  pub(super) async fn request_permission(
    &self,
    permission: &dyn Permission,
    origin: &Origin,
  ) -> PermissionState {
    let before = permission.state(origin);
    let answer = permission.request(origin).await;
    if permission.state(origin) != before {
      self.permissions_changed();
    }
    answer
  }

  /// Why something that takes `requested` bytes was not stored. What was stored
  /// of it is deleted and given back before, so that the numbers are true.
  pub(super) async fn not_stored(
    &self,
    quota: &Quota,
    requested: u64,
    error: StoreError,
  ) -> FetchError {
    if !error.is_full() {
      return FetchError::Store(error);
    }
    let available = match self.store.get() {
      Ok(store) => store.bodies.available().await.ok().flatten(),
      Err(_) => None,
    };
    quota.no_room(error.to_string(), requested, available)
  }

  pub(super) fn next_realm(&self) -> u64 {
    self.next_realm.fetch_add(1, Ordering::Relaxed)
  }

  pub(super) fn observe(&self, observer: &Arc<Mailbox<Infallible>>) {
    self.observers.lock().push(Arc::downgrade(observer));
  }

  pub(super) fn notify_observers<T: Observed + 'static>(&self, job: &Arc<T>) {
    self
      .observers
      .lock()
      .retain(|observer| match observer.upgrade() {
        Some(observer) => {
          observer.push_update(job.clone());
          true
        }
        None => false,
      });
  }

  /// Deletes bodies. One that cannot be deleted is found at the next start,
  /// where no row knows it.
  pub(super) async fn delete_bodies(&self, bodies: Vec<BodyId>) {
    self.journal.forget(&bodies);
    for body in bodies {
      if let Err(error) = self.delete_body(body).await {
        tracing::warn!(%error, "a body cannot be deleted");
      }
    }
  }

  async fn delete_body(&self, body: BodyId) -> Result<(), StoreError> {
    self.store.get()?.bodies.delete(body).await
  }

  /// From now on what is enqueued in the journal becomes durable. Every
  /// background fetch has to be known that may lose bytes then.
  pub(super) fn start_writing(self: &Arc<Self>) {
    let context = self.clone();
    let writing = self
      .runtime
      .spawn(async move { context.journal.run().await });
    *self.writing.lock() = Some(writing);
  }

  /// Deletes bodies in a task of its own, for as long as there is an engine.
  pub(super) fn deleter(self: &Arc<Self>) -> Box<dyn Fn(BodyId) + Send + Sync> {
    let context = Arc::downgrade(self);
    Box::new(move |body| {
      if let Some(context) = context.upgrade() {
        context.clone().spawn(async move {
          context.delete_bodies(vec![body]).await;
        });
      }
    })
  }

  /// Nothing is going to happen any more: lets the store go.
  pub(super) fn clear(&self) {
    self.stopping.cancel();
    self.journal.close();
    self.registrations.clear();
  }

  /// Gives the store back. Dropping it waits for its thread.
  pub(super) fn close_store(&self) -> Option<Store> {
    self.indexed_db.close();
    self.store.close()
  }

  /// Stops everything at once; what was received is made durable.
  pub(super) async fn stop(&self) {
    self.service_workers.stop_all().await;
    self.keepalive.close();
    let _ = tokio::time::timeout(KEEPALIVE, self.keepalive.wait()).await;
    self.stopping.cancel();
    self.tasks.close();
    self.tasks.wait().await;
    if let Err(error) = self.journal.flush_all().await {
      tracing::error!(%error, "the last progress cannot be made durable");
    }
    self.clear();
    // What it is writing holds the store.
    let writing = self.writing.lock().take();
    if let Some(writing) = writing
      && let Err(error) = writing.await
    {
      tracing::error!(%error, "the journal's writer has failed");
    }
    if let Some(store) = self.close_store() {
      let dropped = self.runtime.spawn_blocking(move || drop(store));
      if let Err(error) = dropped.await {
        tracing::error!(%error, "the store cannot be closed");
      }
    }
  }
}
