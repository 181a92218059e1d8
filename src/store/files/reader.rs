//! Reading one body.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

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
  /// How many bytes there are at least.
  length: AtomicU64,
  /// Whether everything that was asked for was in memory, as what was just
  /// written is.
  is_in_memory: AtomicBool,
}

impl FileBodyReader {
  pub(super) fn new(
    file_system: Arc<dyn FileSystem>,
    file: Box<dyn OpenFile>,
  ) -> Self {
    Self {
      file_system,
      file: file.into(),
      length: AtomicU64::new(0),
      is_in_memory: AtomicBool::new(true),
    }
  }

  /// As much of a part as is in memory, with no change of threads. Where the
  /// disk has to read the file nothing is tried: such reads do not have it read
  /// ahead, as others do.
  fn read_now(&self, offset: u64, max: usize) -> Part {
    if !self.is_in_memory.load(Ordering::Relaxed) {
      return Part::new(0, offset, max);
    }
    let length = self.length.load(Ordering::Relaxed);
    let mut part = Part::new(length, offset, max);
    // Whatever keeps it from being read now, reading the rest shows it.
    let read = part.fill(|buffer, offset| self.file.read_now(buffer, offset));
    self.is_in_memory.store(read.is_ok(), Ordering::Relaxed);
    part
  }
}

#[async_trait]
impl BodyReader for FileBodyReader {
  async fn read_at(
    &self,
    offset: u64,
    max: usize,
  ) -> Result<Bytes, StoreError> {
    let mut part = self.read_now(offset, max);
    if part.filled == max {
      return Ok(part.into());
    }
    let file = self.file.clone();
    let read = move || {
      // There may be more by now.
      let length = file.length()?;
      part.set_room(length, max);
      part.fill(|buffer, offset| file.read_at(buffer, offset))?;
      Ok((part, length))
    };
    let (part, length) = run_on(&*self.file_system, read).await?;
    self.length.store(length, Ordering::Relaxed);
    Ok(part.into())
  }
}

/// The bytes of a file from `offset` on, as far as they were read.
struct Part {
  offset: u64,
  buffer: Vec<u8>,
  filled: usize,
}

impl Part {
  /// With room for up to `max` of the `length` bytes that there are.
  fn new(length: u64, offset: u64, max: usize) -> Self {
    let mut part = Self {
      offset,
      buffer: Vec::new(),
      filled: 0,
    };
    part.set_room(length, max);
    part
  }

  /// Never more memory than there are bytes, whatever the caller can take.
  fn set_room(&mut self, length: u64, max: usize) {
    let left = length.saturating_sub(self.offset);
    let size = usize::try_from(left).unwrap_or(usize::MAX).min(max);
    self.buffer.resize(size.max(self.filled), 0);
  }

  fn is_full(&self) -> bool {
    self.filled == self.buffer.len()
  }

  fn end(&self) -> u64 {
    self.offset + self.filled as u64
  }

  fn fill(
    &mut self,
    read: impl Fn(&mut [u8], u64) -> io::Result<usize>,
  ) -> io::Result<()> {
    while !self.is_full() {
      let end = self.end();
      match read(&mut self.buffer[self.filled..], end) {
        // Cut off in between.
        Ok(0) => break,
        Ok(read) => self.filled += read,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
      }
    }
    Ok(())
  }
}

impl From<Part> for Bytes {
  fn from(mut part: Part) -> Self {
    part.buffer.truncate(part.filled);
    part.buffer.into()
  }
}

pub(super) fn read(
  file: &dyn OpenFile,
  offset: u64,
  max: usize,
) -> io::Result<Bytes> {
  let mut part = Part::new(file.length()?, offset, max);
  part.fill(|buffer, offset| file.read_at(buffer, offset))?;
  Ok(part.into())
}
