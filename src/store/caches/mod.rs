//! The caches of the [Cache API](https://w3c.github.io/ServiceWorker/#cache-objects)
//! and the items of `localStorage`:
//! rows in a database of their own, `caches.sqlite3` in the store's directory,
//! which is made when the first cache is; bodies beside all other bodies.
//!
//! What is promised: when a change has answered, it is on disk, all of it; a
//! crash in between leaves what was there before.

mod database;

use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;

use self::database::Database;
pub(super) use self::database::FILES;
use super::StoreError;
use super::directory::Directory;
use super::directory_lock::DirectoryLock;
use super::files;
use super::indexed_db::IndexedDatabases;
use super::lock::lock;
use super::place::Place;
use crate::ids::BodyId;
pub use crate::ids::CacheKey;
use crate::spec::CacheQueryOptions;
use crate::spec::Request;
use crate::spec::Response;

/// A request with its response.
#[derive(Clone, Debug)]
pub struct CachedItem {
  /// What was requested.
  pub request: Request,
  /// What has come.
  pub response: Response,
  /// `None` for a null body.
  pub body: Option<CachedBody>,
}

/// Where the bytes of a cached response are.
#[derive(Clone, Debug)]
pub enum CachedBody {
  /// In the row.
  Inline(Bytes),
  /// Beside the other bodies of the store; `length` is in bytes.
  Stored {
    /// Names it.
    id: BodyId,
    /// In bytes.
    length: u64,
  },
}

impl CachedBody {
  /// In bytes.
  pub fn length(&self) -> u64 {
    match self {
      Self::Inline(bytes) => bytes.len() as u64,
      Self::Stored { length, .. } => *length,
    }
  }

  fn id(&self) -> Option<BodyId> {
    match self {
      Self::Inline(_) => None,
      Self::Stored { id, .. } => Some(*id),
    }
  }
}

/// What no row speaks of any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
  /// Bodies that no item has any more.
  pub bodies: Vec<BodyId>,
  /// All bytes, in and beside the rows.
  pub bytes: u64,
}

/// What the caches of one origin hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheUsage {
  /// The origin's serialization.
  pub origin: String,
  /// Every body that an item has.
  pub bodies: Vec<BodyId>,
  /// All bytes, in and beside the rows.
  pub bytes: u64,
}

/// The caches of a store. Copies are cheap and are the same caches.
#[derive(Clone)]
pub struct Caches(Arc<Mutex<State>>);

enum State {
  Unopened(Place),
  /// With what holds the directory.
  Open(Database, Place),
  Closed,
}

opaque_debug!(Caches);

fn open(place: &Place) -> Result<Database, StoreError> {
  match place {
    Place::Memory => Database::in_memory(),
    Place::Directory { directory, .. } => Database::open(directory),
  }
}

impl Caches {
  /// Caches that are gone when the last copy is dropped.
  pub fn in_memory() -> Self {
    Self::new(Place::Memory)
  }

  pub(super) fn in_directory(
    directory: Arc<Directory>,
    lock: Arc<DirectoryLock>,
  ) -> Self {
    Self::new(Place::Directory {
      directory,
      _lock: lock,
    })
  }

  fn new(place: Place) -> Self {
    Self(Arc::new(Mutex::new(State::Unopened(place))))
  }

  /// Everything fails with [`StoreError::Closed`] from now on, unless the
  /// caches are in memory: another copy of the store may be a later engine's.
  /// Blocks.
  pub(crate) fn close(&self) {
    let mut state = lock(&self.0);
    if let State::Unopened(Place::Memory) | State::Open(_, Place::Memory) =
      *state
    {
      return;
    }
    *state = State::Closed;
  }

  /// What every origin's caches hold. Those that were deleted while a script
  /// still used them are forgotten: what they held comes as the second value.
  ///
  /// # Errors
  ///
  /// The database cannot be read.
  pub async fn load(&self) -> Result<(Vec<CacheUsage>, Removed), StoreError> {
    let made = match &*lock(&self.0) {
      State::Unopened(Place::Directory { directory, .. }) => {
        Database::is_in(directory)
      }
      State::Unopened(Place::Memory) => false,
      _ => true,
    };
    if !made {
      return Ok(Default::default());
    }
    self
      .run(|database| {
        let removed = database.forget_deleted()?;
        Ok((database.usage()?, removed))
      })
      .await
  }

  /// The cache `name` of `origin`, made when there is none.
  ///
  /// # Errors
  ///
  /// As for all methods: the database cannot be read or written.
  pub async fn open(
    &self,
    origin: String,
    name: String,
  ) -> Result<CacheKey, StoreError> {
    self
      .run(move |database| database.open_cache(&origin, &name))
      .await
  }

  /// The names of the caches of `origin`, oldest first.
  pub async fn names(
    &self,
    origin: String,
  ) -> Result<Vec<(CacheKey, String)>, StoreError> {
    self.run(move |database| database.names(&origin)).await
  }

