//! Reading a database that another process may be working with.

use std::io;
use std::path::Path;

use rusqlite::OpenFlags;

use super::connection;
use super::connection::FILE_NAME;
use super::connection::Mode;
use super::load;
use super::migrations;
use crate::store::DamagedRow;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;

/// Everything in the store in `directory`. Takes no lock, changes nothing.
pub(in crate::store) fn read_directory(
  directory: &Path,
) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
  let failed = |source| StoreError::directory(directory, source);
  let file = directory.join(FILE_NAME);
  // Opening a pipe would wait for a writer.
  match std::fs::symlink_metadata(&file) {
    Ok(metadata) if metadata.is_file() => {}
    Ok(_) => {
      let message = format!("{FILE_NAME} in it is not a plain file");
      return Err(failed(io::Error::other(message)));
    }
    Err(error) if error.kind() == io::ErrorKind::NotFound => {
      let message = "there is no store in it";
      return Err(failed(io::Error::new(error.kind(), message)));
    }
    Err(error) => return Err(failed(error)),
  }
  // Without a log nothing is running, and the file can be read as it is. By
  // way of the log SQLite would leave two files behind that it cannot remove.
  if !log_exists(&file) {
    let rows = read(directory, &file, Mode::Immutable);
    // Otherwise someone came while the file was read.
    if !log_exists(&file) {
      return rows;
    }
  }
  read(directory, &file, Mode::Shared)
}

fn log_exists(file: &Path) -> bool {
  let mut log = file.as_os_str().to_owned();
  log.push("-wal");
  Path::new(&log).exists()
}

fn read(
  directory: &Path,
  file: &Path,
  mode: Mode,
) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
  let flags =
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
  let database = connection::connect(file, flags, mode)?;
  match connection::check_format(&database, directory)? {
    migrations::FORMAT => load::all(&database),
    // Its first opening is under way.
    0 => Ok(Vec::new()),
    older => Err(StoreError::Database(format!(
      "{} has the older format {older}; it is converted when it is next used",
      file.display()
    ))),
  }
}
