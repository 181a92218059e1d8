//! The bytes in files: `bodies/xx/UUID` in the store's directory, `xx` being
//! the last two digits of the uuid.
//!
//! What is promised: after [`BodyStore::sync`] the bytes and the name of a body
//! survive a power loss. What was appended and not synced survives the end of
//! the process, and is recognised as such: see [`boot_marker`]. A body
//! whose bytes are in its row has no file, if it came as a whole ([`held`]).
//! Otherwise its file is not flushed: it is what the bytes are appended to and
//! read from, and is made again of the row where it may have lost some.

pub(crate) mod body_paths;
pub(crate) mod boot_marker;
mod direct;
mod durable;
mod export;
mod export_bytes;
mod export_together;
pub(crate) mod file_system;
mod held;
mod names;
mod new_name;
mod reader;
mod small;
mod sync;
mod unflushed;
mod writer;

use std::collections::HashMap;
use std::collections::HashSet;
use std::fs::DirBuilder;
use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::Weak;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

use self::body_paths::BodyPaths;
use self::boot_marker::BootMarker;
use self::direct::Pieces;
use self::durable::Durable;
pub(super) use self::export_bytes::Export;
use self::export_bytes::Exports;
pub(super) use self::export_bytes::export_bytes;
use self::file_system::FileSystem;
pub(super) use self::file_system::boot_id;
use self::held::Held;
use self::reader::FileBodyReader;
use self::unflushed::Unflushed;
use self::writer::Appender;
use self::writer::FileBodyWriter;
use self::writer::Tail;
use super::BodyReader;
use super::BodyStore;
use super::BodyWriter;
use super::ExportMode;
use super::StoreError;
use super::lock::lock;
use super::memory::BytesReader;
use crate::ids::BodyId;
use crate::platform::Platform;
use crate::platform::new_uuid;
use crate::spec::Extents;

/// Every file in a store's directory, the bodies aside, that this module uses.
pub(super) const FILES: [&str; 2] =
  [boot_marker::FILE_NAME, boot_marker::NEW_FILE_NAME];

/// The bytes.
pub(super) struct FileBodyStore {
  inner: Arc<Inner>,
}

struct Inner {
  file_system: Arc<dyn FileSystem>,
  platform: Arc<dyn Platform>,
  paths: BodyPaths,
  boot_marker: BootMarker,
  /// The writing ends, so that a body never has two.
  appenders: Mutex<HashMap<BodyId, Weak<Appender>>>,
  /// Those that the disk has failed to make durable, until they are reopened.
  unsynced: Mutex<HashSet<BodyId>>,
  unflushed: Mutex<Unflushed>,
  held: Mutex<Held>,
  exports: Mutex<Exports>,
  pieces: Arc<Pieces>,
  /// Those that are known to be durable, and are not written to.
  durable: Durable,
}

impl FileBodyStore {
  /// Opens the bodies in the store's directory. Blocks.
  pub(super) fn open(
    file_system: Arc<dyn FileSystem>,
    platform: Arc<dyn Platform>,
  ) -> io::Result<Self> {
    let paths = BodyPaths::open(file_system.clone(), "bodies".into())?;
    let boot_marker = BootMarker::open(
      file_system.clone(),
      boot_marker::FILE_NAME.into(),
      || paths.ids(),
    )?;
    file_system.sync_directory(Path::new(""))?;
    Ok(Self {
      inner: Arc::new(Inner {
        file_system,
        platform,
        paths,
        boot_marker,
        appenders: Mutex::default(),
        unsynced: Mutex::default(),
        unflushed: Mutex::default(),
        held: Mutex::default(),
        exports: Mutex::default(),
        pieces: Arc::default(),
        durable: Durable::default(),
      }),
    })
  }

  async fn run<T: Send + 'static>(
    &self,
    work: impl FnOnce(&Arc<Inner>) -> Result<T, StoreError> + Send + 'static,
  ) -> Result<T, StoreError> {
    let inner = self.inner.clone();
    run_on(&*self.inner.file_system, move || {
      work(&inner).map_err(|error| match inner.file_system.is_there() {
        Ok(()) => error,
        // That explains whatever went wrong.
        Err(gone) => gone,
      })
    })
    .await
  }
}

#[async_trait]
impl BodyStore for FileBodyStore {
  async fn create(&self) -> Result<Box<dyn BodyWriter>, StoreError> {
    self.run(Inner::create).await
  }

