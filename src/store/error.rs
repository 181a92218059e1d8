//! What can go wrong with a store.

use std::path::PathBuf;

/// An error of a store, with a sentence that a user can act on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
  /// Another process has it.
  #[error(
    "the store {} is in use by {owner}; stop it first, or choose another directory", .directory.display()
  )]
  Locked { directory: PathBuf, owner: String },
  /// A newer version of this crate wrote it.
  #[error(
    "the store {} was written by a newer version (its format is {found}, this program knows up to {known}); nothing was changed", .directory.display()
  )]
  NewerVersion {
    directory: PathBuf,
    found: i64,
    known: i64,
  },
  /// The directory cannot be created, read or written.
  #[error("the store {} cannot be used: {source}", .directory.display())]
  Directory {
    directory: PathBuf,
    source: std::io::Error,
  },
  /// No space is left: for a background fetch this is `quota-exceeded`.
  #[error("no space is left for the store: {0}")]
  Full(String),
  /// A body that a row speaks of is not there, or shorter than it should be.
  #[error("a stored body is damaged: {0}")]
  DamagedBody(String),
  /// The file of an export exists already.
  #[error("{} exists already", .0.display())]
  DestinationExists(PathBuf),
  /// The rows cannot be read or written.
  #[error("the store's database failed: {0}")]
  Database(String),
  /// Any other error of the file system.
  #[error("the store's files failed: {0}")]
  Io(#[from] std::io::Error),
}

impl StoreError {
  /// Whether the store ran out of space.
  pub fn is_full(&self) -> bool {
    matches!(self, Self::Full(_))
  }
}
