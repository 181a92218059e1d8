//! Who may change a store, and whose the background fetches in it are.

use background_fetch::store::Change;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredRegistration;

use crate::store::Subject;
use crate::store::background_fetch;
use crate::store::for_both;
use crate::store::load;

for_both!(
  an_earlier_owner_changes_nothing,
  each_background_fetch_is_claimed_once_by_each_owner,
);

fn is_refused<T: std::fmt::Debug>(result: Result<T, StoreError>) {
  match result {
    Err(StoreError::TakenOver { own, current }) => assert!(own < current),
    other => panic!("not refused: {other:?}"),
  }
}

async fn an_earlier_owner_changes_nothing(subject: Subject) {
  let first = subject.store.take_over().await.unwrap();
  let key = first.insert(background_fetch("a", 1)).await.unwrap();
  let second = first.take_over().await.unwrap();
  let before = format!("{:?}", load(&second).await);

  is_refused(first.commit(vec![Change::Aborted { key }]).await);
  is_refused(first.insert(background_fetch("b", 1)).await);
  is_refused(first.put_registration(registration()).await);
  let scope = registration().scope;
  is_refused(first.remove_registration(&scope).await);
  let owner = first.ownership().await.unwrap();
  is_refused(first.metadata.claim(owner, 1).await);
  assert_eq!(format!("{:?}", load(&second).await), before);
  let registrations = second.metadata.registrations().await.unwrap();
  assert_eq!(registrations, []);

  second.commit(vec![Change::Aborted { key }]).await.unwrap();
  assert!(!load(&second).await[0].active);
}

fn registration() -> StoredRegistration {
  StoredRegistration {
    scope: url::Url::parse("https://example.com/").unwrap(),
    document: "{}".into(),
    active: None,
    waiting: None,
  }
}

async fn claimed(store: &Store, limit: usize) -> Vec<String> {
  let owner = store.ownership().await.unwrap();
  let rows = store.metadata.claim(owner, limit).await.unwrap();
  let ids = rows.into_iter().map(|row| row.unwrap().background_fetch.id);
  ids.collect()
}

async fn each_background_fetch_is_claimed_once_by_each_owner(subject: Subject) {
  let first = subject.store.take_over().await.unwrap();
  for id in ["a", "b", "c"] {
    first.insert(background_fetch(id, 1)).await.unwrap();
  }
  // They are its own already.
  assert!(claimed(&first, 10).await.is_empty());
  let second = first.take_over().await.unwrap();
  assert_eq!(claimed(&second, 2).await, ["a", "b"]);
  second.insert(background_fetch("d", 1)).await.unwrap();
  assert_eq!(claimed(&second, 2).await, ["c"]);
  assert!(claimed(&second, 2).await.is_empty());
  let third = second.take_over().await.unwrap();
  assert_eq!(claimed(&third, 10).await, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn an_epoch_is_never_had_twice() {
  let directory = tempfile::tempdir().unwrap();
  let mut last = 0;
  for _ in 0..3 {
    let store = Store::open_directory(directory.path()).unwrap();
    let epoch = store.ownership().await.unwrap().epoch;
    assert!(epoch > last);
    last = epoch;
  }
}
