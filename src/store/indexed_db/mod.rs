//! The databases of [IndexedDB](https://w3c.github.io/IndexedDB/): each is a
//! SQLite database of its own, so that a script that keeps a transaction open
//! holds up only callers of the same database.
//!
//! What is promised: a transaction that has answered is on disk, all of it; a
//! crash in between leaves what was there before. A database whose first
//! upgrade was not finished is not there.
//!
//! Keys are bytes whose order is that of IndexedDB; values are bytes. Neither
//! is looked into here.

mod database;
mod schema;

use std::fmt::Write;
use std::io;

use sha2::Digest;
use sha2::Sha256;

pub(crate) use self::database::Direction;
pub(crate) use self::database::Found;
pub(crate) use self::database::IndexedDatabase;
pub(crate) use self::database::NewRecord;
pub(crate) use self::database::Position;
pub(crate) use self::database::Query;
pub(crate) use self::database::Range;
pub(crate) use self::database::Source;
pub(crate) use self::schema::ObjectStore;
pub(crate) use self::schema::SchemaChange;
use super::StoreError;
use super::directory::Directory;
use super::place::Place;

const PREFIX: &str = "indexed-db-";
const SUFFIX: &str = ".sqlite3";

/// What SQLite puts beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The databases of a store.
#[derive(Clone)]
pub(crate) struct IndexedDatabases(Place);

/// A database that is there.
pub(crate) struct KeptDatabase {
  /// The serialization of its origin.
  pub(crate) origin: String,
  pub(crate) name: String,
  pub(crate) version: u64,
  /// What it takes on the disk.
  pub(crate) bytes: u64,
}

impl IndexedDatabases {
  pub(super) fn new(place: Place) -> Self {
    Self(place)
  }

  /// Whether a database is still there when it is not open anywhere.
  pub(crate) fn are_kept(&self) -> bool {
    matches!(self.0, Place::Directory { .. })
  }

  /// How many bytes more their disk can take, when there is one. Blocks.
  pub(crate) fn available(&self) -> Option<u64> {
    self.0.available()
  }

  /// Every database; one that cannot be read is reported and left. What was
  /// never finished is deleted. Blocks, as do all that follow.
  pub(crate) fn load(&self) -> Result<Vec<KeptDatabase>, StoreError> {
    let Place::Directory { directory, .. } = &self.0 else {
      return Ok(Vec::new());
    };
    let failed = |source| StoreError::directory(directory.path(), source);
    let mut kept = Vec::new();
    for file in directory.names().map_err(failed)? {
      if !file.starts_with(PREFIX) || !file.ends_with(SUFFIX) {
        continue;
      }
      match IndexedDatabase::look_at(directory, &file) {
        Ok(Some(database)) => kept.push(database),
        Ok(None) => remove(directory, &file).map_err(failed)?,
        Err(error) => {
          tracing::error!(%error, file, "an IndexedDB database cannot be read");
        }
      }
    }
    Ok(kept)
  }

  /// Opens the database `name` of `origin`; makes it when there is none.
  pub(crate) fn open(
    &self,
    origin: &str,
    name: &str,
  ) -> Result<IndexedDatabase, StoreError> {
    match &self.0 {
      Place::Memory => IndexedDatabase::in_memory(origin, name),
      Place::Directory { directory, .. } => {
        let file = file_name(origin, name);
        let failed = |source| StoreError::directory(directory.path(), source);
        if directory.status(&file).is_err() {
          // A log that is left of another database would be read into it.
          remove(directory, &file).map_err(failed)?;
        }
        check(directory, &file).map_err(failed)?;
        let opened = IndexedDatabase::open(directory, &file, origin, name)?;
        directory.sync().map_err(failed)?;
        Ok(opened)
      }
    }
  }

  /// Deletes the database, which is not open anywhere.
  pub(crate) fn remove(
    &self,
    origin: &str,
    name: &str,
  ) -> Result<(), StoreError> {
    let Place::Directory { directory, .. } = &self.0 else {
      return Ok(());
    };
    remove(directory, &file_name(origin, name))
      .map_err(|source| StoreError::directory(directory.path(), source))
  }
}

/// The name of a database says nothing that a file system could not take.
fn file_name(origin: &str, name: &str) -> String {
  // No origin has a NUL in it.
  let digest = Sha256::new()
    .chain_update(origin)
    .chain_update([0])
    .chain_update(name)
    .finalize();
  let mut file = PREFIX.to_string();
  for byte in &digest[..16] {
    // Writing into a string never fails.
    let _ = write!(file, "{byte:02x}");
  }
  file + SUFFIX
}

fn check(directory: &Directory, file: &str) -> io::Result<()> {
  directory.check(file)?;
  for companion in COMPANIONS {
    directory.check(&format!("{file}{companion}"))?;
  }
  Ok(())
}

/// The database first: without it, the rest is nothing.
fn remove(directory: &Directory, file: &str) -> io::Result<()> {
  let mut removed = false;
  for companion in [""].iter().chain(&COMPANIONS) {
    match directory.remove(&format!("{file}{companion}")) {
      Ok(()) => removed = true,
      Err(error) if error.kind() == io::ErrorKind::NotFound => {}
      Err(error) => return Err(error),
    }
  }
  if removed { directory.sync() } else { Ok(()) }
}
