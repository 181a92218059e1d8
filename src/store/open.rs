//! The ways to a store.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::sync::OnceCell;
use url::Url;

use super::BodyReader;
use super::BodyStore;
use super::BodyWriter;
use super::Caches;
use super::Change;
use super::DamagedRow;
use super::ExportMode;
use super::Group;
use super::GroupOutcome;
use super::MetadataStore;
use super::Owner;
use super::SMALL_BODY;
use super::StoreError;
use super::StoredBackgroundFetch;
use super::StoredRegistration;
use super::Write;
use super::WriteDone;
use super::caches;
use super::directory::Directory;
use super::directory_lock::DirectoryLock;
use super::files;
use super::files::FileBodyStore;
use super::files::file_system::FileSystem;
use super::files::file_system::StdFileSystem;
use super::memory::BytesReader;
use super::memory::MemoryBodyStore;
use super::memory::MemoryMetadata;
use super::sqlite;
use super::sqlite::SqliteMetadata;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::platform::Platform;
use crate::platform::SystemPlatform;
use crate::spec::Extents;

/// Both halves, and the caches of scripts, whose bodies are among the others.
#[derive(Clone)]
pub struct Store {
  /// The rows.
  pub metadata: Arc<dyn MetadataStore>,
  /// The bytes.
  pub bodies: Arc<dyn BodyStore>,
  /// The caches of scripts.
  pub caches: Caches,
  /// As whom it is changed; taken over with the first change.
  owner: Arc<OnceCell<Owner>>,
}

opaque_debug!(Store);

impl Store {
  /// A store of these halves.
  pub fn new(
    metadata: Arc<dyn MetadataStore>,
    bodies: Arc<dyn BodyStore>,
    caches: Caches,
  ) -> Self {
    Self {
      metadata,
      bodies,
      caches,
      owner: Arc::default(),
    }
  }

  /// The same store with a new owner: no copy that was there before can change
  /// anything any more.
  ///
  /// # Errors
  /// Those of [`MetadataStore::take_over`].
  pub async fn take_over(&self) -> Result<Self, StoreError> {
    let owner = self.metadata.take_over().await?;
    Ok(Self {
      owner: Arc::new(OnceCell::new_with(Some(owner))),
      ..self.clone()
    })
  }

  /// As whom this store is changed; it is taken over when it has no owner.
  ///
  /// # Errors
  /// Those of [`MetadataStore::take_over`].
  pub async fn ownership(&self) -> Result<Owner, StoreError> {
    let owner = self.owner.get_or_try_init(|| self.metadata.take_over());
    owner.await.copied()
  }

  /// [`MetadataStore::write`], as the owner.
  ///
  /// # Errors
  /// Nothing is written.
  pub async fn write(
    &self,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    self.metadata.write(self.ownership().await?, groups).await
  }

  /// [`MetadataStore::write_and_call`], as the owner. One that has no owner yet
  /// returns both, too.
  pub(crate) fn write_and_call(
    &self,
    groups: Vec<Group>,
    done: WriteDone,
  ) -> Option<(Vec<Group>, WriteDone)> {
    match self.owner.get() {
      Some(owner) => self.metadata.write_and_call(*owner, groups, done),
      None => Some((groups, done)),
    }
  }

  /// The bytes of a body of which so many are stored, where they are in its
  /// row, or on their way there.
  pub(crate) async fn bytes_in_row(
    &self,
    id: BodyId,
    stored: u64,
  ) -> Result<Option<Bytes>, StoreError> {
    if stored == 0 || stored > SMALL_BODY {
      return Ok(None);
    }
    // In this order: they are in memory until they are in the row.
    let bytes = match self.bodies.held(id) {
      Some(bytes) => Some(bytes),
      None => self.metadata.body(id).await?,
    };
    Ok(bytes.filter(|bytes| bytes.len() as u64 == stored))
  }

  /// Opens a body that is complete. Nothing says whether a disk has kept the
  /// file of one whose bytes are in its row.
  pub(crate) async fn open_complete(
    &self,
    id: BodyId,
    stored: u64,
  ) -> Result<Box<dyn BodyReader>, StoreError> {
    match self.bytes_in_row(id, stored).await? {
      Some(bytes) => Ok(Box::new(BytesReader(bytes))),
      None => self.bodies.open(id).await,
    }
  }

