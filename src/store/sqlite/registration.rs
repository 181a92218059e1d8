//! Service worker registrations, as rows.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::params;
use url::Url;

use super::connection::Database;
use crate::store::StoreError;
use crate::store::StoredRegistration;
use crate::store::StoredWorker;

/// Every registration, in the order in which they were first put.
///
/// An error means that the database as such cannot be read.
pub(super) fn all(
  database: &Database,
) -> Result<Vec<StoredRegistration>, StoreError> {
  read_all(&database.connection).map_err(|error| database.error(error))
}

fn read_all(
  connection: &Connection,
) -> rusqlite::Result<Vec<StoredRegistration>> {
  let mut statement = connection.prepare_cached(
    "SELECT key, scope, document FROM service_worker_registration ORDER BY key",
  )?;
  let mut rows = statement.query([])?;
  let mut all = Vec::new();
  while let Some(row) = rows.next()? {
    let (key, scope): (i64, String) = (row.get(0)?, row.get(1)?);
    let Ok(scope_url) = Url::parse(&scope) else {
      tracing::error!(scope, "a stored registration is damaged: no URL");
      continue;
    };
    all.push(StoredRegistration {
      scope: scope_url,
      document: row.get(2)?,
      active: read_worker(connection, key, "active")?,
      waiting: read_worker(connection, key, "waiting")?,
    });
  }
  Ok(all)
}

fn read_worker(
  connection: &Connection,
  registration: i64,
  slot: &str,
) -> rusqlite::Result<Option<StoredWorker>> {
  let mut statement = connection.prepare_cached(
    "SELECT key, script_url, document FROM service_worker
     WHERE registration = ? AND slot = ?",
  )?;
  let mut rows = statement.query(params![registration, slot])?;
  let Some(row) = rows.next()? else {
    return Ok(None);
  };
  let (key, script_url): (i64, String) = (row.get(0)?, row.get(1)?);
  let document = row.get(2)?;
  let mut statement = connection.prepare_cached(
    "SELECT url, source FROM service_worker_script WHERE worker = ?",
  )?;
  let mut rows = statement.query([key])?;
  let mut scripts = BTreeMap::new();
  while let Some(row) = rows.next()? {
    let url: String = row.get(0)?;
    match Url::parse(&url) {
      Ok(url) => {
        scripts.insert(url, row.get(1)?);
      }
      Err(error) => {
        tracing::error!(url, %error, "a stored script is damaged");
      }
    }
  }
  match Url::parse(&script_url) {
    Ok(script_url) => Ok(Some(StoredWorker {
      script_url,
      document,
      scripts,
    })),
    Err(error) => {
      tracing::error!(script_url, %error, "a stored worker is damaged");
      Ok(None)
    }
  }
}

/// Puts a registration in the place of the one in the same scope.
pub(super) fn put(
  connection: &Connection,
  row: &StoredRegistration,
) -> rusqlite::Result<()> {
  let key: i64 = connection
    .prepare_cached(
      "INSERT INTO service_worker_registration (scope, document) VALUES (?, ?)
       ON CONFLICT (scope) DO UPDATE SET document = excluded.document
       RETURNING key",
    )?
    .query_row(params![row.scope.as_str(), row.document], |row| row.get(0))?;
  connection
    .prepare_cached("DELETE FROM service_worker WHERE registration = ?")?
    .execute([key])?;
  for (slot, worker) in [("active", &row.active), ("waiting", &row.waiting)] {
    if let Some(worker) = worker {
      insert_worker(connection, key, slot, worker)?;
    }
  }
  Ok(())
}

fn insert_worker(
  connection: &Connection,
  registration: i64,
  slot: &str,
  worker: &StoredWorker,
) -> rusqlite::Result<()> {
  connection
    .prepare_cached(
      "INSERT INTO service_worker (registration, slot, script_url, document)
       VALUES (?, ?, ?, ?)",
    )?
    .execute(params![
      registration,
      slot,
      worker.script_url.as_str(),
      worker.document
    ])?;
  let key = connection.last_insert_rowid();
  let mut statement = connection.prepare_cached(
    "INSERT INTO service_worker_script (worker, url, source) VALUES (?, ?, ?)",
  )?;
  for (url, source) in &worker.scripts {
    statement.execute(params![key, url.as_str(), source])?;
  }
  Ok(())
}

/// Forgets the registration in `scope`.
pub(super) fn remove(
  connection: &Connection,
  scope: &Url,
) -> rusqlite::Result<()> {
  connection
    .prepare_cached("DELETE FROM service_worker_registration WHERE scope = ?")?
    .execute([scope.as_str()])?;
  Ok(())
}