  /// Takes the name away from a cache. Its rows stay until
  /// [`Caches::forget`], for scripts that still use it.
  pub async fn delete_cache(
    &self,
    origin: String,
    name: String,
  ) -> Result<Option<CacheKey>, StoreError> {
    self
      .run(move |database| database.delete_cache(&origin, &name))
      .await
  }

  /// Forgets a cache without a name. One that has a name stays.
  pub async fn forget(&self, cache: CacheKey) -> Result<Removed, StoreError> {
    self.run(move |database| database.forget(cache)).await
  }

  /// [Query Cache](https://w3c.github.io/ServiceWorker/#query-cache): the
  /// items that match `request`, or all, in the order in which they came.
  /// `found` sees them before any of them may be deleted.
  pub async fn query<T: Send + 'static>(
    &self,
    cache: CacheKey,
    request: Option<Request>,
    options: CacheQueryOptions,
    found: impl FnOnce(Vec<CachedItem>) -> T + Send + 'static,
  ) -> Result<T, StoreError> {
    self
      .run(move |database| {
        let items = database.query(cache, request.as_ref(), options)?;
        Ok(found(items))
      })
      .await
  }

  /// Puts all of `items` or none, each in the place of those that its request
  /// matches. Their bodies are durable already. `removed` is called before the
  /// next lookup.
  pub async fn put<T: Send + 'static>(
    &self,
    cache: CacheKey,
    items: Vec<CachedItem>,
    removed: impl FnOnce(Removed) -> T + Send + 'static,
  ) -> Result<T, StoreError> {
    self
      .run(move |database| Ok(removed(database.put(cache, &items)?)))
      .await
  }

  /// Deletes the items that match `request`; how many these were.
  pub async fn delete<T: Send + 'static>(
    &self,
    cache: CacheKey,
    request: Request,
    options: CacheQueryOptions,
    removed: impl FnOnce(Removed) -> T + Send + 'static,
  ) -> Result<(usize, T), StoreError> {
    self
      .run(move |database| {
        let (count, what) = database.delete(cache, &request, options)?;
        Ok((count, removed(what)))
      })
      .await
  }

  /// The value of an item of `localStorage`. Blocks, as do those that follow:
  /// scripts wait for it.
  pub(crate) fn local_item(
    &self,
    origin: &str,
    key: &str,
  ) -> Result<Option<String>, StoreError> {
    self.work(|database| database.local_item(origin, key))
  }

  /// The keys of an origin's items, in the order in which they came.
  pub(crate) fn local_keys(
    &self,
    origin: &str,
  ) -> Result<Vec<String>, StoreError> {
    self.work(|database| database.local_keys(origin))
  }

  /// Sets an item, unless all of them would then have more than `max` bytes:
  /// then it returns how many they would have.
  pub(crate) fn set_local_item(
    &self,
    origin: &str,
    key: &str,
    value: &str,
    max: u64,
  ) -> Result<Result<(), u64>, StoreError> {
    self.work(|database| {
      let more = (key.len() + value.len()) as u64;
      let size = database.local_size(origin, key)? + more;
      if size > max {
        return Ok(Err(size));
      }
      database.set_local_item(origin, key, value)?;
      Ok(Ok(()))
    })
  }

  /// The databases of IndexedDB in the same place.
  pub(crate) fn indexed_databases(
    &self,
  ) -> Result<IndexedDatabases, StoreError> {
    match &*lock(&self.0) {
      State::Open(_, place) | State::Unopened(place) => {
        Ok(IndexedDatabases::new(place.clone()))
      }
      State::Closed => Err(StoreError::Closed),
    }
  }

  /// How many bytes more their disk can take, when there is one. Blocks.
  pub(crate) fn available(&self) -> Option<u64> {
    match &*lock(&self.0) {
      State::Open(_, place) | State::Unopened(place) => place.available(),
      State::Closed => None,
    }
  }

  /// Removes the item of `key`, or all.
  pub(crate) fn remove_local_items(
    &self,
    origin: &str,
    key: Option<&str>,
  ) -> Result<(), StoreError> {
    self.work(|database| database.remove_local_items(origin, key))
  }

  async fn run<T: Send + 'static>(
    &self,
    work: impl FnOnce(&mut Database) -> Result<T, StoreError> + Send + 'static,
  ) -> Result<T, StoreError> {
    let caches = self.clone();
    files::blocking(move || caches.work(work)).await
  }

  fn work<T>(
    &self,
    work: impl FnOnce(&mut Database) -> Result<T, StoreError>,
  ) -> Result<T, StoreError> {
    let mut state = lock(&self.0);
    if let State::Unopened(place) = &*state {
      let database = open(place)?;
      let unopened = std::mem::replace(&mut *state, State::Closed);
      if let State::Unopened(place) = unopened {
        *state = State::Open(database, place);
      }
    }
    match &mut *state {
      State::Open(database, _) => work(database),
      _ => Err(StoreError::Closed),
    }
  }
}
