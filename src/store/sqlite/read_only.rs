//! Reading a database that another process may be working with.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use rusqlite::OpenFlags;

use super::FILE_NAME;
use super::connection;
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
  if !file.try_exists().map_err(failed)? {
    return Err(failed(io::Error::new(
      io::ErrorKind::NotFound,
      "there is no store in it",
    )));
  }
  // Without a log nobody is at work, and the file can be read as it is. By
  // way of the log SQLite would leave two files behind that it cannot remove.
  if !log_exists(&file) {
    let rows = read(directory, &file, true);
    // Otherwise someone came while the file was read.
    if !log_exists(&file) {
      return rows;
    }
  }
  read(directory, &file, false)
}

fn log_exists(file: &Path) -> bool {
  let mut log = file.as_os_str().to_owned();
  log.push("-wal");
  Path::new(&log).exists()
}

fn read(
  directory: &Path,
  file: &Path,
  immutable: bool,
) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
  let mut flags =
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
  let mut name = PathBuf::from(file);
  if immutable {
    let absolute = std::path::absolute(file)?;
    if let Ok(mut url) = url::Url::from_file_path(absolute) {
      url.set_query(Some("immutable=1"));
      name = PathBuf::from(url.as_str());
      flags |= OpenFlags::SQLITE_OPEN_URI;
    }
  }
  let mut database = connection::connect(&name, flags)?;
  database.file = file.to_owned();
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
