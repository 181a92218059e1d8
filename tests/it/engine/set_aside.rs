//! A row that the database refuses holds nobody up.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use background_fetch::engine::Engine;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Change;
use background_fetch::store::DamagedRow;
use background_fetch::store::MetadataStore;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;
use background_fetch::store::StoredRegistration;
use tokio::sync::Notify;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

/// Refuses whatever is about one background fetch.
struct Refusing {
  metadata: Arc<dyn MetadataStore>,
  key: Mutex<Option<BackgroundFetchKey>>,
  refused: AtomicUsize,
  changed: Notify,
}

#[async_trait]
impl MetadataStore for Refusing {
  async fn load(
    &self,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    self.metadata.load().await
  }

  async fn insert(
    &self,
    row: StoredBackgroundFetch,
  ) -> Result<BackgroundFetchKey, StoreError> {
    self.metadata.insert(row).await
  }

  async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
    let key = *self.key.lock().unwrap();
    if changes.iter().any(|fact| Some(fact.key()) == key) {
      self.refused.fetch_add(1, Ordering::SeqCst);
      self.changed.notify_one();
      return Err(StoreError::Database("the row is damaged".into()));
    }
    self.metadata.commit(changes).await
  }

  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError> {
    self.metadata.registrations().await
  }

  async fn put_registration(
    &self,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    self.metadata.put_registration(registration).await
  }

  async fn remove_registration(
    &self,
    scope: &url::Url,
  ) -> Result<(), StoreError> {
    self.metadata.remove_registration(scope).await
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_is_set_aside_and_the_others_are_written_at_once() {
  let server = FaultServer::start().await;
  let held = server.serve("/held", Resource::text("x").script([Hold]));
  let free = server.serve("/free", Resource::bytes(10_000, 1));
  let Store {
    metadata,
    bodies,
    caches,
  } = Store::in_memory();
  let refusing = Arc::new(Refusing {
    metadata,
    key: Mutex::default(),
    refused: AtomicUsize::new(0),
    changed: Notify::new(),
  });
  let mut config = config();
  config.checkpoint.interval = Duration::from_millis(1);
  let store = Store {
    caches,
    metadata: refusing.clone(),
    bodies,
  };
  let engine = Engine::builder()
    .config(config)
    .start_blocking(store)
    .unwrap();
  let realm = worker(&engine);
  let key = fetch(&realm, "refused", &[&held]).await.key;
  *refusing.key.lock().unwrap() = Some(key);
  let title = |title: &str| realm.update_ui(key, Some(title.into()), None);
  title("first").await;
  // With the others, and then alone.
  while refusing.refused.load(Ordering::SeqCst) < 2 {
    bounded(refusing.changed.notified()).await;
  }
  for _ in 0..5 {
    title("next").await;
    fetch(&realm, "other", &[&free]).await;
    settle_one(&realm).await;
  }
  assert_eq!(refusing.refused.load(Ordering::SeqCst), 2);
  // Nothing is forgotten: it is tried again, at the end at the latest.
  *refusing.key.lock().unwrap() = None;
  title("last").await;
  bounded(engine.shutdown()).await;
  let rows = refusing.metadata.load().await.unwrap();
  let [Ok(row)] = rows.as_slice() else {
    panic!("{rows:?}");
  };
  assert_eq!(row.background_fetch.title, "last");
}

/// Handles the next event; the refused one continues.
async fn settle_one(realm: &background_fetch::engine::Realm) {
  let (lease, name, snapshot) = next_event(realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{}", snapshot.diagnostic);
  realm.event_handled(lease);
}
