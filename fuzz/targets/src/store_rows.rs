//! The rows of a store that someone has damaged.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use background_fetch::spec::BackgroundFetch;
use background_fetch::spec::BackgroundFetchRecord;
use background_fetch::spec::BackgroundFetchResponse;
use background_fetch::spec::Request;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::RecordBodies;
use background_fetch::store::Store;
use background_fetch::store::StoredBackgroundFetch;
use url::Url;

/// The columns of a row, by a number, and what is in them.
const COLUMNS: [&str; 26] = [
  "background_fetch.scope",
  "background_fetch.id",
  "background_fetch.environment",
  "background_fetch.title",
  "background_fetch.icons",
  "background_fetch.download_total",
  "background_fetch.upload_total",
  "background_fetch.uploaded",
  "background_fetch.result",
  "background_fetch.failure_reason",
  "background_fetch.records_available",
  "background_fetch.paused",
  "background_fetch.abort_all",
  "background_fetch.active",
  "background_fetch.event_owed",
  "background_fetch.records",
  "record.position",
  "record.request",
  "record.request_body",
  "record.response",
  "record.response_body",
  "record.bytes",
  "record.result",
  "record.diagnostic",
  "background_fetch.retained_since",
  "background_fetch.undelivered",
];

/// Columns of the stored rows, overwritten: in each line a letter for the
/// column, one for the type, and the value. An unreadable row is reported; it
/// is not a panic, and another row can still be read.
pub fn store_rows(data: &[u8]) {
  let directory = tempfile::tempdir().unwrap();
  let file = directory.path().join("facts.sqlite3");
  std::fs::copy(pristine().join("facts.sqlite3"), &file).unwrap();
  let connection = rusqlite::Connection::open(&file).unwrap();
  connection
    .execute_batch(
      "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;
       PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY;",
    )
    .unwrap();
  for line in data.split(|&byte| byte == b'\n').take(8) {
    let [column, kind, value @ ..] = line else {
      continue;
    };
    let name = COLUMNS[usize::from(*column) % COLUMNS.len()];
    let (table, column) = name.split_once('.').unwrap();
    let which = match table {
      "record" => "background_fetch = 1",
      _ => "key = 1",
    };
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {which}");
    let text = String::from_utf8_lossy(value);
    // What does not fit the column's type at all is refused, and stays.
    let _ = match kind % 4 {
      0 => connection.execute(&sql, [text.as_ref()]),
      1 => connection.execute(&sql, [value]),
      2 => connection.execute(&sql, [text.trim().parse::<i64>().unwrap_or(-1)]),
      _ => connection.execute(&sql, [rusqlite::types::Null]),
    };
  }
  connection.close().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let rows = futures::executor::block_on(store.metadata.load()).unwrap();
  assert_eq!(rows.len(), 2);
  let healthy = rows[1].as_ref().expect("the other row can be read");
  assert_eq!(healthy.background_fetch.id, "healthy");
  if let Err(damage) = &rows[0] {
    assert!(!damage.message.is_empty());
  }
}

/// A directory with a store of two rows; the first one is going to be damaged.
fn pristine() -> &'static Path {
  static DIRECTORY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
  let (_, path) = DIRECTORY.get_or_init(|| {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_path_buf();
    let store = Store::open_directory(&path).unwrap();
    for id in ["damaged", "healthy"] {
      let row = stored(id);
      futures::executor::block_on(store.insert(row)).unwrap();
    }
    drop(store);
    (directory, path)
  });
  path
}

fn stored(id: &str) -> StoredBackgroundFetch {
  let record = BackgroundFetchRecord {
    request: Arc::new(Request::get(Url::parse("https://a.test/x").unwrap())),
    response_data: BackgroundFetchResponse::default(),
  };
  StoredBackgroundFetch {
    key: BackgroundFetchKey(0),
    scope: Url::parse("https://a.test/").unwrap(),
    environment: "{}".into(),
    background_fetch: BackgroundFetch {
      title: "a title".into(),
      ..BackgroundFetch::new(id.into(), vec![record])
    },
    bodies: vec![RecordBodies::default()],
    active: true,
    event_owed: false,
    abnormal_ends: 0,
    retained: None,
    created: 0,
  }
}
