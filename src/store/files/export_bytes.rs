//! Giving bytes that are in no file a name outside of the store. Those that are
//! exported at about the same time are made durable together: first their
//! bytes, then their names. Each name appears with all of its bytes, durable,
//! or not at all.

use std::collections::HashMap;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::export::part_of;
use super::file_system::write_back;
use super::new_name::NewName;
use super::new_name::Parents;
use super::unflushed::MANY;
use crate::ids::BodyId;
use crate::store::StoreError;

/// So many are exported together at most; each has a file open.
const MOST: usize = 256;

/// How many files are flushed at once, where each is flushed by itself: a disk
/// takes a few flushes in the time of one.
const AT_ONCE: usize = 8;

/// Bytes, and the name that they are to have.
pub(in crate::store) struct Export {
  /// The body whose bytes they are.
  pub(in crate::store) id: BodyId,
  pub(in crate::store) bytes: Bytes,
  pub(in crate::store) destination: PathBuf,
}

type Exported = Result<(), StoreError>;
pub(super) type Answer = oneshot::Sender<Exported>;
pub(super) type Answered = oneshot::Receiver<Exported>;

/// What waits to be exported with others.
#[derive(Default)]
pub(super) struct Exports {
  waiting: Vec<(Export, Answer)>,
  is_under_way: bool,
}

/// Exports bytes alone.
pub(in crate::store) fn export_bytes(export: Export) -> Exported {
  let exported = export_all(&[export], |_| false);
  exported.into_iter().next().unwrap_or(Ok(()))
}

impl Exports {
  /// It waits from now on, and is answered through what is returned; and
  /// whether it is the first, so that somebody has to begin.
  pub(super) fn push(&mut self, export: Export) -> (bool, Answered) {
    let (answer, answered) = oneshot::channel();
    self.waiting.push((export, answer));
    (!std::mem::replace(&mut self.is_under_way, true), answered)
  }

  /// Those that are exported together now; when there are none, the next one
  /// is the first again. The files of one body have the same name at first, so
  /// that a second one waits for the next time.
  pub(super) fn take(&mut self) -> (Vec<Export>, Vec<Answer>) {
    let mut ids = HashSet::new();
    let waiting = self.waiting.iter().take(MOST);
    let count = waiting.take_while(|(of, _)| ids.insert(of.id)).count();
    self.is_under_way = count > 0;
    self.waiting.drain(..count).unzip()
  }
}

/// Exports all of `exports`, and says what came of each. `is_little_else` is
/// asked whether so many files are best flushed with all others there are.
pub(super) fn export_all(
  exports: &[Export],
  is_little_else: impl Fn(usize) -> bool,
) -> Vec<Exported> {
  let mut parents = Parents::default();
  let parts = exports
    .iter()
    .map(|export| Part::make(&mut parents, export));
  let parts: Vec<_> = parts.collect();
  let made: Vec<&Part<'_>> = parts.iter().flatten().collect();
  let is_flushed = made.len() > MANY
    && is_little_else(made.len())
    && parents.all().all(sync_file_system);
  let flushed = match is_flushed {
    true => made.iter().map(|_| Ok(())).collect(),
    false => flush(&made),
  };
  let mut flushed = flushed.into_iter();
  let mut next_flushed = || {
    let unknown = || Err(io::Error::other("it was not flushed"));
    flushed.next().unwrap_or_else(unknown)
  };
  let named: Vec<_> = parts
    .into_iter()
    .map(|part| part?.publish(next_flushed()))
    .collect();
  // The names are durable with one flush of each directory.
  let mut synced = HashMap::new();
  let mut sync = |name: NewName| {
    let sync = || name.sync().map_err(StoreError::from);
    synced.entry(name.directory()).or_insert_with(sync).clone()
  };
  let synced = named.into_iter().map(|name| name.and_then(&mut sync));
  synced.collect()
}

/// Flushes the files, several at a time.
fn flush(parts: &[&Part<'_>]) -> Vec<io::Result<()>> {
  let flush = |part: &&Part<'_>| part.file.sync_data();
  if let [only] = parts {
    return vec![flush(only)];
  }
  // Their bytes are on the way while the first of them is waited for.
  for part in parts {
    write_back(&part.file, 0, part.export.bytes.len() as u64);
  }
  let each = parts.len().div_ceil(AT_ONCE).max(1);
  std::thread::scope(|scope| {
    let flushing = parts.chunks(each).map(|parts| {
      scope.spawn(move || parts.iter().map(flush).collect::<Vec<_>>())
    });
    let flushing: Vec<_> = flushing.collect();
    let flushed = flushing.into_iter().map(|thread| thread.join());
    let panicked = |why| std::panic::resume_unwind(why);
    flushed
      .flat_map(|flushed| flushed.unwrap_or_else(panicked))
      .collect()
  })
}

/// Whether everything on the file system of `directory` is durable now.
fn sync_file_system(directory: BorrowedFd<'_>) -> bool {
  #[cfg(target_os = "linux")]
  {
    rustix::fs::syncfs(directory).is_ok()
  }
  #[cfg(not(target_os = "linux"))]
  {
    let _ = directory;
    false
  }
}

/// A file that is whole and has no name yet but one that nobody wants.
struct Part<'a> {
  export: &'a Export,
  name: NewName,
  part: OsString,
  file: File,
}

impl<'a> Part<'a> {
  fn make(
    parents: &mut Parents,
    export: &'a Export,
  ) -> Result<Self, StoreError> {
    let name = NewName::within(parents, &export.destination)?;
    let part = part_of(export.id);
    let file = name.create_part(&part)?;
    let made = Self {
      export,
      name,
      part,
      file,
    };
    match (&made.file).write_all(&export.bytes) {
      Ok(()) => Ok(made),
      Err(error) => Err(made.failed(error)),
    }
  }

  /// Gives it its name, if its bytes are durable.
  fn publish(self, flushed: io::Result<()>) -> Result<NewName, StoreError> {
    match flushed.and_then(|()| self.name.publish(&self.part)) {
      Ok(()) => Ok(self.name),
      Err(error) => Err(self.failed(error)),
    }
  }

  fn failed(self, error: io::Error) -> StoreError {
    // The error counts, not whether there was anything to remove.
    let _ = self.name.remove(&self.part);
    match error.kind() {
      io::ErrorKind::AlreadyExists => {
        StoreError::DestinationExists(self.export.destination.clone())
      }
      _ => error.into(),
    }
  }
}
