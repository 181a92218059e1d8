//! Reading one body.

use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::file_system::FileSystem;
use super::file_system::OpenFile;
use super::run_on;
use crate::store::BodyReader;
use crate::store::StoreError;

/// Holds the file open: deleting it takes only its name away.
pub(super) struct FileBodyReader {
  file_system: Arc<dyn FileSystem>,
  file: Arc<dyn OpenFile>,
}

impl FileBodyReader {
  pub(super) fn new(
    file_system: Arc<dyn FileSystem>,
    file: Box<dyn OpenFile>,
  ) -> Self {
    Self {
      file_system,
      file: file.into(),
    }
  }
}

#[async_trait]
impl BodyReader for FileBodyReader {
  async fn read_at(
    &self,
    offset: u64,
    max: usize,
  ) -> Result<Bytes, StoreError> {
    let file = self.file.clone();
    let read = move || {
      let bytes = read(&*file, offset, max)?;
      // Bodies are written past the page cache, and read from end to end:
      // the disk has the next part ready when it is asked for.
      if let Some((ahead, stretch)) = read_ahead(offset, bytes.len() as u64) {
        file.read_ahead(ahead, stretch);
      }
      Ok(bytes)
    };
    run_on(&*self.file_system, read).await
  }
}

/// In bytes; a few times what readers ask for at once.
const STRETCH: u64 = 2 << 20;

/// From where on the disk is asked to read ahead, and how much, by someone who
/// has read `bytes` bytes from `offset`. A reader that comes to a stretch has the
/// disk read the one behind it, so that it does not wait for that one; and once,
/// since what is in memory already is looked for again each time.
fn read_ahead(offset: u64, bytes: u64) -> Option<(u64, u64)> {
  let end = offset + bytes;
  if bytes == 0 {
    None
  } else if offset == 0 {
    Some((end, 2 * STRETCH))
  } else if offset / STRETCH != end / STRETCH {
    Some((end + STRETCH, STRETCH))
  } else {
    None
  }
}

pub(super) fn read(
  file: &dyn OpenFile,
  offset: u64,
  max: usize,
) -> io::Result<Bytes> {
  // Never more memory than there are bytes, whatever the caller can take.
  let left = file.length()?.saturating_sub(offset);
  let size = usize::try_from(left).unwrap_or(usize::MAX).min(max);
  let mut buffer = vec![0; size];
  let mut filled = 0;
  while filled < size {
    match file.read_at(&mut buffer[filled..], offset + filled as u64) {
      // Cut off in between.
      Ok(0) => break,
      Ok(read) => filled += read,
      Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
      Err(error) => return Err(error),
    }
  }
  buffer.truncate(filled);
  Ok(buffer.into())
}
