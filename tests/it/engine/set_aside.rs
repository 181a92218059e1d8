//! A row that the database refuses holds up no other row.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use background_fetch::engine::Engine;
use background_fetch::store::BackgroundFetchKey;
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

/// Refuses whatever is about one background fetch.
struct Refusing {
  key: Mutex<Option<BackgroundFetchKey>>,
  refused: AtomicUsize,
  changed: Notify,
}

#[async_trait]
impl Hooks for Refusing {
  async fn write(
    &self,
    rows: &dyn MetadataStore,
    owner: Owner,
    mut groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let key = *self.key.lock().unwrap();
    let is_it = |write: &Write| match write {
      Write::Changes(facts) => facts.iter().any(|fact| Some(fact.key()) == key),
      _ => false,
    };
    let mut refused = Vec::new();
    for (index, group) in groups.iter_mut().enumerate() {
      if group.iter().any(is_it) {
        group.clear();
        refused.push(index);
        self.refused.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_one();
      }
    }
    let mut outcomes = rows.write(owner, groups).await?;
    for index in refused {
      let error = StoreError::Database("the row is damaged".into());
      outcomes[index].refused = Some((0, error));
    }
    Ok(outcomes)
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_row_is_set_aside_and_the_others_are_written_at_once() {
  let server = FaultServer::start().await;
  let held = server.serve("/held", Resource::text("x").script([Hold]));
  let free = server.serve("/free", Resource::bytes(10_000, 1));
  let refusing = Arc::new(Refusing {
    key: Mutex::default(),
    refused: AtomicUsize::new(0),
    changed: Notify::new(),
  });
  let mut config = config();
  config.checkpoint.interval = Duration::from_millis(1);
  let store = Store::in_memory();
  let rows = store.metadata.clone();
  let store = hooked(store, refusing.clone());
  let engine = Engine::builder()
    .config(config)
    .start_blocking(store)
    .unwrap();
  let realm = worker(&engine);
  let key = fetch(&realm, "refused", &[&held]).await.key;
  *refusing.key.lock().unwrap() = Some(key);
  let title = |title: &str| realm.update_ui(key, Some(title.into()), None);
  title("first").await;
  bounded(refusing.changed.notified()).await;
  for _ in 0..5 {
    title("next").await;
    fetch(&realm, "other", &[&free]).await;
    settle_one(&realm).await;
  }
  assert_eq!(refusing.refused.load(Ordering::SeqCst), 1);
  // Nothing is forgotten: it is tried again, at the end at the latest.
  *refusing.key.lock().unwrap() = None;
  title("last").await;
  bounded(engine.shutdown()).await;
  let rows = rows.load().await.unwrap();
  let [Ok(row)] = rows.as_slice() else {
    panic!("{rows:?}");
  };
  assert_eq!(row.background_fetch.title, "last");
}

/// Handles the next event; the refused one continues.
async fn settle_one(realm: &background_fetch::engine::Realm) {
  let (lease, name, snapshot) = next_event(realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  lease.acknowledge();
}
