//! What can go wrong with a store.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::ids::BodyId;

/// An error of a store, with a message that a user can act on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
  /// Another process has it.
  #[error(
    "the store {} is in use by {owner}; stop it first, or choose another directory", .directory.display()
  )]
  Locked {
    /// The directory of the store.
    directory: PathBuf,
    /// Who has it, human-readable.
    owner: String,
  },
  /// A newer version of this crate wrote it.
  #[error(
    "the store {} was written by a newer version (its format is {found}, this program knows up to {known}); nothing was changed", .directory.display()
  )]
  NewerVersion {
    /// The directory of the store.
    directory: PathBuf,
    /// The format that it has.
    found: i64,
    /// The newest one that this version knows.
    known: i64,
  },
  /// The directory cannot be created, read or written.
  #[error("the store {} cannot be used: {source}", .directory.display())]
  Directory {
    /// The directory of the store.
    directory: PathBuf,
    /// What went wrong.
    source: Arc<std::io::Error>,
  },
  /// Another process has taken it over, and nothing more is taken from this
  /// owner: nothing was changed.
  #[error(
    "the store was taken over by another process (epoch {current}, this is epoch {own}); nothing was changed; start again to continue"
  )]
  TakenOver {
    /// That of the owner that was refused.
    own: u64,
    /// That of the one that has the store now.
    current: u64,
  },
  /// No space is left: for a background fetch this is `quota-exceeded`.
  #[error("no space is left for the store: {0}")]
  Full(String),
  /// The disk has failed to make these bodies durable. It may lose what was
  /// written since the last time that it succeeded, and say nothing when it is
  /// asked again.
  #[error("the disk lost bytes that were written to it: {source}")]
  Unsynced {
    /// The bodies concerned.
    bodies: Vec<BodyId>,
    /// What went wrong.
    source: Box<StoreError>,
  },
  /// A body that a row speaks of is not there, or shorter than it should be.
  #[error("a stored body is damaged: {0}")]
  DamagedBody(String),
  /// A background fetch with this id is active already.
  #[error(
    "a background fetch with the id \"{id}\" is active already in {scope}"
  )]
  DuplicateId {
    /// The scope of the registration.
    scope: url::Url,
    /// Names it.
    id: String,
  },
  /// The file of an export exists already.
  #[error("{} exists already", .0.display())]
  DestinationExists(PathBuf),
  /// The rows cannot be read or written.
  #[error("the store's database failed: {0}")]
  Database(String),
  /// The engine that had it was shut down.
  #[error("the engine was shut down")]
  Closed,
  /// Any other error of the file system.
  #[error("the store's files failed: {0}")]
  Io(#[source] Arc<std::io::Error>),
}

impl From<std::io::Error> for StoreError {
  /// Tells a lack of space from every other error.
  fn from(error: std::io::Error) -> Self {
    use std::io::ErrorKind;
    match error.kind() {
      ErrorKind::StorageFull
      | ErrorKind::QuotaExceeded
      | ErrorKind::FileTooLarge => Self::Full(error.to_string()),
      _ => Self::Io(error.into()),
    }
  }
}

impl StoreError {
  /// Whether the store ran out of space.
  pub fn is_full(&self) -> bool {
    match self {
      Self::Full(_) => true,
      Self::Unsynced { source, .. } => source.is_full(),
      _ => false,
    }
  }

  /// `directory` could not be used as a store.
  pub(super) fn directory(directory: &Path, source: std::io::Error) -> Self {
    match Self::from(source) {
      Self::Io(source) => Self::Directory {
        directory: directory.to_owned(),
        source,
      },
      full => full,
    }
  }

  pub(super) fn missing_body(id: BodyId) -> Self {
    Self::DamagedBody(format!("the file of {} is missing", id.0))
  }

  pub(super) fn short_body(id: BodyId, found: u64, expected: u64) -> Self {
    Self::DamagedBody(format!(
      "{} has {found} bytes, {expected} were stored",
      id.0
    ))
  }

  /// Its writer failed, was replaced by a later one, or it was deleted.
  pub(super) fn lost_body(id: BodyId) -> Self {
    Self::from(std::io::Error::other(format!(
      "the body {} has to be reopened before more is appended",
      id.0
    )))
  }
}
