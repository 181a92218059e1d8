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

/// A body that was never appended to, and the row that speaks of it.
async fn held(store: &Store) -> (BackgroundFetchKey, BodyId) {
  let id = store.bodies.hold("0123456789".into()).unwrap();
  let key = store.insert(background_fetch("a", 1)).await.unwrap();
  store.commit(vec![response(key, Some(id))]).await.unwrap();
  (key, id)
}

#[tokio::test]
async fn a_body_that_came_as_a_whole_has_no_file_and_is_read_all_the_same() {
  let mut machine = Machine::new();
  let store = machine.store();
  let (key, id) = held(store).await;
  assert_eq!(read(store, id).await.unwrap(), b"0123456789");
  let small = store.bodies.read_small(&[(id, 10)]).await.unwrap();
  assert_eq!(small[&id], "0123456789");
  store
    .commit(vec![stored(key, id, b"0123456789")])
    .await
    .unwrap();
  store.bodies.are_in_rows(&[id]);
  assert_eq!(store.bodies.ids().await.unwrap(), []);
  assert!(!file_of(machine.path(), id).exists());
  // The next process makes it again of the row, if it needs a file.
  let store = machine.restart_process();
  assert!(read(store, id).await.is_err());
  restore(store, id).await;
  assert_eq!(read(store, id).await.unwrap(), b"0123456789");
}

#[tokio::test]
async fn a_body_without_a_file_gets_one_when_it_is_flushed_or_reopened() {
  for is_flushed in [false, true] {
    let mut machine = Machine::new();
    let store = machine.store();
    let (_, id) = held(store).await;
    match is_flushed {
      true => store.bodies.sync(&[id]).await.unwrap(),
      false => {
        let durable = Extents::default();
        let mut writer = store.bodies.reopen(id, &durable).await.unwrap();
        assert_eq!(writer.length(), 10);
        writer.append(vec!["ab".into()]).await.unwrap();
      }
    }
    assert_eq!(store.bodies.ids().await.unwrap(), [id]);
    let found = read(machine.restart_process(), id).await.unwrap();
    let expected: &[u8] = match is_flushed {
      true => b"0123456789",
      false => b"0123456789ab",
    };
    assert_eq!(found, expected);
  }
}

#[tokio::test]
async fn a_body_without_a_file_is_deleted() {
  let machine = Machine::new();
  let store = machine.store();
  let (_, id) = held(store).await;
  store.bodies.delete(id).await.unwrap();
  assert!(read(store, id).await.is_err());
  assert!(
    store
      .bodies
      .read_small(&[(id, 10)])
      .await
      .unwrap()
      .is_empty()
  );
  // Not an error, as for any other.
  store.bodies.sync(&[id]).await.unwrap();
  assert_eq!(store.bodies.ids().await.unwrap(), []);
}
