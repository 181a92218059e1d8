//! The network permission: who is asked, when, and what a restart makes of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::FetchError;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmOptions;
use background_fetch::network::NetCheck;
use background_fetch::store::Store;
use parking_lot::Mutex;
use url::Url;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

/// The paths that were asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
  /// Allows all but `denied`.
  fn check(&self, denied: &'static str) -> Arc<dyn NetCheck> {
    let asked = self.0.clone();
    Arc::new(move |url: &Url| {
      asked.lock().push(url.path().into());
      match url.path() == denied {
        true => Err(format!("{denied} may not be reached")),
        false => Ok(()),
      }
    })
  }

  fn take(&self) -> Vec<String> {
    std::mem::take(&mut self.0.lock())
  }
}

fn config_with(default: Option<Arc<dyn NetCheck>>) -> EngineConfig {
  let mut config = config();
  config.network.default_net_check = default;
  config
}

fn worker_with(engine: &Engine, check: Option<Arc<dyn NetCheck>>) -> Realm {
  let realm = engine.attach(RealmOptions {
    net_check: check,
    ..realm_options()
  });
  realm.start_worker();
  realm
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_asked_at_registration_and_once_before_each_hop() {
  let server = FaultServer::start().await;
  server.serve("/x", Resource::redirect(&server.url("/y"), 302));
  server.serve("/y", Resource::text("y"));
  let (default, own) = (Asked::default(), Asked::default());
  let config = config_with(Some(default.check("")));
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let realm = worker_with(&engine, Some(own.check("")));
  fetch(&realm, "r", &[&server.url("/x")]).await;
  settle(&realm, "backgroundfetchsuccess").await;
  for asked in [default, own] {
    assert_eq!(asked.take(), ["/x", "/x", "/y"]);
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_of_them_refuses_is_not_registered() {
  let server = FaultServer::start().await;
  let url = server.serve("/x", Resource::text("x"));
  for denied in [("/x", ""), ("", "/x")] {
    let asked = Asked::default();
    let config = config_with(Some(asked.check(denied.0)));
    let engine = Engine::builder()
      .config(config)
      .start_blocking(Store::in_memory())
      .unwrap();
    let realm = worker_with(&engine, Some(asked.check(denied.1)));
    let rejection = try_fetch(&realm, "r", &[&url], 0).await.err().unwrap();
    assert!(matches!(&rejection, FetchError::MayNotReach(_)));
    assert_eq!(rejection.to_string(), "/x may not be reached");
    assert!(engine.background_fetches().is_empty());
  }
  assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_what_is_refused_fails() {
  let server = FaultServer::start().await;
  let url = server.serve("/x", Resource::redirect(&server.url("/y"), 302));
  server.serve("/y", Resource::text("y"));
  let engine = in_memory();
  let realm = worker_with(&engine, Some(Asked::default().check("/y")));
  fetch(&realm, "r", &[&url]).await;
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(
    snapshot.diagnostic.as_deref(),
    Some("/y may not be reached")
  );
  assert!(server.requests_for("/y").is_empty());
}

/// Leaves a transfer behind that has a part of its bytes.
async fn interrupted(server: &FaultServer, directory: &Path) {
  let resource = Resource::bytes(100_000, 1).etag("\"1\"");
  let url = server.serve("/r", resource.script([StallAfter(50_000), Normal]));
  let engine = on_disk(directory);
  let realm = worker_with(&engine, Some(Asked::default().check("")));
  let key = fetch(&realm, "r", &[&url]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 50_000).await;
  bounded(engine.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_fetch_waits_for_the_check_that_it_had() {
  let server = FaultServer::start().await;
  let directory = tempfile::tempdir().unwrap();
  interrupted(&server, directory.path()).await;
  let engine = on_disk(directory.path());
  let key = engine.background_fetches()[0].key;
  // A realm that brings no check does not let it continue.
  let without = worker_with(&engine, None);
  let waiting = wait_for(&engine, key, |s| s.waiting.is_some()).await;
  let waiting = waiting.waiting.unwrap();
  assert!(waiting.offline);
  assert!(waiting.reason.contains("permission"), "{}", waiting.reason);
  assert_eq!(server.requests().len(), 1);
  drop(without);
  let asked = Asked::default();
  let realm = worker_with(&engine, Some(asked.check("")));
  let snapshot = settle(&realm, "backgroundfetchsuccess").await;
  assert_eq!(snapshot.downloaded, 100_000);
  assert_eq!(asked.take(), ["/r"]);
  let requests = server.requests();
  assert_eq!(requests[1].header("range"), Some("bytes=50000-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_waits_can_be_shut_down_and_aborted() {
  let server = FaultServer::start().await;
  let directory = tempfile::tempdir().unwrap();
  interrupted(&server, directory.path()).await;
  for _ in 0..2 {
    let engine = on_disk(directory.path());
    let key = engine.background_fetches()[0].key;
    wait_for(&engine, key, |s| s.waiting.is_some()).await;
    bounded(engine.shutdown()).await;
  }
  let engine = on_disk(directory.path());
  let key = engine.background_fetches()[0].key;
  wait_for(&engine, key, |s| s.waiting.is_some()).await;
  assert_eq!(
    bounded(engine.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  assert_eq!(server.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engines_own_check_lets_it_go_on() {
  let server = FaultServer::start().await;
  let directory = tempfile::tempdir().unwrap();
  interrupted(&server, directory.path()).await;
  let asked = Asked::default();
  let config = config_with(Some(asked.check("")));
  let engine = Engine::builder()
    .config(config)
    .open_blocking(directory.path())
    .unwrap();
  server.wait_for_requests(2, BOUND).await;
  let realm = worker_with(&engine, None);
  settle(&realm, "backgroundfetchsuccess").await;
  assert_eq!(asked.take(), ["/r"]);
}
