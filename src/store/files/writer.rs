//! Appending to one body.

use std::io;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use bytes::Bytes;

use super::Inner;
use super::blocking;
use super::door::OpenFile;
use crate::store::BodyId;
use crate::store::BodyWriter;
use crate::store::StoreError;
use crate::store::lock::lock;

/// After how many bytes the disk is asked to begin: the flush at the end then
/// finds little left to do.
const WRITE_BACK: u64 = 8 * 1024 * 1024;

/// The writing end of a body. Shared with the appending that may still be
/// under way when its future was dropped.
pub(super) struct Appender {
  id: BodyId,
  /// `None` once the writer has lost the body, see [`Appender::close`].
  file: Mutex<Option<Tail>>,
  /// Bytes in the body.
  length: AtomicU64,
}

struct Tail {
  file: Box<dyn OpenFile>,
  /// How many bytes the disk was asked to write.
  written_back: u64,
}

impl Appender {
  pub(super) fn new(id: BodyId, file: Box<dyn OpenFile>, length: u64) -> Self {
    Self {
      id,
      file: Mutex::new(Some(Tail {
        file,
        written_back: length,
      })),
      length: AtomicU64::new(length),
    }
  }

  /// Takes the body away from its writer, after what it is writing.
  pub(super) fn close(&self) {
    *lock(&self.file) = None;
  }

  fn append(&self, chunks: &[Bytes]) -> Result<(), StoreError> {
    let mut tail = lock(&self.file);
    let Some(open) = tail.as_mut() else {
      return Err(StoreError::lost_body(self.id));
    };
    match write_all(&*open.file, chunks) {
      Ok(written) => {
        let length = self.length.fetch_add(written, Ordering::AcqRel) + written;
        let waiting = length - open.written_back;
        if waiting >= WRITE_BACK {
          open.file.write_back(open.written_back, waiting);
          open.written_back = length;
        }
        Ok(())
      }
      Err(error) => {
        // Some of the bytes may have been written: only reopening tells.
        *tail = None;
        Err(error.into())
      }
    }
  }
}

/// Writes all of `chunks` and says how many bytes that were.
fn write_all(file: &dyn OpenFile, chunks: &[Bytes]) -> io::Result<u64> {
  let mut slices: Vec<IoSlice<'_>> = chunks
    .iter()
    .filter(|chunk| !chunk.is_empty())
    .map(|chunk| IoSlice::new(chunk))
    .collect();
  let mut left = slices.as_mut_slice();
  let mut total = 0;
  while !left.is_empty() {
    match file.write_vectored(left) {
      Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
      Ok(written) => {
        total += written as u64;
        IoSlice::advance_slices(&mut left, written);
      }
      Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
      Err(error) => return Err(error),
    }
  }
  Ok(total)
}

pub(super) struct FileBodyWriter {
  inner: Arc<Inner>,
  appender: Arc<Appender>,
}

impl FileBodyWriter {
  pub(super) fn new(inner: Arc<Inner>, appender: Arc<Appender>) -> Self {
    Self { inner, appender }
  }
}

impl Drop for FileBodyWriter {
  fn drop(&mut self) {
    self.inner.writer_dropped(self.appender.id, &self.appender);
  }
}

#[async_trait]
impl BodyWriter for FileBodyWriter {
  fn id(&self) -> BodyId {
    self.appender.id
  }

  fn length(&self) -> u64 {
    self.appender.length.load(Ordering::Acquire)
  }

  async fn append(&mut self, chunks: Vec<Bytes>) -> Result<(), StoreError> {
    let appender = self.appender.clone();
    blocking(move || appender.append(&chunks)).await
  }
}
