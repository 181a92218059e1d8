//! The databases of [IndexedDB](https://w3c.github.io/IndexedDB/) that realms
//! share: who is connected, who has to wait for whom.
//!
//! Nothing here keeps waiting when its realm is gone: whatever a realm holds
//! lets go when it is dropped.

mod connection;
mod schedule;
mod transaction;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Weak;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::OwnedMutexGuard;

pub(crate) use self::connection::DatabaseConnection;
pub(crate) use self::connection::VersionChange;
use self::schedule::Schedule;
use self::schedule::Scope;
pub(crate) use self::transaction::DatabaseTransaction;
use crate::dom_exception::DomException;
use crate::engine::quota::Quota;
use crate::engine::quota::Reservation;
use crate::store::StoreError;
use crate::store::indexed_db::IndexedDatabase;
use crate::store::indexed_db::IndexedDatabases;
use crate::store::indexed_db::KeptDatabase;

/// How many databases of an origin may be open at once: each takes three files
/// of the process.
const MAX_OPEN: usize = 64;

/// Every origin's.
#[derive(Clone)]
pub(crate) struct IndexedDb(Arc<Inner>);

struct Inner {
  /// Until the engine ends.
  store: Mutex<Option<IndexedDatabases>>,
  databases: Mutex<HashMap<Key, Arc<Database>>>,
}

/// An origin's serialization, and the name of a database of it.
type Key = (String, String);

/// A database, whether or not it is there.
struct Database {
  key: Key,
  all: Weak<Inner>,
  quota: Arc<Quota>,
  /// The [connection queue](https://w3c.github.io/IndexedDB/#connection-queue):
  /// whose turn it is has this.
  queue: Arc<tokio::sync::Mutex<()>>,
  state: Mutex<State>,
  /// While somebody is connected. Locked after `state`.
  file: Mutex<Option<IndexedDatabase>>,
  /// A connection has changed.
  changed: Notify,
}

struct State {
  /// What was committed last; 0 when there is no such database.
  version: u64,
  /// What it takes on the disk.
  kept: Reservation,
  last: u64,
  connections: Vec<Connected>,
  schedule: Schedule,
}

/// A connection, as the others see it.
struct Connected {
  id: u64,
  realm: u64,
  /// Its script has called `close()`.
  is_closing: bool,
  /// What it has not fired `versionchange` for yet.
  version_change: Option<VersionChange>,
  /// Its script is handling one.
  is_handling: bool,
  wake: Arc<Notify>,
}

impl IndexedDb {
  pub(crate) fn new(store: Option<IndexedDatabases>) -> Self {
    Self(Arc::new(Inner {
      store: Mutex::new(store),
      databases: Mutex::default(),
    }))
  }

  /// The databases that are in the store.
  pub(crate) async fn load(&self) -> Result<Vec<KeptDatabase>, StoreError> {
    let all = self.0.clone();
    blocking(move || all.store()?.load()).await
  }

  /// A database that [`IndexedDb::load`] has found.
  pub(crate) fn add(&self, kept: KeptDatabase, quota: Arc<Quota>) {
    let database = self.database((kept.origin, kept.name), quota);
    let mut state = database.state.lock();
    state.version = kept.version;
    state.kept.set(kept.bytes);
  }

  /// Everything fails with [`StoreError::Closed`] from now on.
  pub(crate) fn close(&self) {
    *self.0.store.lock() = None;
    for database in self.0.databases.lock().values() {
      *database.file.lock() = None;
    }
  }

  fn database(&self, key: Key, quota: Arc<Quota>) -> Arc<Database> {
    let mut databases = self.0.databases.lock();
    let new = |key: &Key| Database {
      key: key.clone(),
      all: Arc::downgrade(&self.0),
      queue: Arc::default(),
      state: Mutex::new(State {
        version: 0,
        kept: Reservation::empty(quota.clone()),
        last: 0,
        connections: Vec::new(),
        schedule: Schedule::default(),
      }),
      quota: quota.clone(),
      file: Mutex::new(None),
      changed: Notify::new(),
    };
    let database = databases.entry(key.clone());
    database.or_insert_with(|| Arc::new(new(&key))).clone()
  }

