//! Where a store keeps what scripts have put there.

use std::sync::Arc;

use super::directory::Directory;
use super::directory_lock::DirectoryLock;

#[derive(Clone)]
pub(super) enum Place {
  Memory,
  Directory {
    directory: Arc<Directory>,
    /// The directory is this store's as long as this is here.
    _lock: Arc<DirectoryLock>,
  },
}

impl Place {
  /// How many bytes more its disk can take, when there is one.
  pub(super) fn available(&self) -> Option<u64> {
    match self {
      Self::Memory => None,
      Self::Directory { directory, .. } => directory.available().ok(),
    }
  }
}