  fn hold(&self, bytes: Bytes) -> Option<BodyId> {
    let id = BodyId(new_uuid(&*self.inner.platform));
    lock(&self.inner.held).add(id, bytes).then_some(id)
  }

  fn held(&self, id: BodyId) -> Option<Bytes> {
    lock(&self.inner.held).get(id)
  }

  fn are_in_rows(&self, ids: &[BodyId]) {
    let mut held = lock(&self.inner.held);
    ids.iter().for_each(|id| held.is_in_row(*id));
  }

  async fn reopen(
    &self,
    id: BodyId,
    durable: &Extents,
  ) -> Result<Box<dyn BodyWriter>, StoreError> {
    let durable = durable.clone();
    self.run(move |inner| inner.reopen(id, &durable)).await
  }

  async fn open(&self, id: BodyId) -> Result<Box<dyn BodyReader>, StoreError> {
    if let Some(bytes) = self.held(id) {
      return Ok(Box::new(BytesReader(bytes)));
    }
    let open = move |inner: &Arc<Inner>| {
      let file_system = inner.file_system.clone();
      let file = file_system.read(&inner.paths.file(id));
      let file = file.map_err(|error| missing(id, error))?;
      let reader = FileBodyReader::new(file_system, file);
      Ok(Box::new(reader) as Box<dyn BodyReader>)
    };
    self.run(open).await
  }

  async fn sync(&self, ids: &[BodyId]) -> Result<(), StoreError> {
    if ids.is_empty() {
      return Ok(());
    }
    let ids = ids.to_vec();
    self.run(move |inner| inner.sync(&ids)).await
  }

  async fn read_small(
    &self,
    bodies: &[(BodyId, u64)],
  ) -> Result<HashMap<BodyId, Bytes>, StoreError> {
    let mut all = HashMap::with_capacity(bodies.len());
    let mut in_files = Vec::new();
    for (id, length) in bodies {
      match self.held(*id).filter(|held| held.len() as u64 == *length) {
        Some(bytes) => _ = all.insert(*id, bytes),
        None => in_files.push((*id, *length)),
      }
    }
    if !in_files.is_empty() {
      all.extend(self.run(move |inner| inner.read_small(&in_files)).await?);
    }
    Ok(all)
  }

  async fn restore(&self, id: BodyId, bytes: Bytes) -> Result<(), StoreError> {
    self.run(move |inner| inner.restore(id, bytes)).await
  }

  async fn delete(&self, id: BodyId) -> Result<(), StoreError> {
    if lock(&self.inner.held).remove(id) {
      return Ok(());
    }
    self.run(move |inner| Ok(inner.delete(id)?)).await
  }

  async fn ids(&self) -> Result<Vec<BodyId>, StoreError> {
    self.run(|inner| Ok(inner.paths.ids()?)).await
  }

  async fn modified(&self, id: BodyId) -> Result<SystemTime, StoreError> {
    let modified = move |inner: &Arc<Inner>| {
      let modified = inner.file_system.modified(&inner.paths.file(id));
      modified.map_err(|error| missing(id, error))
    };
    self.run(modified).await
  }

  async fn available(&self) -> Result<Option<u64>, StoreError> {
    self
      .run(|inner| Ok(Some(inner.file_system.available()?)))
      .await
  }

  async fn export(
    &self,
    id: BodyId,
    destination: &Path,
    mode: ExportMode,
  ) -> Result<(), StoreError> {
    let destination = destination.to_owned();
    let export = move |inner: &Arc<Inner>| {
      inner.give_file(id)?;
      let file = inner.paths.file(id);
      if !inner.durable.is(id) {
        let synced = inner.file_system.sync_file(&file);
        synced.map_err(|error| missing(id, error))?;
      }
      inner.file_system.export(id, &file, &destination, mode)
    };
    self.run(export).await
  }

  async fn export_bytes(
    &self,
    id: BodyId,
    bytes: Bytes,
    destination: &Path,
  ) -> Result<(), StoreError> {
    let destination = destination.to_owned();
    let export = Export {
      id,
      bytes,
      destination,
    };
    self.inner.export_together(export).await
  }
}

impl Inner {
  fn create(self: &Arc<Self>) -> Result<Box<dyn BodyWriter>, StoreError> {
    // In a directory that was moved the file could be made as well.
    self.file_system.is_there()?;
    let id = BodyId(new_uuid(&*self.platform));
    let file = self.paths.create(id)?;
    Ok(self.writer(id, Tail::new(self, id, file, 0), 0))
  }