  /// [`databases()`](https://w3c.github.io/IndexedDB/#dom-idbfactory-databases):
  /// names with versions.
  pub(crate) fn of(&self, origin: &str) -> Vec<(String, u64)> {
    let databases = self.0.databases.lock();
    let mut all: Vec<_> = databases
      .values()
      .filter(|database| database.key.0 == origin)
      .map(|database| (database.key.1.clone(), database.state.lock().version))
      .filter(|(_, version)| *version > 0)
      .collect();
    all.sort();
    all
  }

  /// Waits for the database's turn in the connection queue.
  pub(crate) async fn claim(
    &self,
    origin: String,
    name: String,
    quota: Arc<Quota>,
  ) -> DatabaseClaim {
    let database = self.database((origin, name), quota);
    let turn = database.queue.clone().lock_owned().await;
    DatabaseClaim {
      database,
      others: Vec::new(),
      turn: Some(turn),
    }
  }
}

impl Inner {
  fn store(&self) -> Result<IndexedDatabases, StoreError> {
    self.store.lock().clone().ok_or(StoreError::Closed)
  }

  fn open_databases(&self, origin: &str) -> usize {
    let databases = self.databases.lock();
    let of_origin = databases.values().filter(|d| d.key.0 == origin);
    let is_open = |d: &&Arc<Database>| !d.state.lock().connections.is_empty();
    of_origin.filter(is_open).count()
  }
}

impl Database {
  fn store(&self) -> Result<IndexedDatabases, StoreError> {
    self.all.upgrade().ok_or(StoreError::Closed)?.store()
  }

  /// Does `work` with the open file. Blocks.
  fn with_file<T>(
    &self,
    work: impl FnOnce(&IndexedDatabase) -> Result<T, StoreError>,
  ) -> Result<T, StoreError> {
    match &*self.file.lock() {
      Some(file) => work(file),
      None => Err(StoreError::Closed),
    }
  }

  fn is_open(&self) -> bool {
    self.file.lock().is_some()
  }

  /// Why `requested` more bytes were not stored.
  fn failed(&self, error: StoreError, requested: u64) -> DomException {
    if !error.is_full() {
      return error.into();
    }
    let available = self.store().ok().and_then(|store| store.available());
    let no_room = self.quota.no_room(error.to_string(), requested, available);
    no_room.into()
  }
}

/// The turn of a request in the [connection queue](https://w3c.github.io/IndexedDB/#connection-queue)
/// of a database: until it is dropped, no other caller opens or deletes it.
pub(crate) struct DatabaseClaim {
  database: Arc<Database>,
  /// The connections that have to be closed first.
  others: Vec<u64>,
  turn: Option<OwnedMutexGuard<()>>,
}

/// Which connections stand in the way of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StillOpen {
  None,
  /// Those of the same realm, which only that realm can close.
  Own,
  /// Also those of others.
  Others,
}

opaque_debug!(DatabaseClaim, DatabaseConnection, DatabaseTransaction);

impl DatabaseClaim {
  /// The version that the database has; 0 when there is none.
  pub(crate) fn version(&self) -> u64 {
    self.database.state.lock().version
  }

  /// A new connection of a script of `realm`.
  ///
  /// # Errors
  ///
  /// The database cannot be opened, or too many are open.
  pub(crate) async fn connect(
    &self,
    realm: u64,
  ) -> Result<DatabaseConnection, DomException> {
    let connection = DatabaseConnection::new(self.database.clone(), realm);
    let database = self.database.clone();
    let opened = blocking(move || database.open()).await;
    opened.map_err(|error| self.database.failed(error, 0))?;
    Ok(connection)
  }

  /// Tells all connections but `own` that the version is going to change.
  pub(crate) fn announce(
    &mut self,
    own: Option<&DatabaseConnection>,
    change: VersionChange,
  ) {
    let mut state = self.database.state.lock();
    let own = own.map(DatabaseConnection::id);
    for other in &mut state.connections {
      if Some(other.id) == own {
        continue;
      }
      self.others.push(other.id);
      if !other.is_closing {
        other.version_change = Some(change);
        other.wake.notify_one();
      }
    }
  }

