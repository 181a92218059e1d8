//! Space that is set aside, so that on a full disk it can still be written
//! down what has failed for it.

use std::io;
use std::io::Write;
use std::sync::Arc;

use crate::store::directory::Directory;

/// The name of the file in a store's directory.
pub(super) const FILE_NAME: &str = "reserve";

/// In bytes: what the database may grow by when the log is emptied, which
/// happens once that many are in it.
pub(super) const SIZE: u64 = 1024 * 1024;

/// A file of zeros beside the database.
pub(super) struct Reserve {
  directory: Arc<Directory>,
}

impl Reserve {
  /// Sets the space aside, if it is there.
  pub(super) fn new(directory: Arc<Directory>) -> Self {
    let reserve = Self { directory };
    reserve.fill();
    reserve
  }

  /// Sets the space aside again. Does without when there is none.
  pub(super) fn fill(&self) {
    if let Err(error) = self.try_fill() {
      tracing::debug!(%error, "no space could be set aside for the store");
      self.spend();
    }
  }

  fn try_fill(&self) -> io::Result<()> {
    match self.directory.status(FILE_NAME) {
      Ok(status) if status.st_size as u64 == SIZE => return Ok(()),
      Ok(_) => self.directory.remove(FILE_NAME)?,
      Err(_) => {}
    }
    let mut file = self.directory.create_new(FILE_NAME)?;
    let zeros = [0; 16 * 1024];
    for _ in 0..SIZE / zeros.len() as u64 {
      file.write_all(&zeros)?;
    }
    // Only now is it certain that the space is there.
    file.sync_data()
  }

  /// Gives the space free.
  pub(super) fn spend(&self) {
    match self.directory.remove(FILE_NAME) {
      Err(error) if error.kind() != io::ErrorKind::NotFound => {
        tracing::warn!(%error, "the space set aside could not be given free");
      }
      _ => {}
    }
  }
}
