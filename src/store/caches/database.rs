//! The rows of the caches.

use std::path::PathBuf;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::Transaction;
use rusqlite::TransactionBehavior;
use rusqlite::params;
use url::Position;
use url::Url;

use super::CacheUsage;
use super::CachedBody;
use super::CachedItem;
use super::Removed;
use crate::ids::BodyId;
use crate::ids::CacheKey;
use crate::spec::CacheQueryOptions;
use crate::spec::Request;
use crate::spec::may_be_cached;
use crate::spec::request_matches_cached_item;
use crate::store::StoreError;
use crate::store::directory::Directory;
use crate::store::sqlite;

/// The name of the database in a store's directory.
const FILE_NAME: &str = "caches.sqlite3";

/// Every file in a store's directory that this module uses. SQLite opens its
/// own by path, so they have to be looked at before.
pub(in crate::store) const FILES: [&str; 4] = [
  FILE_NAME,
  "caches.sqlite3-wal",
  "caches.sqlite3-shm",
  "caches.sqlite3-journal",
];

/// The format that this program writes.
const FORMAT: i64 = 1;

/// `path` is the request's URL without its query and its fragment: whatever
/// the options are, items of another one do not match.
///
/// A cache whose name was taken away is `doomed`: some script may use it still.
const SCHEMA: &str = "
CREATE TABLE cache (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  origin TEXT NOT NULL,
  name TEXT NOT NULL,
  doomed INTEGER NOT NULL DEFAULT 0 CHECK (doomed IN (0, 1))
) STRICT;

CREATE UNIQUE INDEX cache_name ON cache (origin, name) WHERE doomed = 0;

CREATE TABLE item (
  key INTEGER PRIMARY KEY AUTOINCREMENT,
  cache INTEGER NOT NULL REFERENCES cache (key) ON DELETE CASCADE,
  path TEXT NOT NULL,
  request TEXT NOT NULL,
  response TEXT NOT NULL,
  length INTEGER NOT NULL CHECK (length >= 0),
  inline BLOB,
  body BLOB CHECK (length(body) = 16)
) STRICT;

CREATE INDEX item_path ON item (cache, path);

CREATE TABLE local_storage (
  origin TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  UNIQUE (origin, key)
) STRICT;
";

/// The columns that [`item`] reads.
const ITEM: &str = "key, request, response, length, inline, body";

pub(super) struct Database {
  connection: Connection,
  file: PathBuf,
}

impl Database {
  pub(super) fn is_in(directory: &Directory) -> bool {
    directory.status(FILE_NAME).is_ok()
  }

  pub(super) fn open(directory: &Directory) -> Result<Self, StoreError> {
    let describe = sqlite::database_error;
    let connection = sqlite::open_file(directory, FILE_NAME, describe)?;
    Self::prepare(connection, directory.path().join(FILE_NAME))
  }

  pub(super) fn in_memory() -> Result<Self, StoreError> {
    let file = PathBuf::from(FILE_NAME);
    let connection = Connection::open_in_memory()
      .map_err(|error| sqlite::database_error(&file, error))?;
    Self::prepare(connection, file)
  }

