//! Opening the database.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;

use super::error::database_error;
use super::migrations;
use super::owner;
use super::reserve;
use crate::store::StoreError;
use crate::store::directory::Directory;

/// The name of the database in a store's directory.
pub(super) const FILE_NAME: &str = "facts.sqlite3";

/// How long to wait for a reader in another process that recovers the
/// database at this moment.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// To how many bytes the write-ahead log shrinks after a burst.
const LOG_SIZE: i64 = 4 * 1024 * 1024;

/// How many prepared statements are kept: all there are.
const STATEMENTS: usize = 64;

/// An open database and where it is, for the messages of its errors.
pub(super) struct Database {
  pub(super) connection: Connection,
  pub(super) file: PathBuf,
}

impl Database {
  pub(super) fn error(&self, error: rusqlite::Error) -> StoreError {
    database_error(&self.file, error)
  }
}

/// Opens the database of the store in `directory` for reading and writing.
pub(super) fn open(directory: &Directory) -> Result<Database, StoreError> {
  let file = directory.path().join(FILE_NAME);
  create_private(directory, FILE_NAME)
    .map_err(|source| StoreError::directory(directory.path(), source))?;
  let flags =
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
  let mut database = connect(&file, flags, Mode::Shared)?;
  check_format(&database, directory.path())?;
  prepare(&mut database.connection)
    .map_err(|error| database_error(&file, error))?;
  // To read all of it takes long. After an orderly end it is as it was left,
  // and what a disk has spoilt since shows when it is used.
  if !owner::has_ended(&database.connection).unwrap_or(false) {
    repair(&database);
  }
  Ok(database)
}

/// Opens or makes a further database of the store, with what the first one
/// promises: the user's alone, and durable when a transaction is.
/// `describe` says what an error means.
pub(in crate::store) fn open_file(
  directory: &Directory,
  name: &str,
  describe: fn(&Path, rusqlite::Error) -> StoreError,
) -> Result<Connection, StoreError> {
  create_private(directory, name)
    .map_err(|source| StoreError::directory(directory.path(), source))?;
  let flags =
    OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
  let file = directory.path().join(name);
  let Database { connection, .. } = connect(&file, flags, Mode::Shared)?;
  set_up(&connection).map_err(|error| describe(&file, error))?;
  Ok(connection)
}

/// Connects without changing anything, not even on closing. The directories on
/// the way may be links, the file may not.
pub(super) fn connect(
  file: &Path,
  flags: OpenFlags,
  mode: Mode,
) -> Result<Database, StoreError> {
  let parent = file.parent().unwrap_or(file);
  let directory = parent
    .canonicalize()
    .map_err(|source| StoreError::directory(parent, source))?;
  let name = file.file_name().unwrap_or_default();
  let (path, flags) = location(directory.join(name), flags, mode);
  let connect = || {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection
      .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
  };
  Ok(Database {
    connection: connect().map_err(|error| database_error(file, error))?,
    file: file.to_owned(),
  })
}

/// Whether others may change the file while it is open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
  Shared,
  /// No process does, so SQLite needs no files of its own beside it.
  Immutable,
}

fn location(
  path: PathBuf,
  flags: OpenFlags,
  mode: Mode,
) -> (PathBuf, OpenFlags) {
  let flags = flags | OpenFlags::SQLITE_OPEN_NOFOLLOW;
  if mode == Mode::Immutable
    && let Ok(mut url) = url::Url::from_file_path(&path)
  {
    url.set_query(Some("immutable=1"));
    return (url.as_str().into(), flags | OpenFlags::SQLITE_OPEN_URI);
  }
  (path, flags)
}

/// Refuses a database that a newer version of this program wrote.
pub(super) fn check_format(
  database: &Database,
  directory: &Path,
) -> Result<i64, StoreError> {
  let found = migrations::format(&database.connection)
    .map_err(|error| database.error(error))?;
  if found > migrations::FORMAT {
    return Err(StoreError::NewerVersion {
      directory: directory.to_owned(),
      found,
      known: migrations::FORMAT,
    });
  }
  Ok(found)
}

/// Creates an empty file for the database, so that it, and all that SQLite
/// puts beside it, is the user's alone.
fn create_private(directory: &Directory, name: &str) -> io::Result<()> {
  match directory.create_new(name) {
    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
    _ => Ok(()),
  }
}

/// An index or a page that a disk has damaged may make healthy rows unwritable:
/// everything is rebuilt from what can be read. What is wrong with the rows
/// themselves is reported when they are, so that the others are not lost with
/// them.
pub(super) fn repair(database: &Database) {
  let connection = &database.connection;
  let repaired = connection
    .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
    .and_then(|found: String| match found.as_str() {
      "ok" => Ok(()),
      found => {
        let file = database.file.display();
        tracing::error!(found, %file, "the store's database is damaged");
        connection.execute_batch("REINDEX; VACUUM")
      }
    });
  if let Err(error) = repaired {
    let error = database.error(error);
    tracing::error!(%error, "the store's database cannot be repaired");
  }
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
  set_up(connection)?;
  migrations::migrate(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
  connection
    .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
  // Gives the space of what is forgotten back; has to precede every table.
  connection.pragma_update(None, "auto_vacuum", "FULL")?;
  connection.pragma_update_and_check(
    None,
    "journal_mode",
    "WAL",
    |_| Ok(()),
  )?;
  connection.pragma_update(None, "synchronous", "FULL")?;
  connection.pragma_update(None, "foreign_keys", true)?;
  connection.pragma_update_and_check(
    None,
    "journal_size_limit",
    LOG_SIZE,
    |_| Ok(()),
  )?;
  // The log is emptied while what it adds to the database fits the reserve.
  let page_size: i64 =
    connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
  connection.pragma_update_and_check(
    None,
    "wal_autocheckpoint",
    reserve::SIZE as i64 / page_size.max(1),
    |_| Ok(()),
  )?;
  connection.set_prepared_statement_cache_capacity(STATEMENTS);
  Ok(())
}
