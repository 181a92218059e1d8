//! Writing past the page cache.
//!
//! The bytes of a large body are read again late or never. In the page cache
//! they would push out what others need, and flushing them from there costs
//! more than writing them directly: on the machine where it was measured, five
//! times the processor time, which is what limits a fast transfer.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::file_system::FileSystem;
use super::file_system::OpenFile;

/// Offsets, lengths and addresses of direct writes are multiples of this; no
/// common disk asks for more.
const BLOCK: usize = 4096;

/// How much is written at once, in bytes.
const PIECE: usize = 4 * 1024 * 1024;

/// From how many bytes at once on it is worth while.
pub(super) const MIN_APPEND: u64 = 256 * 1024;

/// A body's file, opened for direct writing when that is asked for first.
pub(super) struct Direct {
  file_system: Arc<dyn FileSystem>,
  path: PathBuf,
  state: State,
}

enum State {
  Closed,
  Open {
    file: Box<dyn OpenFile>,
    piece: Piece,
  },
  /// This file system has no direct writing.
  Unavailable,
}

impl Direct {
  pub(super) fn new(file_system: Arc<dyn FileSystem>, path: PathBuf) -> Self {
    Self {
      file_system,
      path,
      state: State::Closed,
    }
  }

  /// Appends `chunks` to the file that is `length` bytes long, and that
  /// `cached` reads and appends to. Returns false, and has done nothing, when
  /// that is not possible here.
  pub(super) fn append(
    &mut self,
    cached: &dyn OpenFile,
    length: u64,
    chunks: &[Bytes],
  ) -> io::Result<bool> {
    if let State::Closed = self.state {
      self.state = match self.file_system.direct(&self.path) {
        Ok(file) => State::Open {
          file,
          piece: Piece::new(),
        },
        Err(_) => State::Unavailable,
      };
    }
    let State::Open { file, piece } = &mut self.state else {
      return Ok(false);
    };
    // A direct write begins where a block does: with the end of what is there.
    let held = (length % BLOCK as u64) as usize;
    let mut offset = length - held as u64;
    read_exact_at(cached, &mut piece.bytes()[..held], offset)?;
    let mut filled = held;
    let mut chunks = chunks.iter();
    let mut chunk = &[][..];
    loop {
      while filled < PIECE {
        if chunk.is_empty() {
          let Some(next) = chunks.next() else { break };
          chunk = next;
        }
        let room = (PIECE - filled).min(chunk.len());
        piece.bytes()[filled..filled + room].copy_from_slice(&chunk[..room]);
        filled += room;
        chunk = &chunk[room..];
      }
      let whole = filled - filled % BLOCK;
      if whole == 0 {
        break;
      }
      match write_all_at(&**file, &piece.bytes()[..whole], offset) {
        // Some file systems refuse only now.
        Err(error)
          if error.kind() == io::ErrorKind::InvalidInput
            && offset + held as u64 == length =>
        {
          self.state = State::Unavailable;
          return Ok(false);
        }
        other => other?,
      }
      piece.bytes().copy_within(whole..filled, 0);
      offset += whole as u64;
      filled -= whole;
    }
    // What is left is less than a block, and goes through the cache. The file
    // ends before it, or (when nothing was written directly) where it did.
    let old = if offset + held as u64 == length {
      held
    } else {
      0
    };
    append_all(cached, &piece.bytes()[old..filled])?;
    Ok(true)
  }
}

/// Memory that begins where a block does.
struct Piece {
  memory: Vec<u8>,
  start: usize,
}

impl Piece {
  fn new() -> Self {
    let memory = vec![0; PIECE + BLOCK];
    let start = memory.as_ptr().align_offset(BLOCK);
    Self { memory, start }
  }

  fn bytes(&mut self) -> &mut [u8] {
    &mut self.memory[self.start..self.start + PIECE]
  }
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

fn append_all(file: &dyn OpenFile, mut buffer: &[u8]) -> io::Result<()> {
  while !buffer.is_empty() {
    match file.write_vectored(&[io::IoSlice::new(buffer)]) {
      Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
      Ok(written) => buffer = &buffer[written..],
      Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
      Err(error) => return Err(error),
    }
  }
  Ok(())
}
