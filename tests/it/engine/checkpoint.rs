//! Progress that cannot be made durable at first.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use background_fetch::engine::Engine;
use background_fetch::store::Change;
use background_fetch::store::Group;
use background_fetch::store::GroupOutcome;
use background_fetch::store::MetadataStore;
use background_fetch::store::Owner;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::Write;
use tokio::sync::Notify;

use crate::engine::harness::*;
use crate::hooked_metadata::Hooks;
use crate::hooked_metadata::hooked;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const SIZE: u64 = 1_000_000;

/// Writes nothing but registrations while it is told so.
struct Failing {
  fails: AtomicBool,
  refused: AtomicUsize,
  /// A commit has said that 300,000 bytes are stored.
  stored: Notify,
  changed: Notify,
}

#[async_trait]
impl Hooks for Failing {
  async fn write(
    &self,
    rows: &dyn MetadataStore,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let writes = groups.iter().flatten();
    let is_new = writes.clone().any(|w| matches!(w, Write::Insert(_)));
    if self.fails.load(Ordering::SeqCst) && !is_new {
      self.refused.fetch_add(1, Ordering::SeqCst);
      self.changed.notify_one();
      return Err(std::io::Error::from(std::io::ErrorKind::StorageFull).into());
    }
    let is_it = |fact: &Change| {
      matches!(fact, Change::Stored { extents, .. }
        if extents.prefix() == 300_000)
    };
    let tells = writes.filter_map(|write| match write {
      Write::Changes(changes) => Some(changes),
      _ => None,
    });
    let tells = tells.flatten().any(is_it);
    let outcomes = rows.write(owner, groups).await?;
    if tells {
      self.stored.notify_one();
    }
    Ok(outcomes)
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_that_was_not_durable_becomes_so_with_no_further_byte() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).script([StallAfter(300_000)]);
  let url = server.serve("/r", resource);
  let failing = Arc::new(Failing {
    fails: AtomicBool::new(true),
    refused: AtomicUsize::new(0),
    stored: Notify::new(),
    changed: Notify::new(),
  });
  let mut config = config();
  config.checkpoint.interval = Duration::from_millis(1);
  let store = hooked(Store::in_memory(), failing.clone());
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
