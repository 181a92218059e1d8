//! Every fault over every protocol: what comes of it, and what was asked for.

mod broken;
mod case;
mod cases;
mod pauses;
mod uploads;

use background_fetch::engine::Engine;
use background_fetch::store::Store;
use tokio::task::JoinSet;

use self::case::config_for;
use self::case::run;
use self::cases::cases;
use crate::engine::harness::*;
use support::Behaviour::LastOfConnection;
use support::FaultServer;
use support::Protocol;
use support::Resource;

/// Runs all cases at once, each with a server and an engine of its own.
async fn all_cases_over(protocol: Protocol) {
  let mut running = JoinSet::new();
  for case in cases(protocol) {
    running.spawn(run(protocol, case));
  }
  let mut wrong = Vec::new();
  while let Some(ended) = running.join_next().await {
    wrong.extend(ended.unwrap().err());
  }
  assert!(wrong.is_empty(), "{protocol:?}:\n{}", wrong.join("\n"));
}

// steps: complete.11.response.1.1, complete.11.response.2.1.1
// steps: complete.11.response.3, complete.11.response.7.1.2
// steps: complete.11.response.7.2, complete.11.response.8.1, complete.15
// steps: extract.1, validate.2, validate.3, validate.4.1.1
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_over_plain_http() {
  all_cases_over(Protocol::Plain).await;
}

/// As servers do that end a connection after so many requests.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_end_between_requests_lose_none_of_them() {
  for protocol in [Protocol::Plain, Protocol::Tls, Protocol::Http2] {
    let server = FaultServer::start_with(protocol).await;
    let resource = Resource::bytes(10_000, 1).script([LastOfConnection]);
    let url = server.serve("/r", resource);
    let engine = Engine::builder()
      .config(config_for(&server))
      .start_blocking(Store::in_memory());
    let realm = worker(&engine.unwrap());
    let urls: Vec<_> = (0..100).map(|i| format!("{url}?{i}")).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    fetch(&realm, "r", &urls).await;
    let snapshot = settle(&realm, "backgroundfetchsuccess").await;
    assert_eq!(snapshot.downloaded, 1_000_000, "{protocol:?}");
    let mut seen: Vec<_> =
      server.requests().into_iter().map(|r| r.target).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 100, "{protocol:?}");
    assert!(server.connections() > 1, "{protocol:?}");
  }
}

/// No request that a connection did not take counts as a failed one.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_take_three_requests_each_carry_any_number() {
  // Over TLS most of the time goes into handshakes.
  for (protocol, n) in [(Protocol::Plain, 2000), (Protocol::Http2, 300)] {
    let server = FaultServer::start_with(protocol).await;
    server.requests_per_connection(3);
    let url = server.serve("/r", Resource::text("r"));
    let mut config = config_for(&server);
    // A request that is lost with a used connection is not counted; but the
    // transport, which opens a new one at the same time, cannot always tell
    // over which of them the request went.
    config.retry.attempts = 2;
    let engine = Engine::builder()
      .config(config)
      .start_blocking(Store::in_memory());
    let realm = worker(&engine.unwrap());
    let urls: Vec<_> = (0..n).map(|i| format!("{url}?{i}")).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    fetch(&realm, "r", &urls).await;
    let snapshot = settle(&realm, "backgroundfetchsuccess").await;
    assert_eq!(snapshot.downloaded, n as u64, "{protocol:?}");
    assert_eq!(server.requests().len(), n, "{protocol:?}");
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_over_tls() {
  all_cases_over(Protocol::Tls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_over_http2() {
  all_cases_over(Protocol::Http2).await;
}
