//! Appending to one body, and writing into it.

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
use crate::store::ExtentWriter;
use crate::store::StoreError;
use crate::store::lock::lock;

/// After how many bytes the disk is asked to begin: the flush at the end then
/// finds little left to do.
const WRITE_BACK: u64 = 8 * 1024 * 1024;

/// From how many bytes on a body is written past the page cache: from its
/// beginning, if more are expected. One that is smaller is likely to be read
/// from there soon.
const LARGE: u64 = 8 * 1024 * 1024;

/// The writing end of a body. Shared with the appending that may still be
/// under way when its future was dropped.
pub(super) struct Appender {
  id: BodyId,
  /// `None` once the writer has lost the body, see [`Appender::close`].
  file: Mutex<Option<Tail>>,
  /// Bytes in the body.
  length: AtomicU64,
}

pub(super) struct Tail {
  file: Box<dyn OpenFile>,
  /// The same file, where bytes may be written anywhere. It may have gaps then,
  /// and nothing is appended to its end any more.
  anywhere: Option<Box<dyn OpenFile>>,
  direct: Direct,
  /// How many bytes the disk was asked to write.
  written_back: u64,
}

impl Appender {
  pub(super) fn new(id: BodyId, tail: Tail, length: u64) -> Self {
    Self {
      id,
      file: Mutex::new(Some(tail)),
      length: AtomicU64::new(length),
    }
  }

  /// Takes the body away from its writer, after what it is writing.
  pub(super) fn close(&self) {
    *lock(&self.file) = None;
  }

  /// Appends `chunks` to a body that is expected to have so many bytes in the
  /// end.
  fn append(
    &self,
    chunks: Vec<Bytes>,
    expected: u64,
  ) -> Result<(), StoreError> {
    let more = length(&chunks);
    let appended = self.with_tail(|tail| {
      let length = self.length.load(Ordering::Acquire);
      let is_large = length >= LARGE || expected > LARGE;
      let appended = tail
        .as_mut()
        .map(|tail| tail.append(length, chunks, more, is_large));
      if let Some(Err(_)) = appended {
        // Some of the bytes may have been written: only reopening tells.
        *tail = None;
      }
      appended
    });
    appended.map(|()| {
      self.length.fetch_add(more, Ordering::AcqRel);
    })
  }

  /// Writes `chunks` from `offset` on. When this fails, it is nothing to what
  /// is appended: no row counts on these bytes.
  fn write(&self, offset: u64, chunks: &[Bytes]) -> Result<(), StoreError> {
    self.with_tail(|tail| {
      let file = tail.as_ref()?.anywhere.as_ref()?;
      Some(write_at(&**file, offset, chunks))
    })
  }

  fn allow_gaps(&self, inner: &Inner) -> Result<(), StoreError> {
    self.with_tail(|tail| Some(tail.as_mut()?.allow_gaps(inner, self.id)))
  }

  /// One at a time, so that who takes the body away waits for what is being
  /// written. `None` means that it was taken away.
  fn with_tail(
    &self,
    work: impl FnOnce(&mut Option<Tail>) -> Option<io::Result<()>>,
  ) -> Result<(), StoreError> {
    match work(&mut lock(&self.file)) {
      Some(done) => Ok(done?),
      None => Err(StoreError::lost_body(self.id)),
    }
  }
}

impl Tail {
  pub(super) fn new(
    inner: &Inner,
    id: BodyId,
    file: Box<dyn OpenFile>,
    length: u64,
  ) -> Self {
    let path = inner.paths.file(id);
    Self {
      file,
      anywhere: None,
      direct: Direct::new(
        inner.file_system.clone(),
        inner.pieces.clone(),
        path,
      ),
      written_back: length,
    }
  }

  /// From now on the body may have gaps.
  pub(super) fn allow_gaps(
    &mut self,
    inner: &Inner,
    id: BodyId,
  ) -> io::Result<()> {
    if self.anywhere.is_none() {
      inner.boot_marker.set_uncertain(id)?;
      let file = inner.file_system.modify(&inner.paths.file(id))?;
      self.anywhere = Some(file);
    }
    Ok(())
  }

  /// Appends the `more` bytes of `chunks` to the `length` that are there.
  fn append(
    &mut self,
    length: u64,
    mut chunks: Vec<Bytes>,
    more: u64,
    is_large: bool,
  ) -> io::Result<()> {
    if let Some(file) = &self.anywhere {
      return write_at(&**file, length, &chunks);
    }
    if is_large && more >= direct::MIN_APPEND {
      // What the cache holds by now is written from there.
      if self.written_back < length {
        let waiting = length - self.written_back;
        self.file.write_back(self.written_back, waiting);
        self.written_back = length;
      }
      chunks = self.direct.append(&*self.file, length, chunks)?;
      self.written_back = length + more - self::length(&chunks);
    }
    write_all(&*self.file, &chunks)?;
    let waiting = length + more - self.written_back;
    if waiting >= WRITE_BACK {
      self.file.write_back(self.written_back, waiting);
      self.written_back = length + more;
    }
    Ok(())
  }
}

/// Writes all of `chunks` from `offset` on, and asks the disk to begin.
fn write_at(
  file: &dyn OpenFile,
  offset: u64,
  chunks: &[Bytes],
) -> io::Result<()> {
  let mut end = offset;
  for chunk in chunks {
    direct::write_all_at(file, chunk, end)?;
    end += chunk.len() as u64;
  }
  // By whole blocks of this size, whatever the size of each piece.
  let begun = offset - offset % WRITE_BACK;
  let whole = end - end % WRITE_BACK;
  if begun < whole {
    file.write_back(begun, whole - begun);
  }
  Ok(())
}

fn length(chunks: &[Bytes]) -> u64 {
  chunks.iter().map(|chunk| chunk.len() as u64).sum()
}

/// Writes all of `chunks`.
pub(super) fn write_all(
  file: &dyn OpenFile,
  chunks: &[Bytes],
) -> io::Result<()> {
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
  /// How many bytes the body is to have in the end; 0 where that is not known.
  expected: u64,
}

impl FileBodyWriter {
  pub(super) fn new(inner: Arc<Inner>, appender: Arc<Appender>) -> Self {
    Self {
      inner,
      appender,
      expected: 0,
    }
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

  fn expect(&mut self, bytes: u64) {
    self.expected = bytes;
  }

  async fn append(&mut self, chunks: Vec<Bytes>) -> Result<(), StoreError> {
    let (inner, appender) = (self.inner.clone(), self.appender.clone());
    let expected = self.expected;
    let append = move || {
      lock(&inner.unflushed).add(appender.id, length(&chunks));
      appender.append(chunks, expected)
    };
    run_on(&*self.inner.file_system, append).await
  }

  async fn extent_writer(
    &mut self,
  ) -> Result<Box<dyn ExtentWriter>, StoreError> {
    let (inner, appender) = (self.inner.clone(), self.appender.clone());
    let allow = move || appender.allow_gaps(&inner);
    run_on(&*self.inner.file_system, allow).await?;
    Ok(Box::new(Self::new(
      self.inner.clone(),
      self.appender.clone(),
    )))
  }
}

#[async_trait]
impl ExtentWriter for FileBodyWriter {
  async fn write(
    &self,
    offset: u64,
    chunks: Vec<Bytes>,
  ) -> Result<(), StoreError> {
    let (inner, appender) = (self.inner.clone(), self.appender.clone());
    let write = move || {
      lock(&inner.unflushed).add(appender.id, length(&chunks));
      appender.write(offset, &chunks)
    };
    run_on(&*self.inner.file_system, write).await
  }
}
