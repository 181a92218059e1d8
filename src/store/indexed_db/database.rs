//! The rows of one database.

use std::path::Path;
use std::path::PathBuf;

use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::TransactionBehavior;
use rusqlite::params;
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use serde::Deserialize;

use super::KeptDatabase;
use super::schema;
use super::schema::ObjectStore;
use super::schema::SchemaChange;
use crate::store::StoreError;
use crate::store::directory::Directory;
use crate::store::sqlite;

/// The format that this program writes.
const FORMAT: i64 = 1;

/// Keys are compared byte by byte, which is their order in IndexedDB.
const SCHEMA: &str = "
CREATE TABLE meta (
  origin TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL
) STRICT;

CREATE TABLE object_store (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  key_path TEXT NOT NULL,
  auto_increment INTEGER NOT NULL,
  next_key INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE object_index (
  id INTEGER PRIMARY KEY,
  store INTEGER NOT NULL REFERENCES object_store (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  key_path TEXT NOT NULL,
  multi_entry INTEGER NOT NULL,
  is_unique INTEGER NOT NULL
) STRICT;

CREATE TABLE record (
  store INTEGER NOT NULL REFERENCES object_store (id) ON DELETE CASCADE,
  key BLOB NOT NULL,
  value BLOB NOT NULL,
  UNIQUE (store, key)
) STRICT;

CREATE TABLE index_record (
  index_id INTEGER NOT NULL REFERENCES object_index (id) ON DELETE CASCADE,
  key BLOB NOT NULL,
  primary_key BLOB NOT NULL,
  PRIMARY KEY (index_id, key, primary_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX index_record_primary_key ON index_record (index_id, primary_key);
";

/// From a key to a key.
pub(crate) struct Range {
  /// Not below this one.
  pub(crate) lower: Vec<u8>,
  /// Not above this one.
  pub(crate) upper: Vec<u8>,
  /// Not `lower` itself.
  pub(crate) lower_open: bool,
  /// Not `upper` itself.
  pub(crate) upper_open: bool,
}

/// What is looked through.
#[derive(Clone, Copy)]
pub(crate) enum Source {
  /// An object store, by its id.
  Store(u32),
  /// An index, by its id and that of its object store.
  Index {
    /// The index.
    index: u32,
    /// Its object store.
    store: u32,
  },
}

/// <https://w3c.github.io/IndexedDB/#enumdef-idbcursordirection>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
  /// Up.
  Next,
  /// Up, and of records with the same key the first.
  NextUnique,
  /// Down.
  Prev,
  /// Down, and of records with the same key the first.
  PrevUnique,
}

/// A place between the records of an index.
pub(crate) struct Position {
  /// The key.
  pub(crate) key: Vec<u8>,
  /// The key of the record in its object store.
  pub(crate) primary_key: Vec<u8>,
  /// Whether the record at this place counts.
  pub(crate) is_included: bool,
}

/// What is looked for.
pub(crate) struct Query {
  /// Where.
  pub(crate) source: Source,
  /// Which keys.
  pub(crate) range: Range,
  /// In which order.
  pub(crate) direction: Direction,
  /// For an index: beyond this place.
  pub(crate) after: Option<Position>,
  /// How many records at most.
  pub(crate) limit: u32,
  /// Whether values are wanted.
  pub(crate) with_values: bool,
}

/// A record that was found.
pub(crate) struct Found {
  /// Its key in what was looked through.
  pub(crate) key: Vec<u8>,
  /// Its key in its object store.
  pub(crate) primary_key: Vec<u8>,
  /// When it was wanted.
  pub(crate) value: Option<Vec<u8>>,
}

/// A record that is put.
pub(crate) struct NewRecord<'a> {
  /// The object store.
  pub(crate) store: u32,
  /// Its key there.
  pub(crate) key: &'a [u8],
  /// Its value.
  pub(crate) value: &'a [u8],
  /// What it is found by: indexes, each with a key.
  pub(crate) index_keys: Vec<(u32, Vec<u8>)>,
  /// Whether a record with the same key is an error.
  pub(crate) no_overwrite: bool,
  /// What the key generator counts on from, if that changes.
  pub(crate) next_key: Option<i64>,
}

/// An open database.
pub(crate) struct IndexedDatabase {
  connection: Connection,
  file: PathBuf,
}

impl IndexedDatabase {
  pub(super) fn open(
    directory: &Directory,
    file: &str,
    origin: &str,
    name: &str,
  ) -> Result<Self, StoreError> {
    let path = directory.path().join(file);
    let connection = sqlite::open_file(directory, file, database_error)?;
    let mut database = Self {
      connection,
      file: path,
    };
    database.prepare(origin, name)?;
    Ok(database)
  }

  pub(super) fn in_memory(
    origin: &str,
    name: &str,
  ) -> Result<Self, StoreError> {
    let file = PathBuf::from("memory");
    let connection = Connection::open_in_memory()
      .and_then(|connection| {
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
      })
      .map_err(|error| database_error(&file, error))?;
    let mut database = Self { connection, file };
    database.prepare(origin, name)?;
    Ok(database)
  }

  /// What is in the file; `None` when it was never finished.
  pub(super) fn look_at(
    directory: &Directory,
    file: &str,
  ) -> Result<Option<KeptDatabase>, StoreError> {
    super::check(directory, file)
      .map_err(|source| StoreError::directory(directory.path(), source))?;
    let database = Self {
      connection: sqlite::open_file(directory, file, database_error)?,
      file: directory.path().join(file),
    };
    let format = database.format()?;
    if format == 0 {
      return Ok(None);
    }
    database.check_format(format)?;
    let bytes = database.size()?;
    let (origin, name, version) = database.run(|connection| {
      let meta = "SELECT origin, name, version FROM meta";
      connection.query_row(meta, [], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))
      })
    })?;
    Ok((version > 0).then(|| KeptDatabase {
      origin,
      name,
      version: version.unsigned_abs(),
      bytes,
    }))
  }

  fn prepare(&mut self, origin: &str, name: &str) -> Result<(), StoreError> {
    let format = self.format()?;
    self.check_format(format)?;
    if format == FORMAT {
      return Ok(());
    }
    let Self { connection, file } = self;
    let mut make = || {
      let behavior = TransactionBehavior::Immediate;
      let transaction = connection.transaction_with_behavior(behavior)?;
      transaction.execute_batch(SCHEMA)?;
      transaction.execute(
        "INSERT INTO meta (origin, name, version) VALUES (?1, ?2, 0)",
        [origin, name],
      )?;
      transaction.pragma_update(None, "user_version", FORMAT)?;
      transaction.commit()
    };
    make().map_err(|error| database_error(file, error))
  }

  fn format(&self) -> Result<i64, StoreError> {
    self.run(|connection| {
      connection.query_row("PRAGMA user_version", [], |row| row.get(0))
    })
  }

  fn check_format(&self, found: i64) -> Result<(), StoreError> {
    if found <= FORMAT {
      return Ok(());
    }
    Err(StoreError::NewerVersion {
      directory: self.file.clone(),
      found,
      known: FORMAT,
    })
  }

  fn run<T>(
    &self,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
  ) -> Result<T, StoreError> {
    work(&self.connection).map_err(|error| database_error(&self.file, error))
  }

  /// In a transaction: `work` is done as a whole or not at all.
  fn change<T>(
    &self,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
  ) -> Result<T, StoreError> {
    // SQLite has ended it after an error; everything would be for good.
    if self.connection.is_autocommit() {
      return Err(lost());
    }
    self.run(|connection| {
      connection.execute_batch("SAVEPOINT change")?;
      let changed = work(connection);
      if changed.is_ok() {
        connection.execute_batch("RELEASE change")?;
      } else if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO change; RELEASE change")?;
      }
      changed
    })
  }

  /// The [version](https://w3c.github.io/IndexedDB/#database-version).
  pub(crate) fn version(&self) -> Result<u64, StoreError> {
    self
      .run(|connection| {
        let version = "SELECT version FROM meta";
        connection.query_row(version, [], |row| row.get::<_, i64>(0))
      })
      .map(i64::unsigned_abs)
  }

  /// In bytes, on the disk.
  pub(crate) fn size(&self) -> Result<u64, StoreError> {
    self.run(|connection| {
      let number = |pragma: &str| {
        connection.query_row(pragma, [], |row| row.get::<_, i64>(0))
      };
      Ok(
        (number("PRAGMA page_count")? * number("PRAGMA page_size")?)
          .unsigned_abs(),
      )
    })
  }

  pub(crate) fn schema(&self) -> Result<Vec<ObjectStore>, StoreError> {
    self.run(schema::read)
  }

  /// Only this one changes the database until the transaction is over.
  pub(crate) fn begin(&self) -> Result<(), StoreError> {
    self.run(|connection| connection.execute_batch("BEGIN IMMEDIATE"))
  }

  /// Durable when it returns. After an error nothing has changed.
  pub(crate) fn commit(&self) -> Result<(), StoreError> {
    if self.connection.is_autocommit() {
      return Err(lost());
    }
    let committed = self.run(|connection| connection.execute_batch("COMMIT"));
    if committed.is_err() {
      self.roll_back();
    }
    committed
  }

  /// Nothing happens when there is no transaction.
  pub(crate) fn roll_back(&self) {
    if self.connection.is_autocommit() {
      return;
    }
    if let Err(error) =
      self.run(|connection| connection.execute_batch("ROLLBACK"))
    {
      tracing::error!(%error, "a transaction cannot be rolled back");
    }
  }

  pub(crate) fn set_version(&self, version: u64) -> Result<(), StoreError> {
    self.change(|connection| {
      let version = i64::try_from(version).unwrap_or(i64::MAX);
      connection.execute("UPDATE meta SET version = ?1", [version])
    })?;
    Ok(())
  }

  pub(crate) fn change_schema(
    &self,
    change: &SchemaChange,
  ) -> Result<(), StoreError> {
    self.change(|connection| schema::change(connection, change))
  }

  /// The [current number](https://w3c.github.io/IndexedDB/#key-generator-construct)
  /// of a key generator.
  pub(crate) fn next_key(&self, store: u32) -> Result<i64, StoreError> {
    self.run(|connection| {
      let next = "SELECT next_key FROM object_store WHERE id = ?1";
      connection.query_row(next, [store], |row| row.get(0))
    })
  }

  /// [Store a record into an object store](https://w3c.github.io/IndexedDB/#object-store-storage-operation).
  /// False, and nothing has changed, when a constraint is not met.
  pub(crate) fn put(&self, new: &NewRecord<'_>) -> Result<bool, StoreError> {
    self.change(|connection| {
      let NewRecord {
        store, key, value, ..
      } = *new;
      if new.no_overwrite && has_record(connection, store, key)? {
        return Ok(false);
      }
      for (index, index_key) in &new.index_keys {
        if is_taken(connection, *index, index_key, key)? {
          return Ok(false);
        }
      }
      forget_index_records(connection, store, &Range::only(key))?;
      let mut put = connection.prepare_cached(
        "INSERT INTO record (store, key, value) VALUES (?1, ?2, ?3)
           ON CONFLICT DO UPDATE SET value = excluded.value",
      )?;
      put.execute(params![store, key, value])?;
      for (index, index_key) in &new.index_keys {
        add_index_record(connection, *index, index_key, key)?;
      }
      if let Some(next) = new.next_key {
        let mut set = connection.prepare_cached(
          "UPDATE object_store SET next_key = ?2 WHERE id = ?1",
        )?;
        set.execute(params![store, next])?;
      }
      Ok(true)
    })
  }

  /// Adds what a new index finds of one record. False when a constraint is not
  /// met.
  pub(crate) fn add_to_index(
    &self,
    index: u32,
    primary_key: &[u8],
    keys: &[Vec<u8>],
  ) -> Result<bool, StoreError> {
    self.change(|connection| {
      for key in keys {
        if is_taken(connection, index, key, primary_key)? {
          return Ok(false);
        }
        add_index_record(connection, index, key, primary_key)?;
      }
      Ok(true)
    })
  }

  /// [Delete records from an object store](https://w3c.github.io/IndexedDB/#delete-records-from-an-object-store)
  pub(crate) fn delete(
    &self,
    store: u32,
    range: &Range,
  ) -> Result<(), StoreError> {
    self.change(|connection| {
      forget_index_records(connection, store, range)?;
      let delete = format!(
        "DELETE FROM record WHERE store = ?1 AND {}",
        range.condition("key", 2)
      );
      let mut delete = connection.prepare_cached(&delete)?;
      delete.execute(params![store, range.lower, range.upper])?;
      Ok(())
    })
  }

  /// [Count the records in a range](https://w3c.github.io/IndexedDB/#count-the-records-in-a-range)
  pub(crate) fn count(
    &self,
    source: Source,
    range: &Range,
  ) -> Result<u64, StoreError> {
    let (table, column, id) = match source {
      Source::Store(id) => ("record", "store", id),
      Source::Index { index, .. } => ("index_record", "index_id", index),
    };
    let count = format!(
      "SELECT count(*) FROM {table} WHERE {column} = ?1 AND {}",
      range.condition("key", 2)
    );
    self
      .run(|connection| {
        let mut count = connection.prepare_cached(&count)?;
        let values = params![id, range.lower, range.upper];
        count.query_row(values, |row| row.get::<_, i64>(0))
      })
      .map(i64::unsigned_abs)
  }

  /// The first records that `query` is for.
  pub(crate) fn find(&self, query: &Query) -> Result<Vec<Found>, StoreError> {
    let (statement, values) = match query.source {
      Source::Store(store) => in_store(query, store),
      Source::Index { index, store } => in_index(query, index, store),
    };
    self.run(|connection| {
      let mut statement = connection.prepare_cached(&statement)?;
      let read = |row: &Row<'_>| {
        Ok(Found {
          key: row.get(0)?,
          primary_key: row.get(1)?,
          value: row.get(2)?,
        })
      };
      statement
        .query_map(params_from_iter(values), read)?
        .collect()
    })
  }
}

