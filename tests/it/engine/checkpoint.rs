//! Progress that cannot be made durable at first.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use background_fetch::engine::Engine;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::DamagedRow;
use background_fetch::store::Fact;
use background_fetch::store::Facts;
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
  facts: Arc<dyn Facts>,
  fails: AtomicBool,
  refused: AtomicUsize,
  /// A commit has said that 300,000 bytes are stored.
  stored: Notify,
  changed: Notify,
}

#[async_trait]
impl Facts for Failing {
  async fn load(
    &self,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    self.facts.load().await
  }

  async fn insert(
    &self,
    row: StoredBackgroundFetch,
  ) -> Result<BackgroundFetchKey, StoreError> {
    self.facts.insert(row).await
  }

  async fn commit(&self, facts: Vec<Fact>) -> Result<(), StoreError> {
    if self.fails.load(Ordering::SeqCst) {
      self.refused.fetch_add(1, Ordering::SeqCst);
      self.changed.notify_one();
      return Err(StoreError::Io(std::io::ErrorKind::StorageFull.into()));
    }
    let is_it =
      |fact: &Fact| matches!(fact, Fact::Stored { bytes: 300_000, .. });
    let tells = facts.iter().any(is_it);
    self.facts.commit(facts).await?;
    if tells {
      self.stored.notify_one();
    }
    Ok(())
  }

  async fn registrations(&self) -> Result<Vec<StoredRegistration>, StoreError> {
    self.facts.registrations().await
  }

  async fn put_registration(
    &self,
    registration: StoredRegistration,
  ) -> Result<(), StoreError> {
    self.facts.put_registration(registration).await
  }

  async fn remove_registration(
    &self,
    scope: &url::Url,
  ) -> Result<(), StoreError> {
    self.facts.remove_registration(scope).await
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_that_was_not_durable_becomes_so_with_no_further_byte() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).script([StallAfter(300_000)]);
  let url = server.serve("/r", resource);
  let Store {
    facts,
    bodies,
    caches,
  } = Store::in_memory();
  let failing = Arc::new(Failing {
    facts,
    fails: AtomicBool::new(true),
    refused: AtomicUsize::new(0),
    stored: Notify::new(),
    changed: Notify::new(),
  });
  let mut config = config();
  config.checkpoint.interval = Duration::from_millis(1);
  let store = Store {
    facts: failing.clone(),
    bodies,
    caches,
  };
  let engine = Engine::start(store, config).unwrap();
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