  fn prepare(
    connection: Connection,
    file: PathBuf,
  ) -> Result<Self, StoreError> {
    let mut database = Self { connection, file };
    let found = database.run(|connection| {
      connection.pragma_update(None, "foreign_keys", true)?;
      let format = "PRAGMA user_version";
      connection.query_row(format, [], |row| row.get::<_, i64>(0))
    })?;
    if found > FORMAT {
      let directory = database.file.parent().unwrap_or(&database.file);
      return Err(StoreError::NewerVersion {
        directory: directory.to_owned(),
        found,
        known: FORMAT,
      });
    }
    if found < FORMAT {
      database.change(|transaction| {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "user_version", FORMAT)
      })?;
    }
    Ok(database)
  }

  fn run<T>(
    &self,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
  ) -> Result<T, StoreError> {
    work(&self.connection)
      .map_err(|error| sqlite::database_error(&self.file, error))
  }

  /// All of `work`, or nothing.
  fn change<T>(
    &mut self,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
  ) -> Result<T, StoreError> {
    let Self { connection, file } = self;
    let change = || {
      let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
      let changed = work(&transaction)?;
      transaction.commit()?;
      Ok(changed)
    };
    change().map_err(|error| sqlite::database_error(file, error))
  }

  pub(super) fn usage(&self) -> Result<Vec<CacheUsage>, StoreError> {
    self.run(|connection| {
      let mut statement = connection.prepare(
        "SELECT origin, length, body FROM item JOIN cache
           ON item.cache = cache.key ORDER BY origin",
      )?;
      let mut rows = statement.query([])?;
      let mut all: Vec<CacheUsage> = Vec::new();
      while let Some(row) = rows.next()? {
        let origin: String = row.get(0)?;
        let bytes = length(row, 1)?;
        let body = body_id(row, 2)?;
        if all.last().is_none_or(|last| last.origin != origin) {
          all.push(CacheUsage {
            origin,
            bodies: Vec::new(),
            bytes: 0,
          });
        }
        if let Some(last) = all.last_mut() {
          last.bytes += bytes;
          last.bodies.extend(body);
        }
      }
      Ok(all)
    })
  }

  pub(super) fn open_cache(
    &mut self,
    origin: &str,
    name: &str,
  ) -> Result<CacheKey, StoreError> {
    self.change(|transaction| {
      transaction.execute(
        "INSERT INTO cache (origin, name) VALUES (?1, ?2)
           ON CONFLICT DO NOTHING",
        [origin, name],
      )?;
      let key = "SELECT key FROM cache
        WHERE origin = ?1 AND name = ?2 AND doomed = 0";
      let key = transaction.query_row(key, [origin, name], |row| row.get(0))?;
      Ok(CacheKey(key))
    })
  }

  pub(super) fn names(
    &self,
    origin: &str,
  ) -> Result<Vec<(CacheKey, String)>, StoreError> {
    self.run(|connection| {
      let mut statement = connection.prepare_cached(
        "SELECT key, name FROM cache
           WHERE origin = ?1 AND doomed = 0 ORDER BY key",
      )?;
      let read = |row: &Row<'_>| Ok((CacheKey(row.get(0)?), row.get(1)?));
      statement.query_map([origin], read)?.collect()
    })
  }

  pub(super) fn delete_cache(
    &mut self,
    origin: &str,
    name: &str,
  ) -> Result<Option<CacheKey>, StoreError> {
    self.change(|transaction| {
      let doom = "UPDATE cache SET doomed = 1
        WHERE origin = ?1 AND name = ?2 AND doomed = 0 RETURNING key";
      transaction
        .query_row(doom, [origin, name], |row| Ok(CacheKey(row.get(0)?)))
        .optional()
    })
  }

  pub(super) fn forget(
    &mut self,
    cache: CacheKey,
  ) -> Result<Removed, StoreError> {
    self.forget_where("doomed = 1 AND key = ?1", params![cache.0])
  }

  pub(super) fn forget_deleted(&mut self) -> Result<Removed, StoreError> {
    self.forget_where("doomed = 1", params![])
  }

  fn forget_where(
    &mut self,
    condition: &str,
    values: &[&dyn rusqlite::ToSql],
  ) -> Result<Removed, StoreError> {
    self.change(|transaction| {
      let held = format!(
        "SELECT length, body FROM item
           WHERE cache IN (SELECT key FROM cache WHERE {condition})"
      );
      let mut removed = Removed::default();
      let mut statement = transaction.prepare(&held)?;
      let mut rows = statement.query(values)?;
      while let Some(row) = rows.next()? {
        removed.bytes += length(row, 0)?;
        removed.bodies.extend(body_id(row, 1)?);
      }
      let forget = format!("DELETE FROM cache WHERE {condition}");
      transaction.execute(&forget, values)?;
      Ok(removed)
    })
  }

  pub(super) fn local_item(
    &self,
    origin: &str,
    key: &str,
  ) -> Result<Option<String>, StoreError> {
    self.run(|connection| {
      let value = "SELECT value FROM local_storage
        WHERE origin = ?1 AND key = ?2";
      let read = |row: &Row<'_>| row.get(0);
      connection.query_row(value, [origin, key], read).optional()
    })
  }

  pub(super) fn local_keys(
    &self,
    origin: &str,
  ) -> Result<Vec<String>, StoreError> {
    self.run(|connection| {
      let mut statement = connection.prepare_cached(
        "SELECT key FROM local_storage WHERE origin = ?1 ORDER BY rowid",
      )?;
      statement.query_map([origin], |row| row.get(0))?.collect()
    })
  }

  /// How many bytes the items of an origin have, without the one of `key`.
  pub(super) fn local_size(
    &self,
    origin: &str,
    key: &str,
  ) -> Result<u64, StoreError> {
    self.run(|connection| {
      let size = "SELECT coalesce(sum(length(CAST(key AS BLOB))
          + length(CAST(value AS BLOB))), 0)
        FROM local_storage WHERE origin = ?1 AND key <> ?2";
      connection.query_row(size, [origin, key], |row| length(row, 0))
    })
  }

  pub(super) fn set_local_item(
    &mut self,
    origin: &str,
    key: &str,
    value: &str,
  ) -> Result<(), StoreError> {
    self.change(|transaction| {
      transaction.execute(
        "INSERT INTO local_storage (origin, key, value) VALUES (?1, ?2, ?3)
           ON CONFLICT DO UPDATE SET value = excluded.value",
        [origin, key, value],
      )?;
      Ok(())
    })
  }

  /// Removes the item of `key`, or all.
  pub(super) fn remove_local_items(
    &mut self,
    origin: &str,
    key: Option<&str>,
  ) -> Result<(), StoreError> {
    self.change(|transaction| {
      transaction.execute(
        "DELETE FROM local_storage
           WHERE origin = ?1 AND (?2 IS NULL OR key = ?2)",
        params![origin, key],
      )?;
      Ok(())
    })
  }

  pub(super) fn query(
    &self,
    cache: CacheKey,
    request: Option<&Request>,
    options: CacheQueryOptions,
  ) -> Result<Vec<CachedItem>, StoreError> {
    self.run(|connection| {
      let found = query(connection, cache, request, options)?;
      Ok(found.into_iter().map(|(_, item)| item).collect())
    })
  }

  pub(super) fn put(
    &mut self,
    cache: CacheKey,
    items: &[CachedItem],
  ) -> Result<Removed, StoreError> {
    self.change(|transaction| {
      let mut removed = Removed::default();
      for item in items {
        let options = CacheQueryOptions::default();
        let request = Some(&item.request);
        let old = query(transaction, cache, request, options)?;
        remove(transaction, old, &mut removed)?;
        insert(transaction, cache, item)?;
      }
      Ok(removed)
    })
  }

  pub(super) fn delete(
    &mut self,
    cache: CacheKey,
    request: &Request,
    options: CacheQueryOptions,
  ) -> Result<(usize, Removed), StoreError> {
    self.change(|transaction| {
      let mut removed = Removed::default();
      let old = query(transaction, cache, Some(request), options)?;
      let count = old.len();
      remove(transaction, old, &mut removed)?;
      Ok((count, removed))
    })
  }
}

