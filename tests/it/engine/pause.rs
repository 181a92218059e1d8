//! Pause, resume and abort.

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::UnpauseOutcome;
use std::time::Duration;

use background_fetch::spec::BackgroundFetchFailureReason;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

// steps: complete.3, complete.8, complete.14.4
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_fetch_lets_go_and_goes_on_with_the_rest() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(1_000_000, 1).etag("\"1\"");
  server.serve("/r", resource.script([StallAfter(300_000), Normal]));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 300_000).await;
  assert_eq!(engine.pause(key).await.unwrap(), PauseOutcome::Paused);
  assert_ne!(engine.pause(key).await.unwrap(), PauseOutcome::Paused);
  // The server sees the connection go.
  let gone = server.wait_until(BOUND, |s| s[0].ending.is_some());
  bounded(gone).await;
  assert_eq!(engine.unpause(key).await.unwrap(), UnpauseOutcome::Unpaused);
  settle(&realm, "backgroundfetchsuccess").await;
  let requests = server.requests_for("/r");
  assert_eq!(requests[1].header("range"), Some("bytes=300000-"));
}

// steps: abort.1, abort.2, abort.3, contains.2, abort.3.3 to abort.3.6
// steps: display.7, perform.8.4, perform.8.10.1, lacks.1, lacks.2
#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_fetch_fires_abort_and_nothing_else() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(1_000_000, 1);
  server.serve("/r", resource.script([StallAfter(300_000)]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  server.wait_until_stalled("/r", BOUND).await;
  assert_eq!(
    bounded(realm.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  assert_ne!(
    bounded(realm.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  assert!(realm.get_ids().is_empty());
  let snapshot = settle(&realm, "backgroundfetchabort").await;
  let aborted = BackgroundFetchFailureReason::Aborted;
  assert_eq!(snapshot.failure_reason, aborted);
  bounded(engine.shutdown()).await;
  drop(realm);
  assert_eq!(rest(directory.path()), (0, 0));
}

// steps: abort.3.1, abort.3.2, abort.3.4, contains.1, contains.2, contains.3
// steps: perform.8.1 to perform.8.4
#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_free_again_when_abort_has_answered() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::bytes(10, 1).script([Hold, Normal]));
  let engine = in_memory();
  let realm = worker(&engine);
  let url = server.url("/r");
  let first = fetch(&realm, "r", &[&url]).await.key;
  bounded(server.wait_for_requests(1, BOUND)).await;
  assert_eq!(
    bounded(realm.abort(first)).await.unwrap(),
    AbortOutcome::Aborted
  );
  let second = fetch(&realm, "r", &[&url]).await.key;
  assert_ne!(first, second);
  for _ in 0..2 {
    let (lease, name, snapshot) = next_event(&realm).await;
    match snapshot.key == first {
      true => assert_eq!(name, "backgroundfetchabort"),
      false => assert_eq!(name, "backgroundfetchsuccess"),
    }
    lease.acknowledge();
  }
}
