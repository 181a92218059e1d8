//! Rows, back as values. What does not make sense is reported row by row.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::LazyLock;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::types::FromSql;
use rusqlite::types::ValueRef;
use serde::de::DeserializeOwned;
use url::Url;
use uuid::Uuid;

use super::apply;
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
  read_some(&database.connection, [after, last], limit)
    .map_err(|error| database.error(error))
}

/// The key of the last one.
pub(super) fn last_key(connection: &Connection) -> rusqlite::Result<i64> {
  let sql = "SELECT coalesce(max(key), 0) FROM background_fetch";
  connection.query_row(sql, [], |row| row.get(0))
}

/// Every column that is read, of the background fetch and of its record.
const COLUMNS: [&str; 33] = [
  "b.key",
  "b.scope",
  "b.id",
  "b.environment",
  "b.title",
  "b.icons",
  "b.download_total",
  "b.upload_total",
  "b.uploaded",
  "b.result",
  "b.failure_reason",
  "b.records_available",
  "b.paused",
  "b.abort_all",
  "b.active",
  "b.event_owed",
  "b.created",
  "b.records",
  "b.abnormal_ends",
  "b.retained_since",
  "b.undelivered",
  "r.background_fetch",
  "r.position",
  "r.request",
  "r.request_body",
  "r.response",
  "r.response_body",
  "r.bytes",
  "r.ahead",
  "r.result",
  "r.diagnostic",
  "r.sent",
  "r.most",
];

/// The place of a column. SQLite compares names one by one, for each value.
const fn at(name: &str) -> usize {
  let mut place = 0;
  while place < COLUMNS.len() {
    if is_equal(COLUMNS[place].as_bytes(), name.as_bytes()) {
      return place;
    }
    place += 1;
  }
  panic!("there is no such column")
}

const fn is_equal(one: &[u8], other: &[u8]) -> bool {
  let mut index = 0;
  while index < one.len() && index < other.len() {
    if one[index] != other[index] {
      return false;
    }
    index += 1;
  }
  one.len() == other.len()
}

/// One statement for all, so that records fit their background fetches also
/// while another process writes.
static STATEMENT: LazyLock<String> = LazyLock::new(|| {
  let columns = COLUMNS.join(", ");
  format!(
    "SELECT {columns} FROM background_fetch AS b
     LEFT JOIN record AS r ON r.background_fetch = b.key
     WHERE b.key > ? AND b.key <= ? ORDER BY b.key, r.position"
  )
});

fn read_some(
  connection: &Connection,
  [after, last]: [i64; 2],
  limit: usize,
) -> rusqlite::Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>> {
  let mut statement = connection.prepare_cached(&STATEMENT)?;
  let mut rows = statement.query([after, last])?;
  let mut all = Vec::new();
  let mut reading: Option<Reading> = None;
  let mut scopes = Scopes::default();
  while let Some(row) = rows.next()? {
    let key = BackgroundFetchKey(row.get(const { at("b.key") })?);
    if reading.as_ref().is_none_or(|reading| reading.key != key) {
      all.extend(reading.take().map(Reading::finish));
      if all.len() >= limit {
        break;
      }
      reading = Some(Reading::begin(row, key, &mut scopes));
    }
    if let Some(reading) = &mut reading {
      reading.read_record(row);
    }
  }
  all.extend(reading.map(Reading::finish));
  Ok(all)
}

/// A background fetch whose records are being read.
struct Reading {
  key: BackgroundFetchKey,
  id: Option<String>,
  scope: Option<Url>,
  /// How many records it has to have, and all but them.
  row: Result<(i64, StoredBackgroundFetch), Damage>,
  records: Records,
  damage: Option<Damage>,
}

impl Reading {
  fn begin(
    row: &Row<'_>,
    key: BackgroundFetchKey,
    scopes: &mut Scopes,
  ) -> Self {
    Self {
      key,
      id: row.get(const { at("b.id") }).ok(),
      scope: scopes.read(row).ok(),
      row: read_background_fetch(row, key, scopes),
      records: Vec::new(),
      damage: None,
    }
  }

  /// The record in `row`, if there is one.
  fn read_record(&mut self, row: &Row<'_>) {
    let is_there: Result<Option<i64>, _> =
      get(row, const { at("r.background_fetch") });
    if self.damage.is_some() || matches!(is_there, Ok(None)) {
      return;
    }
    match read_record(row, self.records.len()) {
      Ok(record) => self.records.push(record),
      Err(Damage(message)) => {
        let message = format!("record {}: {message}", self.records.len());
        self.damage = Some(Damage(message));
      }
    }
  }

