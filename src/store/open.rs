//! The ways to a store.

use std::path::Path;
use std::sync::Arc;

use super::BodyStore;
use super::Caches;
use super::DamagedRow;
use super::MetadataStore;
use super::StoreError;
use super::StoredBackgroundFetch;
use super::caches;
use super::directory::Directory;
use super::directory_lock::DirectoryLock;
use super::files;
use super::files::FileBodyStore;
use super::files::file_system::FileSystem;
use super::files::file_system::StdFileSystem;
use super::memory::MemoryBodyStore;
use super::memory::MemoryMetadata;
use super::sqlite;
use super::sqlite::SqliteMetadata;
use crate::ids::BodyId;
use crate::platform::Platform;
use crate::platform::SystemPlatform;

/// Both halves, and the caches of scripts, whose bodies are among the others.
#[derive(Clone)]
pub struct Store {
  /// The rows.
  pub metadata: Arc<dyn MetadataStore>,
  /// The bytes.
  pub bodies: Arc<dyn BodyStore>,
  /// The caches of scripts.
  pub caches: Caches,
}

opaque_debug!(Store);

impl Store {
  /// Opens the store in `directory`, and creates it when there is none: rows
  /// in a SQLite database, bodies in files. Only the user may look inside: a
  /// directory that is there already has to be the user's, with nobody else
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
    Ok(Self {
      metadata: Arc::new(metadata),
      bodies: Arc::new(bodies),
      caches: Caches::in_directory(opened, lock),
    })
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
    Ok(Self {
      metadata,
      bodies: Arc::new(FileBodyStore::open(file_system, platform)?),
      caches: Caches::in_memory(),
    })
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
    destination: &Path,
  ) -> Result<(), StoreError> {
    let destination = destination.to_owned();
    let id = BodyId(uuid::Uuid::now_v7());
    files::blocking(move || files::export_bytes(id, &[], &destination)).await
  }

  /// A store that is gone when it is dropped. In all else it behaves as one
  /// on disk; its bodies are bounded by the memory only.
  pub fn in_memory() -> Self {
    Self {
      metadata: Arc::new(MemoryMetadata::default()),
      bodies: Arc::new(MemoryBodyStore::default()),
      caches: Caches::in_memory(),
    }
  }
}
