//! Answers that say that another time may be better.

use std::time::Duration;
use std::time::Instant;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RetryStatuses;
use background_fetch::network::NetworkPolicy;
use background_fetch::spec::BackgroundFetchFailureReason::BadStatus;
use background_fetch::store::Store;

use crate::engine::harness::*;
use support::Behaviour;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const SIZE: u64 = 200_000;
const CUT: u64 = 80_000;

/// How a fetch ends, and from where it was asked for.
async fn fetch_with(
  statuses: RetryStatuses,
  policy: NetworkPolicy,
  script: impl IntoIterator<Item = Behaviour>,
) -> (&'static str, BackgroundFetchSnapshot, Vec<Option<String>>) {
  let mut config = config();
  config.retry.statuses = statuses;
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"").script(script);
  let url = server.serve("/r", resource);
  let realm = engine.attach(RealmOptions {
    policy,
    ..RealmOptions::new(
      background_fetch::engine::RealmKind::ServiceWorker,
      server.url("/sw.js").parse().unwrap(),
    )
  });
  realm.start_worker();
  fetch(&realm, "r", &[&url]).await;
  let (_, name, snapshot) = next_event(&realm).await;
  let requests = server.requests_for("/r");
  let ranges = requests
    .iter()
    .map(|r| r.header("range").map(str::to_string));
  (name, snapshot, ranges.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_status_is_waited_for_and_costs_no_byte() {
  for status in RetryStatuses::TEMPORARY {
    let script = [Status(status), TruncateAfter(CUT), Status(status), Normal];
    let (name, snapshot, ranges) =
      fetch_with(RetryStatuses::Programs, NetworkPolicy::Server, script).await;
    assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
    let rest = Some(format!("bytes={CUT}-"));
    assert_eq!(ranges, [None, None, rest.clone(), rest]);
    assert_eq!(snapshot.diagnostic, None);
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_who_does_not_ask_for_it_get_the_answer() {
  let server = NetworkPolicy::Server;
  for (statuses, policy, status) in [
    (RetryStatuses::None, server, 503),
    (RetryStatuses::Programs, NetworkPolicy::Browser, 503),
    (RetryStatuses::Programs, server, 404),
    (RetryStatuses::These(vec![503]), server, 500),
  ] {
    let (name, snapshot, ranges) =
      fetch_with(statuses, policy, [Status(status), Normal]).await;
    assert_eq!(name, "backgroundfetchfail");
    assert_eq!(snapshot.failure_reason, BadStatus);
    assert_eq!(ranges.len(), 1);
  }
  let these = RetryStatuses::These(vec![404]);
  let script = [Status(404), Normal];
  let (name, ..) = fetch_with(these, NetworkPolicy::Browser, script).await;
  assert_eq!(name, "backgroundfetchsuccess");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_stays_is_the_reason_and_the_bytes_stay() {
  let script = [TruncateAfter(CUT), Status(503)];
  let (name, snapshot, ranges) =
    fetch_with(RetryStatuses::Programs, NetworkPolicy::Server, script).await;
  assert_eq!(name, "backgroundfetchfail");
  assert_eq!(snapshot.failure_reason, BadStatus);
  assert_eq!(snapshot.downloaded, CUT);
  let told = snapshot.diagnostic.unwrap();
  assert!(told.contains("/r answered 503"), "{told}");
  // Three tries without progress after the first failure, which had some.
  let rest = Some(format!("bytes={CUT}-"));
  assert!(ranges[1..].iter().all(|range| *range == rest), "{ranges:?}");
  assert!(ranges.len() > 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_when_it_wants_to_be_asked_again() {
  let after = Header("Retry-After".into(), "1".into());
  let script = [All(vec![Status(503), after]), Normal];
  let begin = Instant::now();
  let (name, ..) =
    fetch_with(RetryStatuses::Programs, NetworkPolicy::Server, script).await;
  assert_eq!(name, "backgroundfetchsuccess");
  // The policy's own wait is two milliseconds at most.
  assert!(begin.elapsed() >= Duration::from_secs(1));
}
