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
use super::direct;
use super::direct::Direct;
use super::file_system::OpenFile;
use super::run_on;
use crate::ids::BodyId;
use crate::store::BodyWriter;
use crate::store::StoreError;
use crate::store::lock::lock;

/// After how many bytes the disk is asked to begin: the flush at the end then
/// finds little left to do.
const WRITE_BACK: u64 = 8 * 1024 * 1024;

/// From how many bytes on a body is written past the page cache. One that is
/// smaller is likely to be read from there soon.
const LARGE: u64 = 32 * 1024 * 1024;

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
  direct: Direct,
  /// How many bytes the disk was asked to write.
  written_back: u64,
}

impl Appender {
  pub(super) fn new(
    id: BodyId,
    file: Box<dyn OpenFile>,
    direct: Direct,
    length: u64,
  ) -> Self {
    Self {
      id,
      file: Mutex::new(Some(Tail {
        file,
        direct,
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
    let more: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
    match open.append(self.length.load(Ordering::Acquire), chunks, more) {
      Ok(()) => {
        self.length.fetch_add(more, Ordering::AcqRel);
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

impl Tail {
  /// Appends the `more` bytes of `chunks` to the `length` that are there.
  fn append(
    &mut self,
    length: u64,
    chunks: &[Bytes],
    more: u64,
  ) -> io::Result<()> {
    if length >= LARGE && more >= direct::MIN_APPEND {
      // What the cache holds by now is written from there.
      if self.written_back < length {
        let waiting = length - self.written_back;
        self.file.write_back(self.written_back, waiting);
        self.written_back = length;
      }
      if self.direct.append(&*self.file, length, chunks)? {
        self.written_back = length + more;
        return Ok(());
      }
    }
    write_all(&*self.file, chunks)?;
    let waiting = length + more - self.written_back;
    if waiting >= WRITE_BACK {
      self.file.write_back(self.written_back, waiting);
      self.written_back = length + more;
    }
    Ok(())
  }
}

/// Writes all of `chunks`.
fn write_all(file: &dyn OpenFile, chunks: &[Bytes]) -> io::Result<()> {
  let mut slices: Vec<IoSlice<'_>> = chunks
    .iter()
    .filter(|chunk| !chunk.is_empty())
    .map(|chunk| IoSlice::new(chunk))
    .collect();
  let mut left = slices.as_mut_slice();
  while !left.is_empty() {
    match file.write_vectored(left) {
      Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
      Ok(written) => {
        IoSlice::advance_slices(&mut left, written);
      }
      Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
      Err(error) => return Err(error),
    }
  }
  Ok(())
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
    let append = move || appender.append(&chunks);
    run_on(&*self.inner.file_system, append).await
  }
}
