//! Rows, back as values. What does not make sense is reported row by row.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::types::FromSql;
use serde::de::DeserializeOwned;
use url::Url;
use uuid::Uuid;

use super::connection::Database;
use super::text::from_word;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::snapshot::Retained;
use crate::snapshot::unless_empty;
use crate::spec::BackgroundFetch;
use crate::spec::BackgroundFetchRecord;
use crate::spec::BackgroundFetchResponse;
use crate::spec::Extents;
use crate::spec::Request;
use crate::store::DamagedRow;
use crate::store::RecordBodies;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;

/// Everything in the database, in the order in which it was inserted.
///
/// An error means that the database as such cannot be read.
pub(super) fn all(
  database: &Database,
) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
  some(database, 0, i64::MAX, usize::MAX)
}

/// Up to `limit` with a key that is larger than `after`, and up to `last`.
pub(super) fn some(
  database: &Database,
  after: i64,
  last: i64,
  limit: usize,
) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
  let limit = i64::try_from(limit).unwrap_or(i64::MAX);
  read_some(&database.connection, [after, last, limit])
    .map_err(|error| database.error(error))
}

/// The key of the last one.
pub(super) fn last_key(connection: &Connection) -> rusqlite::Result<i64> {
  let sql = "SELECT coalesce(max(key), 0) FROM background_fetch";
  connection.query_row(sql, [], |row| row.get(0))
}

fn read_some(
  connection: &Connection,
  range: [i64; 3],
) -> rusqlite::Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>> {
  // One transaction, so that records fit their background fetches also while
  // another process writes.
  let transaction = connection.unchecked_transaction()?;
  let mut statement = transaction.prepare_cached(
    "SELECT * FROM background_fetch WHERE key > ? AND key <= ?
     ORDER BY key LIMIT ?",
  )?;
  let mut rows = statement.query(range)?;
  let mut all = Vec::new();
  while let Some(row) = rows.next()? {
    let key = BackgroundFetchKey(row.get("key")?);
    let loaded = match read_records(&transaction, key)? {
      Ok(records) => read_background_fetch(row, key, records),
      Err(damage) => Err(damage),
    };
    all.push(loaded.map_err(|damage| DamagedRow {
      key,
      id: row.get("id").ok(),
      scope: url(row, "scope").ok(),
      message: damage.0,
    }));
  }
  Ok(all)
}

/// What is wrong with a row, human-readable.
struct Damage(String);

type Records = Vec<(BackgroundFetchRecord, RecordBodies)>;

fn read_background_fetch(
  row: &Row<'_>,
  key: BackgroundFetchKey,
  records: Records,
) -> Result<StoredBackgroundFetch, Damage> {
  let expected: i64 = get(row, "records")?;
  if expected != records.len() as i64 {
    return Err(Damage(format!(
      "{} of its {expected} records are there",
      records.len()
    )));
  }
  let (records, bodies): (Vec<BackgroundFetchRecord>, _) =
    records.into_iter().unzip();
  let total: String = get(row, "download_total")?;
  let stored = records
    .iter()
    .map(|record| record.response_data.extents.total());
  check_sum(stored.chain([bytes(row, "upload_total")?]))?;
  Ok(StoredBackgroundFetch {
    key,
    scope: url(row, "scope")?,
    environment: get(row, "environment")?,
    background_fetch: BackgroundFetch {
      id: get(row, "id")?,
      records,
      title: get(row, "title")?,
      icons: json(row, "icons")?,
      download_total: total
        .parse()
        .map_err(|_| Damage(format!("download_total is \"{total}\"")))?,
      upload_total: bytes(row, "upload_total")?,
      uploaded: bytes(row, "uploaded")?,
      result: word(row, "result")?,
      failure_reason: word(row, "failure_reason")?,
      records_available: flag(row, "records_available")?,
      paused: flag(row, "paused")?,
      abort_all: flag(row, "abort_all")?,
    },
    bodies,
    active: flag(row, "active")?,
    event_owed: flag(row, "event_owed")?,
    abnormal_ends: get(row, "abnormal_ends")?,
    retained: retained(row)?,
    created: get(row, "created")?,
  })
}

/// The engine adds these numbers: together they have to be what a disk can
/// have.
fn check_sum(mut bytes: impl Iterator<Item = u64>) -> Result<(), Damage> {
  let sum = bytes.try_fold(0_u64, |sum, more| sum.checked_add(more));
  match sum {
    Some(sum) if sum <= MAX_BYTES => Ok(()),
    _ => Err(Damage("its records have more bytes than any disk".into())),
  }
}

