//! Bodies whose bytes are in their rows.

use background_fetch::spec::Extents;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::BodyId;
use background_fetch::store::Change;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use bytes::Bytes;
use rusqlite::Connection;

use crate::store::Subject;
use crate::store::background_fetch;
use crate::store::body;
use crate::store::for_both;
use crate::store::read;
use crate::store::restart::Machine;
use crate::store::restart::file_of;
use crate::store::restart::reopened;
use crate::store::some_body;

for_both! {
  the_bytes_of_a_body_stay_as_long_as_its_row_speaks_of_them,
}

fn response(key: BackgroundFetchKey, body: Option<BodyId>) -> Change {
  Change::Response {
    key,
    record: 0,
    response: None,
    body,
  }
}

fn stored(
  key: BackgroundFetchKey,
  body: BodyId,
  bytes: &'static [u8],
) -> Change {
  Change::Stored {
    key,
    record: 0,
    body,
    extents: Extents::prefix_of(bytes.len() as u64),
    bytes: Some(Bytes::from_static(bytes)),
  }
}

async fn the_bytes_of_a_body_stay_as_long_as_its_row_speaks_of_them(
  subject: Subject,
) {
  let store = &subject.store;
  let key = store.insert(background_fetch("a", 1)).await.unwrap();
  let commit = async |change| store.commit(vec![change]).await.unwrap();
  let of = async |n| store.metadata.body(some_body(n)).await.unwrap();
  // What is not the record's body leaves nothing.
  commit(stored(key, some_body(1), b"early")).await;
  assert_eq!(of(1).await, None);
  commit(response(key, Some(some_body(1)))).await;
  commit(stored(key, some_body(1), b"one")).await;
  assert_eq!(of(1).await.unwrap(), "one");
  commit(stored(key, some_body(1), b"one and more")).await;
  assert_eq!(of(1).await.unwrap(), "one and more");
  // The head of the same response once more.
  commit(response(key, Some(some_body(1)))).await;
  assert_eq!(of(1).await.unwrap(), "one and more");
  // Another body takes its place, and is flushed when it has grown.
  commit(response(key, Some(some_body(2)))).await;
  commit(stored(key, some_body(1), b"late")).await;
  assert_eq!(of(1).await, None);
  commit(stored(key, some_body(2), b"two")).await;
  assert_eq!(of(2).await.unwrap(), "two");
  commit(Change::Stored {
    key,
    record: 0,
    body: some_body(2),
    extents: Extents::prefix_of(100_000),
    bytes: None,
  })
  .await;
  assert_eq!(of(2).await, None);
  commit(response(key, None)).await;
  commit(response(key, Some(some_body(3)))).await;
  commit(stored(key, some_body(3), b"three")).await;
  commit(Change::Forgotten { key }).await;
  assert_eq!(of(3).await, None);
}

/// A store with a body of ten bytes, seven of which are in its row.
async fn machine() -> (Machine, BodyId) {
  let machine = Machine::new();
  let store = machine.store();
  let id = body(store, b"0123456789").await;
  let key = store.insert(background_fetch("a", 1)).await.unwrap();
  let changes = vec![response(key, Some(id)), stored(key, id, b"0123456")];
  store.commit(changes).await.unwrap();
  (machine, id)
}

async fn restore(store: &Store, id: BodyId) {
  let bytes = store.metadata.body(id).await.unwrap().unwrap();
  store.bodies.restore(id, bytes).await.unwrap();
}

#[tokio::test]
async fn a_killed_process_loses_no_byte_that_was_not_in_the_row_yet() {
  let (mut machine, id) = machine().await;
  let store = machine.restart_process();
  restore(store, id).await;
  assert_eq!(reopened(store, id, 7).await, 10);
  assert_eq!(read(store, id).await.unwrap(), b"0123456789");
}

/// The file was never flushed: it is torn, or has no name.
#[tokio::test]
async fn after_a_power_failure_the_bytes_in_the_row_count() {
  for is_lost in [false, true] {
    let (mut machine, id) = machine().await;
    let store = machine.restart_after_power_failure(|directory| {
      let file = file_of(directory, id);
      match is_lost {
        true => std::fs::remove_file(file).unwrap(),
        false => std::fs::write(file, b"01\0\0\0\0\0\0").unwrap(),
      }
    });
    restore(store, id).await;
    assert_eq!(read(store, id).await.unwrap(), b"0123456");
    // It is as good as any other from then on.
    let mut writer = store
      .bodies
      .reopen(id, &Extents::prefix_of(7))
      .await
      .unwrap();
    writer.append(vec!["78".into()]).await.unwrap();
    drop(writer);
    let store = machine.restart_process();
    restore(store, id).await;
    assert_eq!(reopened(store, id, 7).await, 9);
    assert_eq!(read(store, id).await.unwrap(), b"012345678");
  }
}

/// A process may be killed while it makes a body again.
#[tokio::test]
async fn a_body_that_was_not_made_again_to_its_end_is_made_again() {
  let (mut machine, id) = machine().await;
  let store = machine.restart_after_power_failure(|directory| {
    std::fs::remove_file(file_of(directory, id)).unwrap();
  });
  restore(store, id).await;
  std::fs::write(file_of(machine.path(), id), b"012").unwrap();
  let store = machine.restart_process();
  restore(store, id).await;
  assert_eq!(read(store, id).await.unwrap(), b"0123456");
}

#[tokio::test]
async fn bytes_are_read_for_a_row_unless_the_body_is_gone() {
  let machine = Machine::new();
  let store = machine.store();
  let id = body(store, b"0123456789").await;
  let gone = body(store, b"gone").await;
  store.bodies.delete(gone).await.unwrap();
  let read = store
    .bodies
    .read_small(&[(id, 4), (gone, 4)])
    .await
    .unwrap();
  assert_eq!(read.len(), 1);
  assert_eq!(read[&id], "0123");
  // One that does not have them has lost some.
  let short = store.bodies.read_small(&[(gone, 4), (id, 11)]).await;
  let Err(StoreError::Unsynced { bodies, .. }) = short else {
    panic!("{short:?}");
  };
  assert_eq!(bodies, [id]);
}

#[tokio::test]
async fn a_flipped_bit_in_the_bytes_is_noticed() {
  let (mut machine, id) = machine().await;
  let store = machine.restart_after(|directory| {
    let database = Connection::open(directory.join("facts.sqlite3")).unwrap();
    let flipped = "UPDATE body SET bytes = x'30313233343537'";
    assert_eq!(database.execute(flipped, []).unwrap(), 1);
  });
  let read = store.metadata.body(id).await;
  assert!(matches!(read, Err(StoreError::DamagedBody(_))), "{read:?}");
}