impl Range {
  fn only(key: &[u8]) -> Self {
    Self {
      lower: key.to_vec(),
      upper: key.to_vec(),
      lower_open: false,
      upper_open: false,
    }
  }

  /// With the parameter `first` as the lower bound, and the next one as the
  /// upper.
  fn condition(&self, column: &str, first: usize) -> String {
    let above = if self.lower_open { ">" } else { ">=" };
    let below = if self.upper_open { "<" } else { "<=" };
    let second = first + 1;
    format!("{column} {above} ?{first} AND {column} {below} ?{second}")
  }
}

impl Direction {
  fn is_down(self) -> bool {
    matches!(self, Self::Prev | Self::PrevUnique)
  }

  fn is_unique(self) -> bool {
    matches!(self, Self::NextUnique | Self::PrevUnique)
  }
}

/// What `error` means for the one database.
fn database_error(file: &Path, error: rusqlite::Error) -> StoreError {
  match error.sqlite_error_code() {
    Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
      StoreError::Database(format!(
        "the IndexedDB database in {} is damaged ({error}); \
         indexedDB.deleteDatabase() deletes it",
        file.display()
      ))
    }
    _ => sqlite::database_error(file, error),
  }
}

fn lost() -> StoreError {
  StoreError::Database(
    "the transaction was rolled back after an error".to_string(),
  )
}

