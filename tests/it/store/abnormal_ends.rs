//! How often a process died is counted for what was under way.

use background_fetch::spec::RecordResult;
use background_fetch::store::Change;
use background_fetch::store::Store;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::store::background_fetch;
use crate::store::load_one;
use crate::store::some_body;
use crate::store::stored_in;

/// A store whose last owner has died, with what it had written: the log and
/// all else as they were in that moment.
async fn died(store: Store, directory: &TempDir) -> Store {
  let copy = tempfile::tempdir().unwrap();
  let names = ["facts.sqlite3", "facts.sqlite3-wal"];
  for name in names {
    std::fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
  }
  drop(store);
  for name in names {
    std::fs::copy(copy.path().join(name), directory.path().join(name)).unwrap();
  }
  open(directory).await
}

/// Opens the store as its next owner.
async fn open(directory: &TempDir) -> Store {
  let store = Store::open_directory(directory.path()).unwrap();
  store.take_over().await.unwrap()
}

#[tokio::test]
async fn only_what_was_under_way_has_one_more() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let metadata = store.clone();
  let mut keys = Vec::new();
  for id in ["under way", "paused", "aborted"] {
    keys.push(metadata.insert(background_fetch(id, 1)).await.unwrap());
  }
  let others = vec![
    Change::Paused {
      key: keys[1],
      paused: true,
    },
    Change::Aborted { key: keys[2] },
  ];
  metadata.commit(others).await.unwrap();
  drop(metadata);
  let mut store = store;
  for times in 1..4 {
    store = died(store, &directory).await;
    let row = load_one(&store, keys[0]).await;
    assert_eq!(row.abnormal_ends, times);
    assert_eq!(row.is_quarantined(), times == 3);
  }
  for key in &keys[1..] {
    assert_eq!(load_one(&store, *key).await.abnormal_ends, 0);
  }
  // An orderly end adds nothing.
  drop(store);
  let store = open(&directory).await;
  assert_eq!(load_one(&store, keys[0]).await.abnormal_ends, 3);
}

#[tokio::test]
async fn progress_makes_up_for_them_and_the_same_bytes_again_do_not() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let key = store.insert(background_fetch("a", 2)).await.unwrap();
  let result = Change::RecordResult {
    key,
    record: 1,
    result: RecordResult::Success,
    diagnostic: String::new(),
  };
  let steps = [
    (stored_in(key, 0, some_body(1), 10), 0),
    // From the beginning, and not as far as before.
    (stored_in(key, 0, some_body(2), 10), 1),
    (stored_in(key, 0, some_body(3), 11), 0),
    (vec![result], 0),
    (vec![Change::Paused { key, paused: false }], 1),
    (vec![Change::Released { key }], 0),
  ];
  let mut store = store;
  for (changes, left) in steps {
    let told = format!("{changes:?}");
    store = died(store, &directory).await;
    assert_eq!(load_one(&store, key).await.abnormal_ends, 1, "{told}");
    store.commit(changes).await.unwrap();
    assert_eq!(load_one(&store, key).await.abnormal_ends, left, "{told}");
    store.commit(vec![Change::Released { key }]).await.unwrap();
  }
}

#[tokio::test]
async fn the_power_is_not_the_program() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let key = store.insert(background_fetch("a", 1)).await.unwrap();
  drop(store);
  let database = directory.path().join("facts.sqlite3");
  let connection = Connection::open(database).unwrap();
  connection
    .execute("UPDATE owner SET boot = 'another boot', is_open = 1", [])
    .unwrap();
  drop(connection);
  let store = open(&directory).await;
  assert_eq!(load_one(&store, key).await.abnormal_ends, 0);
}
