//! What may use the wire, and what waits for it.

use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::Realm;
use background_fetch::engine::RetryStatuses;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Store;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

/// An engine with one place, which a fetch of `/held` has until the server
/// lets it go on.
struct OnePlace {
  server: FaultServer,
  engine: Engine,
  realm: Realm,
}

impl OnePlace {
  async fn taken(config: EngineConfig) -> Self {
    let server = FaultServer::start().await;
    let held = Resource::bytes(1000, 1).script([StallAfter(10)]);
    server.serve("/held", held);
    let engine = Engine::builder()
      .config(config)
      .start_blocking(Store::in_memory())
      .unwrap();
    let realm = worker(&engine);
    let this = Self {
      server,
      engine,
      realm,
    };
    fetch(&this.realm, "held", &[&this.server.url("/held")]).await;
    this.server.wait_until_stalled("/held", BOUND).await;
    this
  }

  async fn fetch(&self, id: &str, paths: &[&str]) -> BackgroundFetchKey {
    let serve = |path| self.server.serve(path, Resource::bytes(1000, 1));
    let urls: Vec<_> = paths.iter().copied().map(serve).collect();
    let urls: Vec<_> = urls.iter().map(String::as_str).collect();
    fetch(&self.realm, id, &urls).await.key
  }

  fn let_go(&self) {
    self.server.release("/held");
  }

  async fn is_settled(&self, key: BackgroundFetchKey) {
    wait_for(&self.engine, key, |s| s.is_settled()).await;
  }

  /// What the server was asked for, in order.
  fn asked(&self) -> Vec<String> {
    let requests = self.server.requests();
    requests.iter().map(|r| r.path().to_string()).collect()
  }
}

fn one_place() -> EngineConfig {
  let mut config = config();
  config.concurrency.total = 1;
  config
}

#[tokio::test(flavor = "multi_thread")]
async fn background_fetches_take_turns() {
  let place = OnePlace::taken(one_place()).await;
  let many = place.fetch("many", &["/a", "/b", "/c"]).await;
  let few = place.fetch("few", &["/z"]).await;
  place.let_go();
  place.is_settled(many).await;
  place.is_settled(few).await;
  assert_eq!(place.asked(), ["/held", "/a", "/z", "/b", "/c"]);
  assert_eq!(place.server.most_at_once(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_aborted_or_paused_while_it_waits_is_not_asked_for() {
  let place = OnePlace::taken(one_place()).await;
  let aborted = place.fetch("aborted", &["/aborted"]).await;
  let paused = place.fetch("paused", &["/paused"]).await;
  let last = place.fetch("last", &["/last"]).await;
  assert_eq!(
    place.engine.abort(aborted).await.unwrap(),
    AbortOutcome::Aborted
  );
  assert_eq!(
    place.engine.pause(paused).await.unwrap(),
    PauseOutcome::Paused
  );
  place.is_settled(aborted).await;
  place.let_go();
  place.is_settled(last).await;
  assert_eq!(place.asked(), ["/held", "/last"]);
  assert_eq!(
    place.engine.unpause(paused).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  place.is_settled(paused).await;
  assert_eq!(place.asked(), ["/held", "/last", "/paused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_tried_again_keeps_no_place() {
  let mut config = one_place();
  let hour = Duration::from_secs(3600);
  config.retry.first_delay = hour;
  config.retry.max_delay = hour;
  config.retry.statuses = RetryStatuses::These(vec![503]);
  let place = OnePlace::taken(config).await;
  let busy = place.fetch("busy", &["/busy"]).await;
  place.server.script("/busy", [Status(503), Normal]);
  place.let_go();
  wait_for(&place.engine, busy, |s| s.waiting.is_some()).await;
  let other = place.fetch("other", &["/other"]).await;
  place.is_settled(other).await;
  // Who knows that it is not busy any more need not wait.
  assert_eq!(
    place.engine.pause(busy).await.unwrap(),
    PauseOutcome::Paused
  );
  assert_eq!(
    place.engine.unpause(busy).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  place.is_settled(busy).await;
  assert_eq!(place.asked(), ["/held", "/busy", "/other", "/busy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_host_keeps_no_attempt_from_another_host() {
  let mut config = config();
  config.concurrency.per_host = Some(1);
  let place = OnePlace::taken(config).await;
  let same = place.fetch("same", &["/same"]).await;
  let elsewhere = place.server.origin_on("localhost") + "/elsewhere";
  place.server.serve("/elsewhere", Resource::bytes(1000, 1));
  let elsewhere = fetch(&place.realm, "elsewhere", &[&elsewhere]).await.key;
  place.is_settled(elsewhere).await;
  assert_eq!(place.asked(), ["/held", "/elsewhere"]);
  place.let_go();
  place.is_settled(same).await;
  assert_eq!(place.asked(), ["/held", "/elsewhere", "/same"]);
}

/// However little may be in memory, bytes come.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_byte_budget_transfers_go_on() {
  const SIZE: u64 = 3_000_000;
  let mut config = config();
  config.byte_budget = 0;
  let server = FaultServer::start().await;
  let paths = ["/a", "/b", "/c"];
  let urls = paths.map(|path| server.serve(path, Resource::bytes(SIZE, 1)));
  let directory = tempfile::tempdir().unwrap();
  let engine = Engine::builder()
    .config(config)
    .open_blocking(directory.path())
    .unwrap();
  let realm = worker(&engine);
  let urls: Vec<_> = urls.iter().map(String::as_str).collect();
  fetch(&realm, "all", &urls).await;
  let snapshot = settle(&realm, "backgroundfetchsuccess").await;
  assert_eq!(snapshot.downloaded, 3 * SIZE);
}