fn in_store(query: &Query, store: u32) -> (String, Vec<Value>) {
  let value = if query.with_values { "value" } else { "NULL" };
  let order = if query.direction.is_down() {
    "DESC"
  } else {
    ""
  };
  let statement = format!(
    "SELECT key, key, {value} FROM record WHERE store = ?1 AND {}
       ORDER BY key {order} LIMIT ?4",
    query.range.condition("key", 2)
  );
  let values = vec![
    store.into(),
    query.range.lower.clone().into(),
    query.range.upper.clone().into(),
    query.limit.into(),
  ];
  (statement, values)
}

fn in_index(query: &Query, index: u32, store: u32) -> (String, Vec<Value>) {
  let Query {
    range, direction, ..
  } = query;
  let mut values: Vec<Value> = vec![
    index.into(),
    range.lower.clone().into(),
    range.upper.clone().into(),
    query.limit.into(),
  ];
  let mut beyond = String::new();
  if let Some(after) = &query.after {
    let sign = match (direction.is_down(), after.is_included) {
      (false, false) => ">",
      (false, true) => ">=",
      (true, false) => "<",
      (true, true) => "<=",
    };
    beyond = format!("AND (key, primary_key) {sign} (?5, ?6)");
    values.push(after.key.clone().into());
    values.push(after.primary_key.clone().into());
  }
  let order = if direction.is_down() { "DESC" } else { "" };
  // Of those with the same key the first, whichever the direction.
  let (primary_key, group) = match direction.is_unique() {
    true => ("min(primary_key) AS primary_key", "GROUP BY key"),
    false => ("primary_key", ""),
  };
  let mut statement = format!(
    "SELECT key, {primary_key} FROM index_record
       WHERE index_id = ?1 AND {} {beyond} {group}
       ORDER BY key {order}, primary_key {order} LIMIT ?4",
    range.condition("key", 2)
  );
  if query.with_values {
    values.push(store.into());
    statement = format!(
      "SELECT found.key, found.primary_key, record.value
         FROM ({statement}) AS found
         JOIN record ON record.store = ?{} AND record.key = found.primary_key
         ORDER BY found.key {order}, found.primary_key {order}",
      values.len()
    );
  } else {
    statement = format!("SELECT key, primary_key, NULL FROM ({statement})");
  }
  (statement, values)
}