/// [Query Cache](https://w3c.github.io/ServiceWorker/#query-cache), with the
/// key of each item.
fn query(
  connection: &Connection,
  cache: CacheKey,
  request: Option<&Request>,
  options: CacheQueryOptions,
) -> rusqlite::Result<Vec<(i64, CachedItem)>> {
  if request.is_some_and(|request| !may_be_cached(request, options)) {
    return Ok(Vec::new());
  }
  let condition = match request {
    Some(_) => "AND path = ?2",
    None => "AND ?2 IS NULL",
  };
  let mut statement = connection.prepare_cached(&format!(
    "SELECT {ITEM} FROM item WHERE cache = ?1 {condition} ORDER BY key"
  ))?;
  let path = request.map(|request| path(&request.url));
  let mut rows = statement.query(params![cache.0, path])?;
  let mut found = Vec::new();
  while let Some(row) = rows.next()? {
    let (key, item) = match item(row) {
      Ok(found) => found,
      Err(rusqlite::Error::FromSqlConversionFailure(_, _, error)) => {
        tracing::error!(%error, "a cached response is damaged");
        continue;
      }
      Err(error) => return Err(error),
    };
    let matches = request.is_none_or(|request| {
      let response = Some(&item.response);
      request_matches_cached_item(request, &item.request, response, options)
    });
    if matches {
      found.push((key, item));
    }
  }
  Ok(found)
}