/// What one background fetch may have, in bytes: 8 PiB, the largest number that
/// JavaScript counts exactly.
const MAX_BYTES: u64 = 1 << 53;

fn retained(row: &Row<'_>) -> Result<Option<Retained>, Damage> {
  let since: Option<i64> = get(row, "retained_since")?;
  let undelivered = unless_empty(get(row, "undelivered")?);
  Ok(since.map(|since| Retained { since, undelivered }))
}

/// The outer error is the database's, the inner one that of a single record.
fn read_records(
  connection: &Connection,
  key: BackgroundFetchKey,
) -> rusqlite::Result<Result<Records, Damage>> {
  let mut statement = connection.prepare_cached(
    "SELECT * FROM record WHERE background_fetch = ? ORDER BY position",
  )?;
  let mut rows = statement.query([key.0])?;
  let mut records = Vec::new();
  while let Some(row) = rows.next()? {
    match read_record(row, records.len()) {
      Ok(record) => records.push(record),
      Err(Damage(message)) => {
        let message = format!("record {}: {message}", records.len());
        return Ok(Err(Damage(message)));
      }
    }
  }
  Ok(Ok(records))
}

fn read_record(
  row: &Row<'_>,
  expected: usize,
) -> Result<(BackgroundFetchRecord, RecordBodies), Damage> {
  let position: i64 = get(row, "position")?;
  if position != expected as i64 {
    return Err(Damage(format!("it is missing, {position} is the next")));
  }
  let response: Option<String> = get(row, "response")?;
  let result: Option<String> = get(row, "result")?;
  let response_data = BackgroundFetchResponse {
    response: match response {
      Some(_) => Some(json(row, "response")?),
      None => None,
    },
    extents: extents(row)?,
    result: match result {
      Some(_) => Some(word(row, "result")?),
      None => None,
    },
  };
  let bodies = RecordBodies {
    request: body(row, "request_body")?,
    response: body(row, "response_body")?,
    sent: flag(row, "sent")?,
    diagnostic: get(row, "diagnostic")?,
    most: bytes(row, "most")?,
  };
  let request: Request = json(row, "request")?;
  let record = BackgroundFetchRecord {
    request: Arc::new(request),
    response_data,
  };
  Ok((record, bodies))
}

fn get<T: FromSql>(row: &Row<'_>, column: &str) -> Result<T, Damage> {
  row
    .get(column)
    .map_err(|error| Damage(format!("{column}: {error}")))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Damage> {
  let text: String = get(row, column)?;
  serde_json::from_str(&text)
    .map_err(|error| Damage(format!("{column}: {error}")))
}

fn word<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Damage> {
  let text: String = get(row, column)?;
  from_word(&text).ok_or_else(|| Damage(format!("{column} is \"{text}\"")))
}

fn url(row: &Row<'_>, column: &str) -> Result<Url, Damage> {
  let text: String = get(row, column)?;
  Url::parse(&text).map_err(|error| Damage(format!("{column}: {error}")))
}

fn bytes(row: &Row<'_>, column: &str) -> Result<u64, Damage> {
  let number: i64 = get(row, column)?;
  u64::try_from(number).map_err(|_| Damage(format!("{column} is {number}")))
}

/// The stored bytes of a record.
fn extents(row: &Row<'_>) -> Result<Extents, Damage> {
  let mut extents = Extents::prefix_of(bytes(row, "bytes")?);
  let ahead: Vec<(u64, u64)> = json(row, "ahead")?;
  for (start, end) in ahead {
    if end > MAX_BYTES || start >= end || start <= extents.end() {
      return Err(Damage(format!("ahead has {start} to {end}")));
    }
    extents.add(start..end);
  }
  Ok(extents)
}

fn flag(row: &Row<'_>, column: &str) -> Result<bool, Damage> {
  match get::<i64>(row, column)? {
    0 => Ok(false),
    1 => Ok(true),
    other => Err(Damage(format!("{column} is {other}"))),
  }
}

fn body(row: &Row<'_>, column: &str) -> Result<Option<BodyId>, Damage> {
  let bytes: Option<[u8; 16]> = get(row, column)?;
  Ok(bytes.map(|bytes| BodyId(Uuid::from_bytes(bytes))))
}