fn has_record(
  connection: &Connection,
  store: u32,
  key: &[u8],
) -> rusqlite::Result<bool> {
  let mut has = connection
    .prepare_cached("SELECT 1 FROM record WHERE store = ?1 AND key = ?2")?;
  has.exists(params![store, key])
}

/// Whether a record with another key has `key` in an index that is unique.
fn is_taken(
  connection: &Connection,
  index: u32,
  key: &[u8],
  primary_key: &[u8],
) -> rusqlite::Result<bool> {
  let mut other = connection.prepare_cached(
    "SELECT 1 FROM index_record JOIN object_index ON id = index_id
       WHERE index_id = ?1 AND key = ?2 AND primary_key <> ?3 AND is_unique",
  )?;
  let found = other.query_row(params![index, key, primary_key], |_| Ok(()));
  Ok(found.optional()?.is_some())
}

fn add_index_record(
  connection: &Connection,
  index: u32,
  key: &[u8],
  primary_key: &[u8],
) -> rusqlite::Result<()> {
  let mut add = connection.prepare_cached(
    "INSERT INTO index_record (index_id, key, primary_key) VALUES (?1, ?2, ?3)
       ON CONFLICT DO NOTHING",
  )?;
  add.execute(params![index, key, primary_key])?;
  Ok(())
}

fn forget_index_records(
  connection: &Connection,
  store: u32,
  range: &Range,
) -> rusqlite::Result<()> {
  let mut indexes = connection
    .prepare_cached("SELECT id FROM object_index WHERE store = ?1")?;
  let indexes = indexes.query_map([store], |row| row.get(0))?;
  let indexes = indexes.collect::<rusqlite::Result<Vec<u32>>>()?;
  for index in indexes {
    let forget = format!(
      "DELETE FROM index_record WHERE index_id = ?1 AND {}",
      range.condition("primary_key", 2)
    );
    let mut forget = connection.prepare_cached(&forget)?;
    forget.execute(params![index, range.lower, range.upper])?;
  }
  Ok(())
}