  #[expect(clippy::result_large_err, reason = "a row is larger still")]
  fn finish(self) -> Result<StoredBackgroundFetch, DamagedRow> {
    let (key, id, scope) = (self.key, self.id, self.scope);
    let finished = match (self.damage, self.row) {
      (Some(damage), _) => Err(damage),
      (None, Err(damage)) => Err(damage),
      (None, Ok((expected, row))) => with_records(row, expected, self.records),
    };
    finished.map_err(|Damage(message)| DamagedRow {
      key,
      id,
      scope,
      message,
    })
  }
}

fn with_records(
  mut row: StoredBackgroundFetch,
  expected: i64,
  records: Records,
) -> Result<StoredBackgroundFetch, Damage> {
  if expected != records.len() as i64 {
    return Err(Damage(format!(
      "{} of its {expected} records are there",
      records.len()
    )));
  }
  let stored = records
    .iter()
    .map(|(record, _)| record.response_data.extents.total());
  check_sum(stored.chain([row.background_fetch.upload_total]))?;
  // Most have one record; room for more would stay with each.
  row.background_fetch.records.reserve_exact(records.len());
  row.bodies.reserve_exact(records.len());
  for (record, bodies) in records {
    row.background_fetch.records.push(record);
    row.bodies.push(bodies);
  }
  Ok(row)
}

/// Most background fetches have the scope of the one before.
#[derive(Default)]
struct Scopes(Option<Url>);

impl Scopes {
  fn read(&mut self, row: &Row<'_>) -> Result<Url, Damage> {
    let place = const { at("b.scope") };
    let text = text(row, place)?;
    if let Some(last) = self.0.as_ref().filter(|last| last.as_str() == text) {
      return Ok(last.clone());
    }
    let scope = Url::parse(text).map_err(|error| damage(place, error))?;
    Ok(self.0.insert(scope).clone())
  }
}

/// What is wrong with a row, human-readable.
struct Damage(String);

fn damage(place: usize, error: impl Display) -> Damage {
  Damage(format!("{}: {error}", name(place)))
}

/// The name of a column, without its table's.
fn name(place: usize) -> &'static str {
  let name = COLUMNS[place];
  name.split_once('.').map_or(name, |(_, name)| name)
}

type Records = Vec<(BackgroundFetchRecord, RecordBodies)>;

fn read_background_fetch(
  row: &Row<'_>,
  key: BackgroundFetchKey,
  scopes: &mut Scopes,
) -> Result<(i64, StoredBackgroundFetch), Damage> {
  let total = text(row, const { at("b.download_total") })?;
  let stored = StoredBackgroundFetch {
    key,
    scope: scopes.read(row)?,
    environment: get(row, const { at("b.environment") })?,
    background_fetch: BackgroundFetch {
      id: get(row, const { at("b.id") })?,
      records: Vec::new(),
      title: get(row, const { at("b.title") })?,
      icons: json(row, const { at("b.icons") })?,
      download_total: total
        .parse()
        .map_err(|_| Damage(format!("download_total is \"{total}\"")))?,
      upload_total: bytes(row, const { at("b.upload_total") })?,
      uploaded: bytes(row, const { at("b.uploaded") })?,
      result: word(row, const { at("b.result") })?,
      failure_reason: word(row, const { at("b.failure_reason") })?,
      records_available: flag(row, const { at("b.records_available") })?,
      paused: flag(row, const { at("b.paused") })?,
      abort_all: flag(row, const { at("b.abort_all") })?,
    },
    bodies: Vec::new(),
    active: flag(row, const { at("b.active") })?,
    event_owed: flag(row, const { at("b.event_owed") })?,
    abnormal_ends: get(row, const { at("b.abnormal_ends") })?,
    retained: retained(row)?,
    created: get(row, const { at("b.created") })?,
  };
  Ok((get(row, const { at("b.records") })?, stored))
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
  let since: Option<i64> = get(row, const { at("b.retained_since") })?;
  let undelivered = unless_empty(get(row, const { at("b.undelivered") })?);
  Ok(since.map(|since| Retained { since, undelivered }))
}

