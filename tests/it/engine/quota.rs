//! What an origin may hold in the store.

use std::sync::Arc;

use background_fetch::engine::Engine;
use background_fetch::engine::FetchError;
use background_fetch::spec::BackgroundFetchFailureReason::QuotaExceeded;
use background_fetch::store::Store;
use bytes::Bytes;

use crate::engine::harness::*;
use support::FaultServer;
use support::Resource;
use url::Origin;

fn with_quota(bytes: u64) -> Engine {
  let mut config = config();
  config.quota = Arc::new(move |_: &Origin| Some(bytes));
  Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap()
}

// steps: fetch.8.9
#[tokio::test(flavor = "multi_thread")]
async fn a_download_total_over_the_quota_is_refused() {
  let realm = worker(&with_quota(1000));
  let refused = try_fetch(&realm, "id", &["http://a.test/"], 1001).await;
  let Err(FetchError::QuotaExceeded {
    quota, requested, ..
  }) = refused
  else {
    panic!("not refused: {refused:?}");
  };
  assert_eq!((quota, requested), (Some(1000), Some(1001)));
  assert!(realm.get_ids().is_empty());
}

// steps: complete.11.response.6.3
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_stops_at_the_quota_and_its_space_is_given_back() {
  let server = FaultServer::start().await;
  server.serve("/big", Resource::bytes(1_000_000, 1));
  server.serve("/small", Resource::bytes(400_000, 1));
  let realm = worker(&with_quota(500_000));
  let (big, small) = (server.url("/big"), server.url("/small"));
  fetch(&realm, "big", &[&big]).await;
  let failed = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(failed.failure_reason, QuotaExceeded);
  assert!(failed.downloaded <= 500_000, "{}", failed.downloaded);
  // Twice, so that what is not given back would be missed.
  for _ in 0..2 {
    fetch(&realm, "small", &[&small]).await;
    settle(&realm, "backgroundfetchsuccess").await;
  }
}

// steps: fetch.8.9
#[tokio::test(flavor = "multi_thread")]
async fn a_request_body_over_the_quota_is_refused() {
  let realm = worker(&with_quota(1000));
  for _ in 0..2 {
    let mut body = bounded(realm.create_request_body()).await.unwrap();
    body.write(Bytes::from(vec![0; 1000])).await.unwrap();
    let refused = body.write(Bytes::from_static(b"x")).await;
    assert!(matches!(
      refused,
      Err(FetchError::QuotaExceeded {
        quota: Some(1000),
        ..
      })
    ));
    // Dropped: the second round has the whole quota again.
  }
}

// steps: fetch.8.9
#[tokio::test(flavor = "multi_thread")]
async fn without_a_limit_it_is_what_the_disk_can_still_take() {
  const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
  let directory = tempfile::tempdir().unwrap();
  let engines = [on_disk(directory.path()), in_memory()];
  for engine in engines {
    let realm = worker(&engine);
    let url = ["http://a.test/"];
    let refused = try_fetch(&realm, "id", &url, MAX_SAFE_INTEGER).await;
    let Err(FetchError::QuotaExceeded {
      quota: Some(quota),
      requested: Some(requested),
      ..
    }) = refused
    else {
      panic!("not refused: {refused:?}");
    };
    assert_eq!(requested, MAX_SAFE_INTEGER);
    assert!(0 < quota && quota < requested, "{quota}");
    assert!(realm.get_ids().is_empty());
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_origin_uses_and_may_use_can_be_asked() {
  let server = FaultServer::start().await;
  let url = server.serve("/a", Resource::bytes(1000, 1));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  fetch(&realm, "a", &[&url]).await;
  let (lease, ..) = next_event(&realm).await;
  let origin = realm_options().url.origin();
  let estimate = bounded(engine.storage_estimate(&origin)).await.unwrap();
  assert_eq!(estimate.usage, 1000);
  assert!(estimate.quota.unwrap() > 1000);
  lease.acknowledge();
  bounded(realm.idle()).await;
  let estimate = bounded(engine.storage_estimate(&origin)).await.unwrap();
  assert_eq!(estimate.usage, 0);
  let limited = with_quota(500);
  let estimate = bounded(limited.storage_estimate(&origin)).await.unwrap();
  assert_eq!((estimate.usage, estimate.quota), (0, Some(500)));
}
