//! The file of the write-ahead log, which gets its length before it is needed.
//!
//! A file that has grown is flushed in two steps: its bytes, and then where they
//! are and how many. So zeros are put behind what is in the log, once, and
//! SQLite writes over them. Nothing of them is believed: a frame has the numbers
//! that its log was given by chance when it was begun.

use std::io;
use std::os::unix::fs::FileExt;

use super::connection::FILE_NAME;
use super::reserve;
use crate::store::directory::Directory;

/// In bytes: as long as the log becomes before it is emptied, unless
/// its last transaction is a large one.
const SIZE: u64 = reserve::SIZE + reserve::SIZE / 4;

/// Makes the log that long. Only the thread that owns the connection may do
/// it, between two transactions.
pub(super) fn lay_out(directory: &Directory) {
  // It is as good without, but slower.
  if let Err(error) = try_lay_out(directory) {
    tracing::debug!(%error, "the log of the store was not laid out");
  }
}

fn try_lay_out(directory: &Directory) -> io::Result<()> {
  let file = directory.open_to_write(&format!("{FILE_NAME}-wal"))?;
  let length = file.metadata()?.len();
  let zeros = [0; 16 * 1024];
  let mut end = length;
  while end < SIZE {
    let more = (SIZE - end).min(zeros.len() as u64);
    if let Err(error) = file.write_all_at(&zeros[..more as usize], end) {
      // The space is for others.
      file.set_len(length)?;
      return Err(error);
    }
    end += more;
  }
  if end > length {
    file.sync_all()?;
  }
  Ok(())
}