  /// Waits until the scripts of all other connections have heard of it, and
  /// says whose of them are still open. Safe to cancel.
  pub(crate) async fn announced(&self, realm: u64) -> StillOpen {
    self
      .until(|other| other.version_change.is_none() && !other.is_handling)
      .await;
    let state = self.database.state.lock();
    let open = state.connections.iter();
    let mut open = open.filter(|other| self.others.contains(&other.id));
    let mut still = StillOpen::None;
    if let Some(first) = open.next() {
      let is_own = first.realm == realm && open.all(|o| o.realm == realm);
      still = if is_own {
        StillOpen::Own
      } else {
        StillOpen::Others
      };
    }
    still
  }

  /// Waits until all other connections are closed. Safe to cancel.
  pub(crate) async fn alone(&self) {
    self.until(|_| false).await;
  }

  /// Waits until `is_ready` for each of the other connections that are open.
  async fn until(&self, is_ready: impl Fn(&Connected) -> bool) {
    loop {
      let changed = self.database.changed.notified();
      tokio::pin!(changed);
      changed.as_mut().enable();
      let all = {
        let state = self.database.state.lock();
        let mut others = state.connections.iter();
        others.all(|o| !self.others.contains(&o.id) || is_ready(o))
      };
      if all {
        return;
      }
      changed.await;
    }
  }

  /// The transaction that upgrades the database to `version`.
  pub(crate) fn upgrade(&self, version: u64) -> DatabaseTransaction {
    let scope = Scope {
      stores: Vec::new(),
      writes: true,
    };
    DatabaseTransaction::new(&self.database, scope, Some(version))
  }

  /// Deletes the database, which has no connection.
  ///
  /// # Errors
  ///
  /// The store has failed.
  pub(crate) async fn delete(&self) -> Result<(), DomException> {
    let database = self.database.clone();
    Ok(blocking(move || database.delete()).await?)
  }
}

impl Drop for DatabaseClaim {
  fn drop(&mut self) {
    // A database whose first upgrade was aborted is not there.
    let is_new = self.database.state.lock().version == 0;
    if is_new
      && self.database.is_open()
      && let Err(error) = self.database.delete()
    {
      tracing::warn!(%error, "a database that was not made cannot be deleted");
    }
    // The next one's turn.
    self.turn = None;
    if let Some(all) = self.database.all.upgrade() {
      all.forget_unused(&self.database);
    }
  }
}

impl Inner {
  /// Forgets a database that is not there and that no caller asks for.
  fn forget_unused(&self, database: &Arc<Database>) {
    let mut databases = self.databases.lock();
    // The other two are the caller's and the map's.
    let is_unused = Arc::strong_count(database) == 2;
    if is_unused && database.state.lock().version == 0 {
      databases.remove(&database.key);
    }
  }
}

impl Database {
  /// Blocks.
  fn open(&self) -> Result<(), StoreError> {
    let all = self.all.upgrade().ok_or(StoreError::Closed)?;
    let (origin, name) = &self.key;
    if self.is_open() {
      return Ok(());
    }
    if all.open_databases(origin) > MAX_OPEN {
      return Err(StoreError::Database(format!(
        "{MAX_OPEN} databases of {origin} are open already; close one first"
      )));
    }
    let opened = all.store()?.open(origin, name)?;
    let mut state = self.state.lock();
    state.version = opened.version()?;
    *self.file.lock() = Some(opened);
    Ok(())
  }

  /// Blocks.
  fn delete(&self) -> Result<(), StoreError> {
    let store = self.store()?;
    let mut state = self.state.lock();
    // Its log goes with it.
    *self.file.lock() = None;
    let (origin, name) = &self.key;
    store.remove(origin, name)?;
    state.version = 0;
    state.kept.set(0);
    Ok(())
  }

  /// A connection is closed.
  fn disconnect(&self, id: u64) {
    let mut state = self.state.lock();
    let before = state.connections.len();
    state.connections.retain(|connected| connected.id != id);
    if state.connections.len() == before {
      return;
    }
    let is_kept = self.store().is_ok_and(|store| store.are_kept());
    // A claim may be going to delete it, or to open it again.
    if state.connections.is_empty() && is_kept && state.version > 0 {
      *self.file.lock() = None;
    }
    drop(state);
    self.changed.notify_waiters();
  }
}

/// Does not block the thread of a script.
async fn blocking<T: Send + 'static>(
  work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
  match tokio::task::spawn_blocking(work).await {
    Ok(done) => done,
    Err(error) => Err(StoreError::Io(std::io::Error::other(error).into())),
  }
}
