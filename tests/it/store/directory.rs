//! Owning a directory: who may, and what others see.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use background_fetch::spec::Extents;
use background_fetch::store::Change;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use rusqlite::Connection;

use crate::store::background_fetch;
use crate::store::body;
use crate::store::cannot_run::as_another_user;
use crate::store::cannot_run::is_root;
use crate::store::load;
use crate::store::shown;
use crate::store::some_body;

/// Every file below `directory` with its bytes.
fn snapshot(directory: &Path) -> BTreeMap<String, Vec<u8>> {
  let mut files = BTreeMap::new();
  for entry in std::fs::read_dir(directory).unwrap() {
    let path = entry.unwrap().path();
    if path.is_dir() {
      files.extend(snapshot(&path));
    } else {
      let name = path.to_str().unwrap().to_owned();
      files.insert(name, std::fs::read(&path).unwrap());
    }
  }
  files
}

#[tokio::test]
async fn a_store_is_there_again_when_it_is_opened_again() {
  let directory = tempfile::tempdir().unwrap();
  let place = directory.path().join("a/new/place");
  let store = Store::open_directory(&place).unwrap();
  let mut row = background_fetch("a", 2);
  row.key = store.insert(row.clone()).await.unwrap();
  let id = body(&store, b"bytes").await;
  drop(store);

  let store = Store::open_directory(&place).unwrap();
  let rows = load(&store).await;
  assert_eq!(rows.len(), 1);
  assert_eq!(shown(&rows[0]), shown(&row));
  assert_eq!(crate::store::read(&store, id).await.unwrap(), b"bytes");
}

#[tokio::test]
async fn an_insertion_that_is_not_waited_for_is_done_all_the_same() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  {
    store.ownership().await.unwrap();
    let insert = store.insert(background_fetch("a", 1));
    tokio::pin!(insert);
    // Asked for, and given up; the store's thread may have done it by now.
    let _ = futures::poll!(insert.as_mut());
  }
  drop(store);
  let store = Store::open_directory(directory.path()).unwrap();
  assert_eq!(load(&store).await.len(), 1);
}

#[tokio::test]
async fn a_batch_that_fails_changes_nothing() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  let mut row = background_fetch("a", 1);
  row.key = store.insert(row.clone()).await.unwrap();
  let key = row.key;
  // More than the database can count.
  let impossible = Change::Stored {
    key,
    record: 0,
    body: some_body(1),
    extents: Extents::prefix_of(u64::MAX),
    bytes: None,
  };
  let paused = Change::Paused { key, paused: true };
  let failed = store.commit(vec![paused, impossible]).await;
  assert!(matches!(failed, Err(StoreError::Database(_))));
  assert_eq!(shown(&load(&store).await[0]), shown(&row));
}

#[tokio::test]
async fn a_second_opening_is_refused_and_told_who_has_it() {
  let directory = tempfile::tempdir().unwrap();
  // Who had it before was killed.
  let earlier = "process 1 (something with a long name) ".repeat(5);
  std::fs::write(directory.path().join("lock"), earlier).unwrap();
  let store = Store::open_directory(directory.path()).unwrap();

  let error = Store::open_directory(directory.path()).err().unwrap();

  let StoreError::Locked { owner, .. } = &error else {
    panic!("{error}");
  };
  let me = std::env::current_exe().unwrap();
  let me = me.file_name().unwrap().to_string_lossy();
  assert_eq!(*owner, format!("process {} ({me})", std::process::id()));
  // The refused one took nothing away from the owner.
  store.insert(background_fetch("a", 1)).await.unwrap();
  assert!(Store::open_directory(directory.path()).is_err());
}