  /// Opens a body of which so many bytes are stored, and to which more may
  /// come.
  pub(crate) async fn open_incomplete(
    &self,
    id: BodyId,
    stored: u64,
  ) -> Result<Box<dyn BodyReader>, StoreError> {
    match self.bodies.open(id).await {
      // It came as a whole, and has no file.
      Err(StoreError::DamagedBody(_)) => self.open_complete(id, stored).await,
      opened => opened,
    }
  }

  /// [`BodyStore::reopen`], for a body that may have no file.
  pub(crate) async fn reopen(
    &self,
    id: BodyId,
    stored: &Extents,
  ) -> Result<Box<dyn BodyWriter>, StoreError> {
    let error = match self.bodies.reopen(id, stored).await {
      Err(error @ StoreError::DamagedBody(_)) => error,
      reopened => return reopened,
    };
    let Some(bytes) = self.bytes_in_row(id, stored.end()).await? else {
      return Err(error);
    };
    self.bodies.restore(id, bytes).await?;
    self.bodies.reopen(id, stored).await
  }

  /// [`BodyStore::export`], for a body that is complete.
  pub(crate) async fn export_complete(
    &self,
    id: BodyId,
    stored: u64,
    destination: &Path,
    mode: ExportMode,
  ) -> Result<(), StoreError> {
    match self.bytes_in_row(id, stored).await? {
      Some(bytes) => self.bodies.export_bytes(id, bytes, destination).await,
      None => self.bodies.export(id, destination, mode).await,
    }
  }

  /// Adds a background fetch and returns its key.
  ///
  /// # Errors
  /// Nothing is written, see [`Write::Insert`].
  pub async fn insert(
    &self,
    row: StoredBackgroundFetch,
  ) -> Result<BackgroundFetchKey, StoreError> {
    let insert = Write::Insert(Box::new(row));
    let written = self.write(vec![vec![insert]]).await?;
    let outcome = written.into_iter().next().unwrap_or_default();
    match outcome.refused {
      Some((_, error)) => Err(error),
      None => Ok(outcome.key.unwrap_or(BackgroundFetchKey(0))),
    }
  }

