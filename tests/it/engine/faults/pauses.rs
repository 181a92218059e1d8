//! Pauses, over every protocol and a restart.

use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::UnpauseOutcome;

use super::case::config_for;
use crate::engine::harness::*;
use support::Behaviour::*;
use support::Ending;
use support::FaultServer;
use support::Protocol;
use support::Resource;
use support::content;

const BOUND: Duration = Duration::from_secs(240);
const SIZE: u64 = 3_000_000;

async fn pauses_and_goes_on_over(protocol: Protocol) {
  let server = FaultServer::start_with(protocol).await;
  // As it is sent the first time it would take a minute.
  let slow = Throttle {
    bytes_per_second: 50_000,
  };
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"");
  let url = server.serve("/r", resource.script([slow, Normal]));
  let directory = tempfile::tempdir().unwrap();
  let open = || {
    Engine::builder()
      .config(config_for(&server))
      .open_blocking(directory.path())
      .unwrap()
  };
  let engine = open();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&url]).await.key;
  wait_for(&engine, key, |s| s.downloaded > 0).await;
  assert_eq!(
    bounded(engine.pause(key)).await.unwrap(),
    PauseOutcome::Paused
  );
  // The server sees the connection close, or its stream reset.
  let let_go =
    server.wait_until(BOUND, |seen| seen[0].ending == Some(Ending::Abandoned));
  bounded(let_go).await;
  assert!(server.requests()[0].sent < SIZE / 2, "{protocol:?}");
  bounded(engine.shutdown()).await;
  drop(realm);

  let engine = open();
  let realm = worker(&engine);
  let paused = engine.background_fetches().remove(0);
  assert!(paused.paused && paused.downloaded > 0, "{protocol:?}");
  assert_eq!(server.requests().len(), 1, "{protocol:?}");
  assert_eq!(
    bounded(engine.unpause(key)).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(SIZE, 1));
  let requests = server.requests();
  assert_eq!(requests.len(), 2, "{protocol:?}");
  let rest = format!("bytes={}-", paused.downloaded);
  assert_eq!(requests[1].header("range"), Some(&*rest), "{protocol:?}");
  assert_eq!(requests[1].header("if-range"), Some("\"1\""));
}

// steps: complete.3, complete.8, complete.14.4
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_lets_the_connection_go_and_the_rest_comes_after_a_restart() {
  for protocol in [Protocol::Plain, Protocol::Tls, Protocol::Http2] {
    pauses_and_goes_on_over(protocol).await;
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_over_http2_ends_the_stream_and_not_its_neighbours() {
  let server = FaultServer::start_with(Protocol::Http2).await;
  let stalled = || Resource::bytes(SIZE, 1).etag("\"1\"");
  let stalled = || stalled().script([StallAfter(SIZE / 2), Normal]);
  let paused_url = server.serve("/paused", stalled());
  let other_url = server.serve("/other", stalled());
  let store = background_fetch::store::Store::in_memory();
  let engine = Engine::builder()
    .config(config_for(&server))
    .start_blocking(store)
    .unwrap();
  let realm = worker(&engine);
  let other = fetch(&realm, "other", &[&other_url]).await.key;
  wait_for(&engine, other, |s| s.downloaded == SIZE / 2).await;
  let paused = fetch(&realm, "paused", &[&paused_url]).await.key;
  wait_for(&engine, paused, |s| s.downloaded == SIZE / 2).await;
  assert_eq!(
    bounded(engine.pause(paused)).await.unwrap(),
    PauseOutcome::Paused
  );
  let let_go = server.wait_until(BOUND, |seen| seen[1].ending.is_some());
  bounded(let_go).await;
  server.release("/other");
  let (_other, name, snapshot) = next_event(&realm).await;
  assert_eq!((name, snapshot.key), ("backgroundfetchsuccess", other));
  assert_eq!(
    bounded(engine.unpause(paused)).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!((name, snapshot.key), ("backgroundfetchsuccess", paused));
  assert_eq!(server.requests().len(), 3);
  assert_eq!(server.connections(), 1);
}
