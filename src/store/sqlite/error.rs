//! SQLite's errors in the store's words.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use rusqlite::ffi;

use crate::store::StoreError;

/// What `error`, met on the database in `file`, means for the store.
pub(in crate::store) fn database_error(
  file: &Path,
  error: rusqlite::Error,
) -> StoreError {
  let refused = |kind: io::ErrorKind| StoreError::Directory {
    directory: file.parent().unwrap_or(file).to_owned(),
    source: io::Error::new(kind, error.to_string()).into(),
  };
  // The index shared between processes cannot grow.
  if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE) {
    return StoreError::Full(error.to_string());
  }
  match error.sqlite_error_code() {
    Some(ErrorCode::DiskFull | ErrorCode::TooBig) => {
      StoreError::Full(error.to_string())
    }
    Some(ErrorCode::ReadOnly) => refused(io::ErrorKind::ReadOnlyFilesystem),
    Some(ErrorCode::PermissionDenied) => {
      refused(io::ErrorKind::PermissionDenied)
    }
    Some(ErrorCode::CannotOpen) => refused(io::ErrorKind::Other),
    Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
      StoreError::Database(format!(
        "{} is damaged ({error}); move its directory away to start from scratch",
        file.display()
      ))
    }
    _ => StoreError::Database(format!("{}: {error}", file.display())),
  }
}

/// Whether `error` says that a page or an index is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
  error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
}

/// Whether `error` says that a unique value exists already.
pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
  error.sqlite_extended_error_code() == Some(ffi::SQLITE_CONSTRAINT_UNIQUE)
}