fn read_record(
  row: &Row<'_>,
  expected: usize,
) -> Result<(BackgroundFetchRecord, RecordBodies), Damage> {
  let position: i64 = get(row, const { at("r.position") })?;
  if position != expected as i64 {
    return Err(Damage(format!("it is missing, {position} is the next")));
  }
  let response_data = BackgroundFetchResponse {
    response: match is_null(row, const { at("r.response") })? {
      false => Some(json(row, const { at("r.response") })?),
      true => None,
    },
    extents: extents(row)?,
    result: match is_null(row, const { at("r.result") })? {
      false => Some(word(row, const { at("r.result") })?),
      true => None,
    },
  };
  let bodies = RecordBodies {
    request: body(row, const { at("r.request_body") })?,
    response: body(row, const { at("r.response_body") })?,
    sent: flag(row, const { at("r.sent") })?,
    diagnostic: get(row, const { at("r.diagnostic") })?,
    most: bytes(row, const { at("r.most") })?,
  };
  let request: Request = json(row, const { at("r.request") })?;
  let record = BackgroundFetchRecord {
    request: Arc::new(request),
    response_data,
  };
  Ok((record, bodies))
}

fn get<T: FromSql>(row: &Row<'_>, place: usize) -> Result<T, Damage> {
  row.get(place).map_err(|error| damage(place, error))
}

fn is_null(row: &Row<'_>, place: usize) -> Result<bool, Damage> {
  let value = row.get_ref(place).map_err(|error| damage(place, error))?;
  Ok(value == ValueRef::Null)
}

/// A text, without a copy of it.
fn text<'a>(row: &'a Row<'_>, place: usize) -> Result<&'a str, Damage> {
  let value = row.get_ref(place).map_err(|error| damage(place, error))?;
  value.as_str().map_err(|error| damage(place, error))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, place: usize) -> Result<T, Damage> {
  let text = text(row, place)?;
  serde_json::from_str(text).map_err(|error| damage(place, error))
}

fn word<T: DeserializeOwned>(row: &Row<'_>, place: usize) -> Result<T, Damage> {
  let text = text(row, place)?;
  from_word(text)
    .ok_or_else(|| Damage(format!("{} is \"{text}\"", name(place))))
}

fn bytes(row: &Row<'_>, place: usize) -> Result<u64, Damage> {
  let number: i64 = get(row, place)?;
  u64::try_from(number)
    .map_err(|_| Damage(format!("{} is {number}", name(place))))
}

/// The stored bytes of a record.
fn extents(row: &Row<'_>) -> Result<Extents, Damage> {
  let mut extents = Extents::prefix_of(bytes(row, const { at("r.bytes") })?);
  let ahead: Vec<(u64, u64)> = json(row, const { at("r.ahead") })?;
  for (start, end) in ahead {
    if end > MAX_BYTES || start >= end || start <= extents.end() {
      return Err(Damage(format!("ahead has {start} to {end}")));
    }
    extents.add(start..end);
  }
  Ok(extents)
}

fn flag(row: &Row<'_>, place: usize) -> Result<bool, Damage> {
  match get::<i64>(row, place)? {
    0 => Ok(false),
    1 => Ok(true),
    other => Err(Damage(format!("{} is {other}", name(place)))),
  }
}

/// The bytes of a body, if they are in its row.
pub(super) fn bytes_of(
  database: &Database,
  id: BodyId,
) -> Result<Option<Bytes>, StoreError> {
  let read = || {
    database
      .connection
      .prepare_cached("SELECT bytes, checksum FROM body WHERE id = ?")?
      .query_row([apply::blob(id)], |row| Ok((row.get(0)?, row.get(1)?)))
      .optional()
  };
  let found: Option<(Vec<u8>, i64)> =
    read().map_err(|error| database.error(error))?;
  match found {
    Some((bytes, checksum)) if apply::checksum(&bytes) != checksum => {
      let message = format!("{} has other bytes than were stored", id.0);
      Err(StoreError::DamagedBody(message))
    }
    found => Ok(found.map(|(bytes, _)| bytes.into())),
  }
}

fn body(row: &Row<'_>, place: usize) -> Result<Option<BodyId>, Damage> {
  let bytes: Option<[u8; 16]> = get(row, place)?;
  Ok(bytes.map(|bytes| BodyId(Uuid::from_bytes(bytes))))
}
