//! No more bytes than may move.
//!
//! What is checked holds however slow the machine is: the clock is read after
//! the bytes were counted, so it can only have moved on.

use std::num::NonZeroU64;
use std::time::Duration;
use std::time::Instant;

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::Engine;
use background_fetch::engine::NewRecord;
use background_fetch::spec::Request;
use background_fetch::store::Store;
use bytes::Bytes;
use url::Url;

use crate::engine::harness::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);
/// In bytes per second.
const RATE: u64 = 1_000_000;

fn limited() -> Engine {
  let mut config = config();
  config.network.limit_rate = NonZeroU64::new(RATE);
  Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap()
}

/// How many bytes may have moved since `begin`: what a late timer makes good
/// for, and a piece for each of a few transfers, come on top.
fn allowed_since(begin: Instant) -> u64 {
  (RATE as f64 * (begin.elapsed().as_secs_f64() + 0.3)) as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn two_downloads_share_the_limit_and_both_go_on() {
  let server = FaultServer::start().await;
  let urls = ["/a", "/b"]
    .map(|path| server.serve(path, Resource::bytes(100_000_000, 1)));
  let engine = limited();
  let realm = worker(&engine);
  let begin = Instant::now();
  let mut keys = Vec::new();
  for (id, url) in ["a", "b"].into_iter().zip(&urls) {
    keys.push(fetch(&realm, id, &[url]).await.key);
  }
  for key in keys {
    wait_for(&engine, key, |s| s.downloaded >= 200_000).await;
  }
  let all = engine.background_fetches();
  let downloaded: u64 = all.iter().map(|s| s.downloaded).sum();
  assert!(downloaded <= allowed_since(begin), "{downloaded}");
  // The servers are made to wait; the rest is in the kernel's buffers.
  let sent: u64 = server.requests().iter().map(|r| r.sent).sum();
  assert!(sent < 50_000_000, "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_limited_too() {
  let server = FaultServer::start().await;
  let url = server.serve("/up", Resource::text("thanks"));
  let realm = worker(&limited());
  let mut body = bounded(realm.create_request_body()).await.unwrap();
  bounded(body.write(Bytes::from(vec![7; 500_000])))
    .await
    .unwrap();
  let mut request = Request::get(Url::parse(&url).unwrap());
  request.method = "POST".into();
  let body = Some(body.finish());
  let record = NewRecord { request, body };
  let options = BackgroundFetchOptions::default();
  let begin = Instant::now();
  let fetched = realm.fetch("up".into(), vec![record], options);
  bounded(fetched).await.unwrap();
  let most = |seen: &[support::SeenRequest]| {
    seen.iter().map(|r| r.body_length).max().unwrap_or_default()
  };
  server.wait_until(BOUND, |seen| most(seen) >= 250_000).await;
  let received = most(&server.requests());
  assert!(received <= allowed_since(begin), "{received}");
  settle(&realm, "backgroundfetchsuccess").await;
}