  /// Writes `changes`, all or none.
  ///
  /// # Errors
  /// Nothing is written.
  pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
    let written = self.write(vec![vec![Write::Changes(changes)]]).await?;
    match written.into_iter().find_map(|outcome| outcome.refused) {
      Some((_, error)) => Err(error),
      None => Ok(()),
    }
  }

  /// [`MetadataStore::put_registration`], as the owner.
  ///
  /// # Errors
  /// Nothing is written.
  pub async fn put_registration(
    &self,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    let owner = self.ownership().await?;
    self.metadata.put_registration(owner, registration).await
  }

  /// [`MetadataStore::remove_registration`], as the owner.
  ///
  /// # Errors
  /// Nothing is written.
  pub async fn remove_registration(
    &self,
    scope: &Url,
  ) -> Result<(), StoreError> {
    let owner = self.ownership().await?;
    self.metadata.remove_registration(owner, scope).await
  }

  /// Deletes bodies.
  ///
  /// # Errors
  /// Some of them may be left.
  pub async fn delete_bodies(
    &self,
    bodies: impl IntoIterator<Item = BodyId>,
  ) -> Result<(), StoreError> {
    for body in bodies {
      self.bodies.delete(body).await?;
    }
    Ok(())
  }

  /// Opens the store in `directory`, and creates it when there is none: rows in
  /// a SQLite database, bodies in files. Only the user may look inside: a
  /// directory that is there already has to be the user's, with no other user
  /// allowed to write to it, and nothing in it is opened through a link.
  ///
  /// The directory belongs to this store until both halves and every writer
  /// of a body are dropped. Dropping the last reference to the changes waits
  /// for what is being written.
  ///
  /// Blocks for some milliseconds, longer when an older format is converted
  /// or a crash has to be recovered from. Its methods need a tokio runtime,
  /// this function does not.
  ///
  /// # Errors
  /// [`StoreError::Locked`] when someone else has it,
  /// [`StoreError::NewerVersion`] when this program is too old for it,
  /// [`StoreError::Directory`] when the directory cannot be used or trusted,
  /// and those of the database.
  pub fn open_directory(
    directory: impl AsRef<Path>,
  ) -> Result<Self, StoreError> {
    let directory = directory.as_ref();
    let failed = |source| StoreError::directory(directory, source);
    files::create_directories(directory).map_err(failed)?;
    let opened = Arc::new(Directory::open(directory).map_err(failed)?);
    let lock = Arc::new(DirectoryLock::take(opened.clone())?);
    for name in sqlite::FILES
      .iter()
      .chain(&files::FILES)
      .chain(&caches::FILES)
    {
      opened.check(name).map_err(failed)?;
    }
    // The changes come first: they refuse a newer format, and until then
    // nothing may be written.
    let metadata = SqliteMetadata::open(opened.clone(), lock.clone())?;
    let file_system =
      StdFileSystem::new(&opened, lock.clone()).map_err(failed)?;
    let platform = Arc::new(SystemPlatform);
    let bodies = FileBodyStore::open(Arc::new(file_system), platform);
    let bodies = bodies.map_err(failed)?;
    let caches = Caches::in_directory(opened, lock);
    Ok(Self::new(Arc::new(metadata), Arc::new(bodies), caches))
  }

  /// A store whose rows are in `metadata`, and whose bodies are in files of
  /// `file_system`: another one than this machine's, such as one that fails
  /// when a test wants it to. Its caches are in memory.
  ///
  /// Blocks, as `file_system` does.
  ///
  /// # Errors
  ///
  /// Those of the file system.
  pub fn on_file_system(
    metadata: Arc<dyn MetadataStore>,
    file_system: Arc<dyn FileSystem>,
    platform: Arc<dyn Platform>,
  ) -> std::io::Result<Self> {
    let bodies = FileBodyStore::open(file_system, platform)?;
    Ok(Self::new(metadata, Arc::new(bodies), Caches::in_memory()))
  }

  /// The process that works on the store in `directory`, in words; `None` when
  /// none does. At the next moment it may be another one.
  pub fn owner(directory: impl AsRef<Path>) -> Option<String> {
    super::directory_lock::owner_of(directory.as_ref())
  }

  /// What [`MetadataStore::load`] would say of the store in `directory`,
  /// without owning it: another process may be running there. Changes nothing.
  ///
  /// Blocks.
  ///
  /// # Errors
  /// As [`Store::open_directory`], except that it is never locked; a
  /// directory without a store is a [`StoreError::Directory`].
  pub fn read_directory(
    directory: impl AsRef<Path>,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    sqlite::read_directory(directory.as_ref())
  }

  /// What [`BodyStore::export`] does, for a response without a body.
  pub(crate) async fn export_nothing(
    &self,
    destination: &Path,
  ) -> Result<(), StoreError> {
    let id = BodyId(uuid::Uuid::now_v7());
    self
      .bodies
      .export_bytes(id, Bytes::new(), destination)
      .await
  }

  /// A store that is gone when it is dropped. In all else it behaves as one
  /// on disk; its bodies are bounded by the memory only.
  pub fn in_memory() -> Self {
    Self::new(
      Arc::new(MemoryMetadata::default()),
      Arc::new(MemoryBodyStore::default()),
      Caches::in_memory(),
    )
  }
}

/// A store that is given back while others still hold this: who has only this
/// does not keep the store when it is closed.
pub(crate) struct OpenStore(RwLock<Option<Store>>);

impl OpenStore {
  pub(crate) fn new(store: Store) -> Arc<Self> {
    Arc::new(Self(RwLock::new(Some(store))))
  }

  /// The store, for as long as something is asked of it.
  pub(crate) fn get(&self) -> Result<Store, StoreError> {
    self.0.read().clone().ok_or(StoreError::Closed)
  }

  /// It has a new owner.
  pub(crate) async fn take_over(&self) -> Result<Store, StoreError> {
    let store = self.get()?.take_over().await?;
    if let Some(own) = &mut *self.0.write() {
      *own = store.clone();
    }
    Ok(store)
  }

  /// There is none any more. The store is returned, since dropping it may
  /// block.
  pub(crate) fn close(&self) -> Option<Store> {
    let store = self.0.write().take();
    if let Some(store) = &store {
      store.caches.close();
    }
    store
  }
}