  fn reopen(
    self: &Arc<Self>,
    id: BodyId,
    durable: &Extents,
  ) -> Result<Box<dyn BodyWriter>, StoreError> {
    self.close_appender(id);
    self.give_file(id)?;
    let file = self
      .file_system
      .append(&self.paths.file(id))
      .map_err(|error| missing(id, error))?;
    let mut length = file.length()?;
    if length < durable.end() {
      return Err(StoreError::short_body(id, length, durable.end()));
    }
    let has_gaps = !durable.ahead().is_empty();
    if has_gaps {
      self.boot_marker.set_uncertain(id)?;
    }
    if !self.boot_marker.is_certain(id) {
      file.set_length(durable.end())?;
      length = durable.prefix();
      if !has_gaps {
        self.boot_marker.set_certain(id);
      }
    }
    // What the disk has failed to keep is cut off now.
    self.paths.reopen(id, durable.end() > 0)?;
    lock(&self.unsynced).remove(&id);
    let mut tail = Tail::new(self, id, file, length);
    if has_gaps {
      tail.allow_gaps(self, id)?;
    }
    Ok(self.writer(id, tail, length))
  }

  fn writer(
    self: &Arc<Self>,
    id: BodyId,
    tail: Tail,
    length: u64,
  ) -> Box<dyn BodyWriter> {
    let appender = Arc::new(Appender::new(id, tail, length));
    lock(&self.appenders).insert(id, Arc::downgrade(&appender));
    // A flush that begins now finds the writing end.
    self.durable.remove(id);
    Box::new(FileBodyWriter::new(self.clone(), appender))
  }

  /// Ends the writing to a body, after what is being written.
  fn close_appender(&self, id: BodyId) {
    let appender = lock(&self.appenders).remove(&id);
    if let Some(appender) = appender.and_then(|weak| weak.upgrade()) {
      appender.close();
    }
  }

  /// Forgets a writing end that is not held any more. One that is still at work
  /// stays known, for anyone who reopens the body has to wait for it.
  fn writer_dropped(&self, id: BodyId, appender: &Arc<Appender>) {
    let mut appenders = lock(&self.appenders);
    let is_this = appenders
      .get(&id)
      .is_some_and(|known| std::ptr::eq(known.as_ptr(), &raw const **appender));
    if is_this && Arc::strong_count(appender) == 1 {
      appenders.remove(&id);
    }
  }

  fn delete(&self, id: BodyId) -> io::Result<()> {
    self.close_appender(id);
    lock(&self.unsynced).remove(&id);
    lock(&self.unflushed).forget(id);
    self.durable.remove(id);
    match self.paths.remove(id) {
      Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
      other => other,
    }
  }
}

fn missing(id: BodyId, error: io::Error) -> StoreError {
  match error.kind() {
    io::ErrorKind::NotFound => StoreError::missing_body(id),
    _ => error.into(),
  }
}

/// Runs `work` as the file system has it, see [`FileSystem::run`].
async fn run_on<T: Send + 'static>(
  file_system: &dyn FileSystem,
  work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
  let (sender, receiver) = tokio::sync::oneshot::channel();
  let work = move || {
    let _ = sender.send(work());
  };
  file_system.run(Box::new(work)).await;
  let cut_short = || io::Error::other("the work on a body was cut short");
  receiver.await.unwrap_or_else(|_| Err(cut_short().into()))
}

/// Runs `work`, which waits for the disk, where that holds up no other task.
pub(super) async fn blocking<T: Send + 'static>(
  work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
  match tokio::task::spawn_blocking(work).await {
    Ok(done) => done,
    Err(error) => Err(io::Error::other(error).into()),
  }
}

/// Makes a store's directory, and those above it, for good.
pub(super) fn create_directories(directory: &Path) -> io::Result<()> {
  let directory = std::path::absolute(directory)?;
  let above: Vec<&Path> = directory.ancestors().skip(1).collect();
  let made = above.iter().take_while(|path| !path.exists()).count();
  DirBuilder::new()
    .recursive(true)
    .mode(0o700)
    .create(&directory)?;
  // The name of each new directory is in the one above it. The last name is
  // made durable even if it is old: who made it may have been killed.
  for path in &above[..above.len().min(made + 1)] {
    match File::open(path).and_then(|directory| directory.sync_all()) {
      // Not ours, like the one of all users.
      Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
      other => other?,
    }
  }
  Ok(())
}