fn remove(
  transaction: &Transaction<'_>,
  items: Vec<(i64, CachedItem)>,
  removed: &mut Removed,
) -> rusqlite::Result<()> {
  let mut statement =
    transaction.prepare_cached("DELETE FROM item WHERE key = ?1")?;
  for (key, item) in items {
    statement.execute([key])?;
    if let Some(body) = item.body {
      removed.bytes += body.length();
      removed.bodies.extend(body.id());
    }
  }
  Ok(())
}

fn insert(
  transaction: &Transaction<'_>,
  cache: CacheKey,
  item: &CachedItem,
) -> rusqlite::Result<()> {
  let (inline, body) = match &item.body {
    Some(CachedBody::Inline(bytes)) => (Some(&bytes[..]), None),
    Some(CachedBody::Stored { id, .. }) => (None, Some(id.0.as_bytes())),
    None => (None, None),
  };
  let length = item.body.as_ref().map_or(0, CachedBody::length);
  let json = |error: serde_json::Error| {
    rusqlite::Error::ToSqlConversionFailure(error.into())
  };
  let mut statement = transaction.prepare_cached(
    "INSERT INTO item (cache, path, request, response, length, inline, body)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
  )?;
  statement.execute(params![
    cache.0,
    path(&item.request.url),
    serde_json::to_string(&item.request).map_err(json)?,
    serde_json::to_string(&item.response).map_err(json)?,
    i64::try_from(length).unwrap_or(i64::MAX),
    inline,
    body.map(|body| &body[..]),
  ])?;
  Ok(())
}

fn path(url: &Url) -> &str {
  &url[..Position::AfterPath]
}

fn item(row: &Row<'_>) -> rusqlite::Result<(i64, CachedItem)> {
  let inline: Option<Vec<u8>> = row.get(4)?;
  let body = match (inline, body_id(row, 5)?) {
    (Some(bytes), _) => Some(CachedBody::Inline(Bytes::from(bytes))),
    (None, Some(id)) => {
      let length = length(row, 3)?;
      Some(CachedBody::Stored { id, length })
    }
    (None, None) => None,
  };
  let item = CachedItem {
    request: json(row, 1)?,
    response: json(row, 2)?,
    body,
  };
  Ok((row.get(0)?, item))
}

fn json<T: serde::de::DeserializeOwned>(
  row: &Row<'_>,
  column: usize,
) -> rusqlite::Result<T> {
  let text: String = row.get(column)?;
  serde_json::from_str(&text).map_err(|error| {
    let text = rusqlite::types::Type::Text;
    rusqlite::Error::FromSqlConversionFailure(column, text, error.into())
  })
}

fn length(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
  Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

fn body_id(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<BodyId>> {
  let bytes: Option<Vec<u8>> = row.get(column)?;
  Ok(
    bytes
      .and_then(|b| uuid::Uuid::from_slice(&b).ok())
      .map(BodyId),
  )
}
