//! How often the disk is made to write: callers that come together share it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use background_fetch::Origin;
use background_fetch::engine::Engine;
use background_fetch::engine::PermissionState;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::store::Change;
use background_fetch::store::Group;
use background_fetch::store::GroupOutcome;
use background_fetch::store::MetadataStore;
use background_fetch::store::Owner;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::Write;
use tokio::sync::watch;

use crate::engine::harness::*;
use crate::hooked_metadata::Hooks;
use crate::hooked_metadata::hooked;
use support::FaultServer;
use support::Resource;

const COUNT: usize = 200;

/// About five on a machine that has nothing else to do. On a busy one fewer of
/// them come together; each for itself would be 200, and 600.
const FEW: usize = 40;

/// Counts what is written, each with a flush; and keeps the first result and
/// the first end back until they may be written.
struct Counting {
  insertions: AtomicUsize,
  others: AtomicUsize,
  may_settle: watch::Sender<bool>,
  may_forget: watch::Sender<bool>,
}

#[async_trait]
impl Hooks for Counting {
  async fn write(
    &self,
    rows: &dyn MetadataStore,
    owner: Owner,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let has = |is_it: fn(&Change) -> bool| {
      groups.iter().flatten().any(|write| match write {
        Write::Changes(changes) => changes.iter().any(is_it),
        _ => false,
      })
    };
    let counter = match &groups[0][0] {
      Write::Insert(_) => &self.insertions,
      _ => &self.others,
    };
    counter.fetch_add(1, Ordering::SeqCst);
    if has(|change| matches!(change, Change::Settled { .. })) {
      let _ = self.may_settle.subscribe().wait_for(|may| *may).await;
    }
    if has(|change| matches!(change, Change::Forgotten { .. })) {
      let _ = self.may_forget.subscribe().wait_for(|may| *may).await;
    }
    rows.write(owner, groups).await
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_that_come_together_share_a_few_flushes() {
  let server = FaultServer::start().await;
  let url = server.serve("/small", Resource::bytes(4096, 1));
  let directory = tempfile::tempdir().unwrap();
  let counting = Arc::new(Counting {
    insertions: AtomicUsize::new(0),
    others: AtomicUsize::new(0),
    may_settle: watch::Sender::new(false),
    may_forget: watch::Sender::new(false),
  });
  let store = Store::open_directory(directory.path()).unwrap();
  let mut config = config();
  // None begins before all are registered.
  config.permission = Arc::new(|_: &Origin| PermissionState::Prompt);
  let engine = Engine::builder()
    .config(config)
    .start_blocking(hooked(store, counting.clone()))
    .unwrap();
  let realm = worker(&engine);
  let ids: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
  let urls = [url.as_str()];
  let fetches = ids.iter().map(|id| fetch(&realm, id, &urls));
  let fetches = bounded(futures::future::join_all(fetches)).await;
  let insertions = counting.insertions.load(Ordering::SeqCst);
  assert!(insertions <= FEW, "{insertions} for the registrations");

  // The first end is kept back, and with it what is written after it: so may be
  // the answer to an unpausing.
  let unpaused = fetches.iter().map(|fetch| engine.unpause(fetch.key));
  let unpaused = futures::future::join_all(unpaused);
  let observer = engine.observe();
  let all_are_whole = async {
    let is_whole = |s: &background_fetch::engine::BackgroundFetchSnapshot| {
      s.downloaded == 4096
    };
    while !engine.background_fetches().iter().all(is_whole) {
      observer.next().await;
    }
    counting.others.store(0, Ordering::SeqCst);
    counting.may_settle.send_replace(true);
  };
  let (unpaused, ()) =
    bounded(futures::future::join(unpaused, all_are_whole)).await;
  for unpaused in unpaused {
    assert_eq!(unpaused.unwrap(), UnpauseOutcome::Unpaused);
  }
  let mut leases = Vec::new();
  for _ in 0..COUNT {
    let (lease, name, snapshot) = next_event(&realm).await;
    assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
    leases.push(lease);
  }
  for lease in leases {
    lease.acknowledge();
  }
  counting.may_forget.send_replace(true);
  bounded(realm.idle()).await;
  let others = counting.others.load(Ordering::SeqCst);
  assert!(others <= FEW, "{others} for the results and the ends");
  bounded(engine.shutdown()).await;
  assert_eq!(rest(directory.path()), (0, 0));
}
