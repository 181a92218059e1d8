//! Disks that are full, and stores that are gone.

use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::spec::BackgroundFetchFailureReason::QuotaExceeded;
use background_fetch::spec::BackgroundFetchResult;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::SmallDisk;
use support::content;

const BOUND: Duration = Duration::from_secs(240);
const MIB: u64 = 1024 * 1024;

// steps: complete.11.response.6.3
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
async fn a_full_disk_fails_what_does_not_fit_and_the_rest_goes_on() {
  let disk = SmallDisk::mount(8);
  let server = FaultServer::start().await;
  server.serve("/big", Resource::bytes(20 * MIB, 1));
  let small = Resource::bytes(2 * MIB, 2).etag("\"2\"");
  server.serve("/small", small.script([StallAfter(MIB), Normal]));
  let engine = on_disk(&disk.path().join("store"));
  let realm = worker(&engine);
  let small = fetch(&realm, "small", &[&server.url("/small")]).await.key;
  wait_for(&engine, small, |s| s.downloaded == MIB).await;
  fetch(&realm, "big", &[&server.url("/big")]).await;
  let (lease, name, big) = next_event(&realm).await;
  assert_eq!((name, big.id.as_str()), ("backgroundfetchfail", "big"));
  assert_eq!(big.failure_reason, QuotaExceeded);
  assert!(
    big
      .diagnostic
      .as_deref()
      .unwrap_or_default()
      .contains("space"),
    "{:?}",
    big.diagnostic
  );
  lease.acknowledge();
  server.wait_until_stalled("/small", BOUND).await;
  server.release("/small");
  let (_, name, told) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", told.diagnostic);
  let body = read(&records(&realm, small)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(2 * MIB, 2));
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(without_mount, ignore = "it needs the right to mount")]
async fn a_failure_makes_room_for_itself_where_nothing_was_set_aside() {
  let disk = SmallDisk::mount(4);
  let place = disk.path().join("store");
  drop(background_fetch::store::Store::open_directory(&place).unwrap());
  std::fs::remove_file(place.join("reserve")).unwrap();
  // Too little for the reserve.
  disk.fill_up_to(600_000);
  let server = FaultServer::start().await;
  server.serve("/big", Resource::bytes(20 * MIB, 1));
  let engine = on_disk(&place);
  let realm = worker(&engine);
  fetch(&realm, "big", &[&server.url("/big")]).await;
  let failed = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(failed.failure_reason, QuotaExceeded);
  assert_eq!(rest(&place), (0, 0));
}

/// An engine whose store is away for a while, with one transfer that stands
/// still.
#[tokio::test(flavor = "multi_thread")]
async fn an_abort_that_failed_does_not_come_true_later() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(MIB, 1).etag("\"1\"");
  server.serve("/r", resource.script([StallAfter(1000), Normal]));
  let directory = tempfile::tempdir().unwrap();
  let [place, away] = ["store", "away"].map(|n| directory.path().join(n));
  let engine = on_disk(&place);
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 1000).await;
  std::fs::rename(&place, &away).unwrap();
  let error = bounded(realm.abort(key)).await.unwrap_err().to_string();
  assert!(error.contains("deleted or moved"), "{error}");
  let refused = try_fetch(&realm, "other", &[&server.url("/r")], 0).await;
  let refused = refused.unwrap_err().to_string();
  assert!(refused.contains("deleted or moved"), "{refused}");
  assert_eq!(realm.get_ids(), ["r"]);
  std::fs::rename(&away, &place).unwrap();
  // Everything that was kept for later is written now.
  assert_eq!(
    bounded(engine.pause(key)).await.unwrap(),
    PauseOutcome::Paused
  );
  bounded(engine.shutdown()).await;
  drop(realm);

  let engine = on_disk(&place);
  let realm = worker(&engine);
  assert_eq!(realm.get_ids(), ["r"]);
  assert_eq!(
    bounded(engine.unpause(key)).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  settle(&realm, "backgroundfetchsuccess").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_waits_for_a_store_that_is_away_and_is_told_when_it_is_back() {
  let server = FaultServer::start().await;
  // Too large to do without a file.
  let resource = Resource::bytes(100_000, 1).script([Hold, Normal]);
  server.serve("/r", resource);
  let directory = tempfile::tempdir().unwrap();
  let [place, away] = ["store", "away"].map(|n| directory.path().join(n));
  let engine = on_disk(&place);
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  server.wait_until_stalled("/r", BOUND).await;
  // Paused is not remembered, and is so all the same.
  std::fs::rename(&place, &away).unwrap();
  bounded(engine.pause(key)).await.unwrap_err();
  assert!(snapshot(&engine).paused);
  bounded(engine.unpause(key)).await.unwrap_err();
  server.release("/r");
  bounded(async {
    while snapshot(&engine).diagnostic.is_none() {
      tokio::task::yield_now().await;
    }
  })
  .await;
  assert_eq!(snapshot(&engine).result, BackgroundFetchResult::None);
  std::fs::rename(&away, &place).unwrap();
  let told = settle(&realm, "backgroundfetchfail").await;
  assert!(
    told
      .diagnostic
      .as_deref()
      .unwrap_or_default()
      .contains("deleted or moved"),
    "{told:?}"
  );
  bounded(engine.shutdown()).await;
  assert_eq!(rest(&place), (0, 0));
}

/// It needs nothing of the store before its row.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_response_that_comes_while_the_store_is_away_is_not_lost() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("small").script([Hold, Normal]));
  let directory = tempfile::tempdir().unwrap();
  let [place, away] = ["store", "away"].map(|n| directory.path().join(n));
  let engine = on_disk(&place);
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  server.wait_until_stalled("/r", BOUND).await;
  std::fs::rename(&place, &away).unwrap();
  server.release("/r");
  bounded(async {
    while snapshot(&engine).downloaded < 5 {
      tokio::task::yield_now().await;
    }
  })
  .await;
  assert_eq!(snapshot(&engine).result, BackgroundFetchResult::None);
  std::fs::rename(&away, &place).unwrap();
  let (lease, event, _) = next_event(&realm).await;
  assert_eq!(event, "backgroundfetchsuccess");
  let record = engine.records(key).remove(0);
  let bytes = bounded(record.read(0, 100)).await.unwrap();
  assert_eq!(bytes.as_deref(), Some(b"small".as_slice()));
  drop(record);
  lease.acknowledge();
  bounded(realm.idle()).await;
  bounded(engine.shutdown()).await;
  assert_eq!(rest(&place), (0, 0));
}

fn snapshot(
  engine: &Engine,
) -> background_fetch::engine::BackgroundFetchSnapshot {
  engine.background_fetches().remove(0)
}
