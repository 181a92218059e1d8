//! One process at a time owns a store's directory.

use std::fs::File;
use std::fs::Metadata;
use std::fs::TryLockError;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::StoreError;
use super::directory::Directory;

/// The name of the lock file in a store's directory.
const FILE_NAME: &str = "lock";

/// Owns a directory for as long as it lives. The operating system lets go of
/// it when the process ends, in whatever way, so a lock is never stale.
#[derive(Debug)]
pub(super) struct DirectoryLock {
  directory: Arc<Directory>,
  file: File,
}

impl Drop for DirectoryLock {
  /// Closing the file is not enough: a child process that is being started at
  /// this moment has a copy of it, until it becomes another program.
  fn drop(&mut self) {
    if let Err(error) = self.file.unlock() {
      tracing::warn!(%error, "the store's lock could not be released");
    }
  }
}

impl DirectoryLock {
  /// Takes the lock of `directory`.
  ///
  /// Fails with [`StoreError::Locked`] when another opening has it, be it in
  /// this process or in another.
  pub(super) fn take(directory: Arc<Directory>) -> Result<Self, StoreError> {
    let failed = |source| StoreError::directory(directory.path(), source);
    directory.check(FILE_NAME).map_err(failed)?;
    let mut file = directory.open_or_create(FILE_NAME).map_err(failed)?;
    match file.try_lock() {
      Ok(()) => {}
      Err(TryLockError::WouldBlock) => {
        return Err(StoreError::Locked {
          directory: directory.path().to_owned(),
          owner: owner(&mut file),
        });
      }
      Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // Who owns it is only informative: without space for it the lock
    // is as good.
    if let Err(error) = sign(&mut file) {
      tracing::warn!(%error, "the owner of the store could not be noted");
    }
    Ok(Self { directory, file })
  }

  /// Whether the directory is where it was. Files that were deleted while they
  /// are open can be written all the same, and are lost: anyone who says that
  /// something is durable has to look here.
  pub(super) fn is_there(&self) -> Result<(), StoreError> {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let ours = self.file.metadata().map(identity);
    let found =
      std::fs::symlink_metadata(self.directory.path().join(FILE_NAME))
        .map(identity);
    if let (Ok(ours), Ok(found)) = (ours, found)
      && ours == found
    {
      return Ok(());
    }
    let gone = "it was deleted or moved while it was in use";
    let source = std::io::Error::new(std::io::ErrorKind::NotFound, gone);
    Err(StoreError::directory(self.directory.path(), source))
  }
}

/// Who owns `directory`; `None` when it has no owner. To be shown only: at the
/// next moment it may be another one.
pub(super) fn owner_of(directory: &Path) -> Option<String> {
  let mut file = Directory::open(directory)
    .ok()?
    .open_to_read(FILE_NAME)
    .ok()?;
  match file.try_lock_shared() {
    Err(TryLockError::WouldBlock) => Some(owner(&mut file)),
    _ => None,
  }
}

fn sign(file: &mut File) -> std::io::Result<()> {
  file.set_len(0)?;
  file.rewind()?;
  write!(file, "process {} ({})", std::process::id(), program_name())
}

/// The name of this program's file, without its directory.
fn program_name() -> String {
  std::env::current_exe()
    .ok()
    .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
    .unwrap_or_else(|| "unknown".into())
}

fn owner(file: &mut File) -> String {
  let mut text = String::new();
  // Long enough for every signature, however odd the file has become.
  match file.take(512).read_to_string(&mut text) {
    Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
    _ => "another process".to_owned(),
  }
}
