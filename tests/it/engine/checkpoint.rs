//! Progress that cannot be made durable at first.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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

const SIZE: u64 = 1_000_000;

/// Refuses to commit while it is told to.
struct Failing {
  metadata: Arc<dyn MetadataStore>,
  fails: AtomicBool,
  refused: AtomicUsize,
  /// A commit has said that 300,000 bytes are stored.
  stored: Notify,
  changed: Notify,
}

#[async_trait]
impl MetadataStore for Failing {
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
    if self.fails.load(Ordering::SeqCst) {
      self.refused.fetch_add(1, Ordering::SeqCst);
      self.changed.notify_one();
      return Err(StoreError::Io(std::io::ErrorKind::StorageFull.into()));
    }
    let is_it = |fact: &Change| {
      matches!(fact, Change::Stored { extents, .. }
        if extents.prefix() == 300_000)
    };
    let tells = changes.iter().any(is_it);
    self.metadata.commit(changes).await?;
    if tells {
      self.stored.notify_one();
    }
    Ok(())
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
async fn progress_that_was_not_durable_becomes_so_with_no_further_byte() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).script([StallAfter(300_000)]);
  let url = server.serve("/r", resource);
  let Store {
    metadata,
    bodies,
    caches,
  } = Store::in_memory();
  let failing = Arc::new(Failing {
    metadata,
    fails: AtomicBool::new(true),
    refused: AtomicUsize::new(0),
    stored: Notify::new(),
    changed: Notify::new(),
  });
  let mut config = config();
  config.checkpoint.interval = Duration::from_millis(1);
  let store = Store {
    metadata: failing.clone(),
    bodies,
    caches,
  };
  let engine = Engine::builder()
    .config(config)
    .start_blocking(store)
    .unwrap();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&url]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 300_000).await;
  // Refused with everything that there is to say, and once more.
  let refused = failing.refused.load(Ordering::SeqCst);
  while failing.refused.load(Ordering::SeqCst) < refused + 2 {
    bounded(failing.changed.notified()).await;
  }
  failing.fails.store(false, Ordering::SeqCst);
  bounded(failing.stored.notified()).await;
}