#[tokio::test]
async fn each_half_and_each_writer_keeps_the_directory() {
  let directory = tempfile::tempdir().unwrap();
  let Store {
    metadata, bodies, ..
  } = Store::open_directory(directory.path()).unwrap();
  let writer = bodies.create().await.unwrap();
  let is_locked = || {
    matches!(
      Store::open_directory(directory.path()),
      Err(StoreError::Locked { .. })
    )
  };
  drop(bodies);
  drop(metadata);
  assert!(is_locked());
  drop(writer);
  assert!(!is_locked());

  let Store {
    metadata, bodies, ..
  } = Store::open_directory(directory.path()).unwrap();
  drop(bodies);
  assert!(is_locked());
  drop(metadata);
  assert!(!is_locked());
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_untouched() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  store.insert(background_fetch("a", 1)).await.unwrap();
  drop(store);
  let database = directory.path().join("facts.sqlite3");
  // A newer version that was killed: its last changes are in the log only.
  let newer = Connection::open(&database).unwrap();
  newer
    .execute_batch(
      "PRAGMA user_version = 1000; PRAGMA wal_checkpoint(TRUNCATE);
       CREATE TABLE other (x);",
    )
    .unwrap();
  let copy = tempfile::tempdir().unwrap();
  for name in ["facts.sqlite3", "facts.sqlite3-wal", "boot", "lock"] {
    std::fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
  }
  std::fs::write(copy.path().join("boot"), "another boot\n").unwrap();
  let mut before = snapshot(copy.path());

  let error = Store::open_directory(copy.path()).err().unwrap();

  let StoreError::NewerVersion { found, known, .. } = error else {
    panic!("{error}");
  };
  assert_eq!((found, known), (1000, 8));
  let mut after = snapshot(copy.path());
  // The index of the log is not content: SQLite makes it again at will. The
  // lock says who came last.
  for files in [&mut before, &mut after] {
    files.retain(|name, _| !name.ends_with("-shm") && !name.ends_with("lock"));
  }
  assert_eq!(before.len(), 3);
  assert!(before == after, "something was changed");
  let error = Store::read_directory(copy.path()).unwrap_err();
  assert!(matches!(error, StoreError::NewerVersion { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_is_named() {
  for place in ["/dev/null/x", "/proc/no/store"] {
    let error = Store::open_directory(place).err().unwrap();
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
    assert!(error.to_string().contains(place), "{error}");
  }
}

/// The superuser may write everywhere.
#[test]
fn a_directory_that_cannot_be_written_is_named() {
  match is_root() {
    true => as_another_user("store::directory::it_cannot_be_written", &[]),
    false => it_cannot_be_written(),
  }
}

#[test]
#[ignore = "only another test runs it, as another user"]
fn it_cannot_be_written() {
  let directory = tempfile::tempdir().unwrap();
  let place = directory.path().join("store");
  drop(Store::open_directory(&place).unwrap());
  let mode = |mode| std::fs::Permissions::from_mode(mode);
  std::fs::set_permissions(&place, mode(0o500)).unwrap();
  let opened = Store::open_directory(&place);
  std::fs::set_permissions(&place, mode(0o700)).unwrap();
  let error = opened.err().unwrap();
  assert!(
    error.to_string().contains(place.to_str().unwrap()),
    "{error}"
  );
}

#[tokio::test]
async fn what_is_stored_is_the_user_s_alone() {
  let directory = tempfile::tempdir().unwrap();
  let place = directory.path().join("store");
  let store = Store::open_directory(&place).unwrap();
  store.insert(background_fetch("a", 1)).await.unwrap();
  body(&store, b"x").await;
  let mode =
    |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
  assert_eq!(mode(&place), 0o700);
  assert_eq!(mode(&place.join("bodies")), 0o700);
  for name in ["facts.sqlite3", "facts.sqlite3-wal", "lock"] {
    assert_eq!(mode(&place.join(name)), 0o600, "{name}");
  }
}

#[tokio::test]
async fn another_process_reads_along_and_changes_nothing() {
  let directory = tempfile::tempdir().unwrap();
  let store = Store::open_directory(directory.path()).unwrap();
  store.insert(background_fetch("a", 2)).await.unwrap();
  let count = || Store::read_directory(directory.path()).unwrap().len();
  assert_eq!(count(), 1);
  store.insert(background_fetch("b", 2)).await.unwrap();
  assert_eq!(count(), 2);
  drop(store);

  let before = snapshot(directory.path());
  assert_eq!(count(), 2);
  assert!(
    before == snapshot(directory.path()),
    "something was changed"
  );
}

#[tokio::test]
async fn reading_along_needs_a_store() {
  let directory = tempfile::tempdir().unwrap();
  for place in [directory.path().to_owned(), directory.path().join("no")] {
    let error = Store::read_directory(&place).unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
    assert!(!place.join("facts.sqlite3").exists());
  }
}

#[tokio::test]
async fn a_directory_that_vanishes_takes_no_more_and_says_so() {
  let directory = tempfile::tempdir().unwrap();
  let [place, away] = ["store", "away"].map(|n| directory.path().join(n));
  let store = Store::open_directory(&place).unwrap();
  let mut writer = store.bodies.create().await.unwrap();
  std::fs::rename(&place, &away).unwrap();

  let is_told = |error: StoreError| {
    let told = error.to_string();
    assert!(told.contains(place.to_str().unwrap()), "{told}");
    assert!(told.contains("deleted or moved"), "{told}");
  };
  let inserted = store.insert(background_fetch("a", 1)).await;
  is_told(inserted.unwrap_err());
  is_told(store.bodies.create().await.err().unwrap());
  // What is open can still be written; that may not be taken for durable.
  let _ = writer.append(vec!["x".into()]).await;
  is_told(store.bodies.sync(&[writer.id()]).await.unwrap_err());
  assert!(!place.exists(), "nothing is made in its place");

  // Back again, it is as good as before.
  std::fs::rename(&away, &place).unwrap();
  store.insert(background_fetch("a", 1)).await.unwrap();
  store.bodies.sync(&[writer.id()]).await.unwrap();
}
