//! Machines without a network, and servers that are not there.

use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::Engine;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::spec::BackgroundFetchFailureReason::FetchError;
use background_fetch::store::Store;

use crate::engine::harness::*;
use crate::engine::machine::Machine;
use crate::engine::machine::Network;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

const BOUND: Duration = Duration::from_secs(240);
const SIZE: u64 = 1_000_000;

/// The server by a name that has to be resolved.
fn url(server: &FaultServer, path: &str) -> String {
  server.origin_on("server.test") + path
}

// steps: complete.11.response.1.1
#[tokio::test(flavor = "multi_thread")]
async fn a_get_waits_for_the_network_and_goes_on_by_itself() {
  for network in [
    Network::NoRoute,
    Network::NoNameServer,
    Network::NameServerSilent,
  ] {
    let server = FaultServer::start().await;
    server.serve("/r", Resource::bytes(SIZE, 1));
    let machine = Machine::with(network);
    let engine = machine.engine();
    let realm = worker(&engine);
    let key = fetch(&realm, "r", &[&url(&server, "/r")]).await.key;
    let waits = wait_for(&engine, key, |s| {
      // Far more often than a server's failures are forgiven.
      s.waiting.is_some() && machine.looks() > 10
    });
    let waiting = waits.await.waiting.unwrap();
    assert!(waiting.offline, "{network:?}");
    assert!(waiting.reason.contains("server.test"), "{waiting:?}");
    machine.becomes(Network::Up);
    let snapshot = settle(&realm, "backgroundfetchsuccess").await;
    assert_eq!((snapshot.downloaded, snapshot.waiting), (SIZE, None));
    assert_eq!(server.requests().len(), 1);
  }
}

// steps: complete.11.response.8.1
#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_goes_in_the_middle_costs_no_byte() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"");
  server.serve("/r", resource.script([StallAfter(300_000), Normal]));
  let machine = Machine::with(Network::Up);
  let engine = machine.engine();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&url(&server, "/r")]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 300_000).await;
  machine.becomes(Network::NoRoute);
  server.go_offline().await;
  let offline = |s: &background_fetch::engine::BackgroundFetchSnapshot| {
    s.waiting.as_ref().is_some_and(|waiting| waiting.offline)
  };
  wait_for(&engine, key, offline).await;
  server.go_online().await;
  machine.becomes(Network::Up);
  // Progress says that it is over.
  wait_for(&engine, key, |s| {
    s.downloaded > 300_000 && s.waiting.is_none()
  })
  .await;
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(SIZE, 1));
  let requests = server.requests_for("/r");
  assert_eq!(requests.len(), 2);
  assert_eq!(requests[1].header("range"), Some("bytes=300000-"));
}

// steps: complete.11.response.1.2
#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_the_network_ends_at_its_timeout() {
  let machine = Machine::with(Network::NoRoute);
  let mut config = machine.config();
  config.retry.offline_timeout = Some(Duration::from_millis(50));
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let realm = worker(&engine);
  fetch(&realm, "r", &["http://server.test/"]).await;
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(snapshot.failure_reason, FetchError);
  assert_eq!(snapshot.waiting, None);
  let told = snapshot.diagnostic.unwrap();
  assert!(told.contains("the network is unreachable"), "{told}");
  assert!(told.contains("did not come back in time"), "{told}");
}

// steps: complete.11.response.1.2
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_tried_a_few_times() {
  let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
  let port = free.local_addr().unwrap().port();
  drop(free);
  for (network, told) in [
    (Network::Up, "connection refused"),
    (Network::NoSuchName, "server.test"),
  ] {
    let machine = Machine::with(network);
    let realm = worker(&machine.engine());
    let url = format!("http://server.test:{port}/");
    fetch(&realm, "r", &[&url]).await;
    let snapshot = settle(&realm, "backgroundfetchfail").await;
    assert_eq!(snapshot.failure_reason, FetchError);
    assert!(
      snapshot
        .diagnostic
        .as_deref()
        .unwrap_or_default()
        .contains(told),
      "{:?}",
      snapshot.diagnostic
    );
    // Once, and three times again.
    assert_eq!(machine.looks(), 4);
  }
}

// steps: complete.11.response.1.2
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_get_does_not_wait_for_the_network() {
  let machine = Machine::with(Network::NoRoute);
  let realm = worker(&machine.engine());
  let mut record = get("http://server.test/");
  record.request.method = "DELETE".into();
  let options = BackgroundFetchOptions::default();
  let fetched = realm.fetch("r".into(), vec![record], options);
  bounded(fetched).await.unwrap();
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(snapshot.failure_reason, FetchError);
  assert_eq!(machine.looks(), 1);
}

/// A background fetch that waits, and would not look again within a test.
async fn waits_for_long(
  machine: &Machine,
) -> (
  Engine,
  background_fetch::engine::Realm,
  background_fetch::store::BackgroundFetchKey,
) {
  let mut config = machine.config();
  config.retry.first_delay = Duration::from_secs(3600);
  config.retry.max_delay = Duration::from_secs(3600);
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &["http://server.test/"]).await.key;
  wait_for(&engine, key, |s| s.waiting.is_some()).await;
  (engine, realm, key)
}

// steps: complete.14.4, abort.3.4
#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_can_be_aborted_paused_and_left() {
  let machine = Machine::with(Network::NoRoute);
  let (engine, realm, key) = waits_for_long(&machine).await;
  assert_eq!(
    bounded(engine.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  settle(&realm, "backgroundfetchabort").await;

  let (engine, _realm, key) = waits_for_long(&machine).await;
  assert_eq!(
    bounded(engine.pause(key)).await.unwrap(),
    PauseOutcome::Paused
  );
  wait_for(&engine, key, |s| s.paused && s.waiting.is_none()).await;
  // Who unpauses wants it tried now.
  let before = machine.looks();
  assert_eq!(
    bounded(engine.unpause(key)).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  wait_for(&engine, key, |_| machine.looks() > before).await;
  bounded(engine.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_the_network_waits_after_a_restart_too() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::bytes(SIZE, 1));
  let directory = tempfile::tempdir().unwrap();
  let machine = Machine::with(Network::NoRoute);
  let open = || {
    Engine::builder()
      .config(machine.config())
      .open_blocking(directory.path())
      .unwrap()
  };
  let engine = open();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&url(&server, "/r")]).await.key;
  wait_for(&engine, key, |s| s.waiting.is_some()).await;
  bounded(engine.shutdown()).await;
  drop(realm);

  let engine = open();
  let realm = worker(&engine);
  wait_for(&engine, key, |s| s.waiting.is_some()).await;
  machine.becomes(Network::Up);
  settle(&realm, "backgroundfetchsuccess").await;
  server.wait_for_requests(1, BOUND).await;
  assert_eq!(server.requests().len(), 1);
}
