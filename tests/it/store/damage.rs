//! A directory that someone or something has damaged.

use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Change;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::store::background_fetch;
use crate::store::load;

/// A store with a healthy background fetch, one that `sql` damages, and
/// another healthy one.
async fn damaged(sql: &str) -> (TempDir, Store, BackgroundFetchKey) {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let mut keys = Vec::new();
  for id in ["before", "middle", "after"] {
    let row = background_fetch(id, 2);
    keys.push(store.insert(row).await.unwrap());
  }
  drop(store);
  let file = directory.path().join("facts.sqlite3");
  let connection = Connection::open(file).unwrap();
  connection
    .execute_batch(
      "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;",
    )
    .unwrap();
  let changed = connection.execute(sql, []).unwrap();
  assert_eq!(changed, 1, "{sql}");
  connection.close().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  (directory, store, keys[1])
}

#[tokio::test]
async fn a_damaged_row_does_not_hide_the_others() {
  let row = [
    ("icons = '{'", "icons"),
    ("result = 'perhaps'", "result"),
    ("failure_reason = 'bad luck'", "failure_reason"),
    ("download_total = '-1'", "download_total"),
    ("upload_total = -1", "upload_total"),
    ("uploaded = -7", "uploaded"),
    (
      "upload_total = 9223372036854775807",
      "more bytes than any disk",
    ),
    ("abnormal_ends = -1", "abnormal_ends"),
    ("paused = 2", "paused"),
    ("active = -1", "active"),
    ("records = 3", "2 of its 3 records"),
  ]
  .map(|(set, told)| {
    let sql = format!("UPDATE background_fetch SET {set} WHERE id = 'middle'");
    (sql, told)
  });
  let record = [
    ("request = 'null'", "record 1: request"),
    ("request = ''", "record 1: request"),
    ("response = '{}'", "record 1: response"),
    ("bytes = -1", "record 1: bytes is -1"),
    ("bytes = 9223372036854775807", "more bytes than any disk"),
    ("ahead = '[[9,8]]'", "record 1: ahead has 9 to 8"),
    ("ahead = '[[5,7],[7,9]]'", "record 1: ahead has 7 to 9"),
    ("ahead = '[5]'", "record 1: ahead"),
    ("result = 'perhaps'", "record 1: result"),
    ("response_body = x'00'", "record 1: response_body"),
    ("position = 5", "record 1"),
  ]
  .map(|(set, told)| {
    let sql = format!(
      "UPDATE record SET {set} WHERE position = 1 AND background_fetch =
       (SELECT key FROM background_fetch WHERE id = 'middle')"
    );
    (sql, told)
  });
  let lost = "DELETE FROM record WHERE position = 1 AND background_fetch =
     (SELECT key FROM background_fetch WHERE id = 'middle')";

  let all = row.into_iter().chain(record);
  for (sql, told) in all.chain([(lost.to_owned(), "1 of its 2 records")]) {
    let (_directory, store, key) = damaged(&sql).await;
    let rows = store.metadata.load().await.unwrap();
    let ids: Vec<_> = rows
      .iter()
      .flatten()
      .map(|row| row.background_fetch.id.as_str())
      .collect();
    assert_eq!(ids, ["before", "after"], "{sql}");
    let damage = rows[1].as_ref().unwrap_err();
    assert_eq!(damage.key, key, "{sql}");
    assert_eq!(damage.id.as_deref(), Some("middle"), "{sql}");
    let scope = damage.scope.as_ref().map(|scope| scope.as_str());
    assert_eq!(scope, Some("https://example.com/app/"), "{sql}");
    assert!(damage.message.contains(told), "{sql}: {}", damage.message);

    // It can be got rid of.
    let forgotten = vec![Change::Forgotten { key }];
    store.commit(forgotten).await.unwrap();
    assert_eq!(store.metadata.load().await.unwrap().len(), 2, "{sql}");
  }
}

#[tokio::test]
async fn a_damaged_scope_is_told_without_it() {
  let sql = "UPDATE background_fetch SET scope = 'no url' WHERE id = 'middle'";
  let (_directory, store, key) = damaged(sql).await;
  let rows = store.metadata.load().await.unwrap();
  let damage = rows[1].as_ref().unwrap_err();
  assert_eq!((damage.key, &damage.scope), (key, &None));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
  let directory = tempfile::tempdir().unwrap();
  let file = directory.path().join("facts.sqlite3");
  let text = "This is not a database. ".repeat(100);
  std::fs::write(&file, &text).unwrap();

  let error = Store::open_directory(directory.path()).err().unwrap();

  assert!(matches!(error, StoreError::Database(_)), "{error}");
  let told = error.to_string();
  assert!(told.contains(file.to_str().unwrap()), "{told}");
  assert!(told.contains("damaged"), "{told}");
  assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[tokio::test]
async fn a_broken_page_is_an_error_that_names_the_file() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let row = background_fetch("a", 1000);
  store.insert(row).await.unwrap();
  drop(store);
  let file = directory.path().join("facts.sqlite3");
  let mut bytes = std::fs::read(&file).unwrap();
  // All but the first page, which has the schema.
  bytes[4096..].fill(0x5a);
  std::fs::write(&file, bytes).unwrap();

  let store = Store::open_directory(directory.path()).unwrap();
  let error = store.metadata.load().await.unwrap_err();

  assert!(matches!(error, StoreError::Database(_)), "{error}");
  assert!(
    error.to_string().contains(file.to_str().unwrap()),
    "{error}"
  );
}

#[tokio::test]
async fn a_row_that_its_index_does_not_know_can_be_changed_again() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let row = background_fetch("middle", 1);
  let key = store.insert(row).await.unwrap();
  drop(store);
  let file = directory.path().join("facts.sqlite3");
  let mut bytes = std::fs::read(&file).unwrap();
  // Once in the table and once in the index: the id follows the scope.
  let name = b"https://example.com/app/middle";
  let is_name = |at: &usize| bytes[*at..].starts_with(name);
  let places: Vec<usize> = (0..bytes.len()).filter(is_name).collect();
  assert_eq!(places.len(), 2);
  bytes[places[0] + name.len() - 1] = b'x';
  std::fs::write(&file, bytes).unwrap();

  let store = Store::open_directory(directory.path()).unwrap();
  let aborted = vec![Change::Aborted { key }];
  store.commit(aborted).await.unwrap();
  assert!(!load(&store).await[0].active);
}
