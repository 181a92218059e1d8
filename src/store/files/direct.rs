//! Writing past the page cache.
//!
//! The bytes of a large body are read again late or never. In the page cache
//! they would push out what others need, and flushing them from there costs
//! more than writing them directly: on the machine where it was measured, five
//! times the processor time, which is what limits a fast transfer.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::PoisonError;

use bytes::Buf;
use bytes::Bytes;
use memmap2::MmapMut;

use super::file_system::FileSystem;
use super::file_system::OpenFile;
use crate::store::APPEND_UNIT;
use crate::store::lock::lock;

/// Offsets, lengths and addresses of direct writes are multiples of this; no
/// common disk asks for more.
const BLOCK: usize = 4096;

/// How much is written at once, in bytes.
const PIECE: usize = APPEND_UNIT as usize;

/// How many bodies may be written directly at once. That is enough to keep a
/// disk busy, and bounds the memory for it, however many bodies there are.
const MAX_PIECES: usize = 4;

/// From how many bytes at once on it is worth while.
pub(super) const MIN_APPEND: u64 = 256 * 1024;

/// A body's file, opened for direct writing when that is asked for first.
pub(super) struct Direct {
  file_system: Arc<dyn FileSystem>,
  pieces: Arc<Pieces>,
  path: PathBuf,
  state: State,
}

enum State {
  Closed,
  Open(Box<dyn OpenFile>),
  /// This file system has no direct writing.
  Unavailable,
}

impl Direct {
  pub(super) fn new(
    file_system: Arc<dyn FileSystem>,
    pieces: Arc<Pieces>,
    path: PathBuf,
  ) -> Self {
    Self {
      file_system,
      pieces,
      path,
      state: State::Closed,
    }
  }

  /// Appends `chunks` to the file that is `length` bytes long, and that
  /// `cached` reads and appends to. Returns what of them is left to be appended
  /// through the cache: what is less than a block, or all of it when direct
  /// writing is not possible here.
  pub(super) fn append(
    &mut self,
    cached: &dyn OpenFile,
    length: u64,
    chunks: Vec<Bytes>,
  ) -> io::Result<Vec<Bytes>> {
    if let State::Closed = self.state {
      self.state = match self.file_system.direct(&self.path) {
        Ok(file) => State::Open(file),
        Err(_) => State::Unavailable,
      };
    }
    let State::Open(file) = &self.state else {
      return Ok(chunks);
    };
    let mut piece = self.pieces.take()?;
    let piece = piece.bytes();
    // A direct write begins where a block does: with the end of what is there.
    let held = (length % BLOCK as u64) as usize;
    let mut offset = length - held as u64;
    read_exact_at(cached, &mut piece[..held], offset)?;
    // What is in the piece, and how much of that the file has.
    let (mut filled, mut stored) = (held, held);
    let mut chunks = chunks.into_iter();
    let mut chunk = Bytes::new();
    loop {
      // The memory of each chunk is free again before the disk is waited for.
      while filled < PIECE {
        if chunk.is_empty() {
          let Some(next) = chunks.next() else { break };
          chunk = next;
        }
        let room = (PIECE - filled).min(chunk.len());
        chunk.copy_to_slice(&mut piece[filled..filled + room]);
        filled += room;
      }
      let whole = filled - filled % BLOCK;
      if whole == 0 {
        break;
      }
      match write_all_at(&**file, &piece[..whole], offset) {
        // Some file systems refuse only now.
        Err(error)
          if error.kind() == io::ErrorKind::InvalidInput
            && offset + held as u64 == length =>
        {
          self.state = State::Unavailable;
          break;
        }
        other => other?,
      }
      piece.copy_within(whole..filled, 0);
      offset += whole as u64;
      filled -= whole;
      stored = 0;
    }
    let mut left = vec![Bytes::copy_from_slice(&piece[stored..filled]), chunk];
    left.extend(chunks);
    Ok(left)
  }
}

/// The memory that direct writes go through, for all bodies of a store.
#[derive(Default)]
pub(super) struct Pieces {
  unused: Mutex<Unused>,
  returned: Condvar,
}

#[derive(Default)]
struct Unused {
  pieces: Vec<MmapMut>,
  /// How many there are, those that are in use among them.
  made: usize,
}

impl Pieces {
  /// One that is not in use; waits for it, if there is none.
  fn take(&self) -> io::Result<Taken<'_>> {
    let mut unused = lock(&self.unused);
    loop {
      if let Some(piece) = unused.pieces.pop() {
        return Ok(Taken {
          pieces: self,
          piece: Some(piece),
        });
      }
      if unused.made < MAX_PIECES {
        unused.pieces.push(new_piece()?);
        unused.made += 1;
        continue;
      }
      let returned = self.returned.wait(unused);
      unused = returned.unwrap_or_else(PoisonError::into_inner);
    }
  }
}

/// A piece, until it is given back by being dropped.
struct Taken<'a> {
  pieces: &'a Pieces,
  piece: Option<MmapMut>,
}

impl Taken<'_> {
  fn bytes(&mut self) -> &mut [u8] {
    self.piece.as_deref_mut().unwrap_or_default()
  }
}

impl Drop for Taken<'_> {
  fn drop(&mut self) {
    lock(&self.pieces.unused).pieces.extend(self.piece.take());
    self.pieces.returned.notify_one();
  }
}

/// Memory that begins where a block does. With large pages it is few stretches
/// of the machine's memory, and the disk gets it in few requests: a request
/// has room for some 250 stretches.
fn new_piece() -> io::Result<MmapMut> {
  let piece = MmapMut::map_anon(PIECE)?;
  #[cfg(target_os = "linux")]
  if let Err(error) = piece.advise(memmap2::Advice::HugePage) {
    tracing::debug!(%error, "there are no large pages");
  }
  Ok(piece)
}

fn read_exact_at(
  file: &dyn OpenFile,
  mut buffer: &mut [u8],
  mut offset: u64,
) -> io::Result<()> {
  while !buffer.is_empty() {
    match file.read_at(buffer, offset) {
      Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
      Ok(read) => {
        buffer = &mut buffer[read..];
        offset += read as u64;
      }
      Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
      Err(error) => return Err(error),
    }
  }
  Ok(())
}

pub(super) fn write_all_at(
  file: &dyn OpenFile,
  mut buffer: &[u8],
  mut offset: u64,
) -> io::Result<()> {
  while !buffer.is_empty() {
    match file.write_at(buffer, offset) {
      Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
      Ok(written) => {
        buffer = &buffer[written..];
        offset += written as u64;
      }
      Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
      Err(error) => return Err(error),
    }
  }
  Ok(())
}
