//! Space that is set aside, so that on a full disk it can still be written
//! down what has failed for it.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// In bytes: what the database may grow by when the log is emptied, which
/// happens once that many are in it.
pub(super) const SIZE: u64 = 1024 * 1024;

/// A file of zeros beside the database.
pub(super) struct Reserve {
  file: PathBuf,
}

impl Reserve {
  /// Sets the space aside, if it is there.
  pub(super) fn new(directory: &Path) -> Self {
    let reserve = Self {
      file: directory.join("reserve"),
    };
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
    match std::fs::metadata(&self.file) {
      Ok(metadata) if metadata.len() == SIZE => return Ok(()),
      _ => {}
    }
    let mut file = File::create(&self.file)?;
    let zeros = [0; 16 * 1024];
    for _ in 0..SIZE / zeros.len() as u64 {
      file.write_all(&zeros)?;
    }
    // Only now is it certain that the space is there.
    file.sync_data()
  }

  /// Gives the space free.
  pub(super) fn spend(&self) {
    match std::fs::remove_file(&self.file) {
      Err(error) if error.kind() != io::ErrorKind::NotFound => {
        tracing::warn!(%error, "the space set aside could not be given free");
      }
      _ => {}
    }
  }
}
