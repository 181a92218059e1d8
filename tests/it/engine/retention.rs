//! What is kept of a background fetch that has failed.

use std::path::Path;
use std::time::Duration;

use background_fetch::engine::DeleteOutcome;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RetryOutcome;
use background_fetch::spec::BackgroundFetchResult;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

/// Longer than any wait takes that ends.
const BOUND: Duration = Duration::from_secs(240);

const SIZE: u64 = 1_000_000;

/// A realm without a script, as the one of `bgfetch get`.
fn keeper(engine: &Engine) -> Realm {
  let realm = engine.attach(RealmOptions {
    keep_failed: true,
    ..realm_options()
  });
  realm.start_worker();
  realm
}

/// Cut in the middle, then refused until it counts as failed.
fn unlucky() -> Resource {
  let refused = [Refuse, Refuse, Refuse, Refuse];
  let script = [TruncateAfter(400_000)].into_iter().chain(refused);
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"");
  resource.script(script.chain([Normal]))
}

async fn end(engine: Engine, realm: Realm) {
  bounded(engine.shutdown()).await;
  drop(realm);
}

fn open(directory: &Path, retention: Duration) -> Engine {
  let config = EngineConfig {
    retention,
    ..config()
  };
  Engine::builder()
    .config(config)
    .open_blocking(directory)
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_download_keeps_its_bytes_and_is_continued() {
  let server = FaultServer::start().await;
  server.serve("/r", unlucky());
  // What is refused on a connection that was used before is sent again at once:
  // with one server, it would be chance how often that is.
  let other = FaultServer::start().await;
  other.serve("/whole", Resource::text("whole"));
  let engine = in_memory();
  let realm = keeper(&engine);
  let urls = [server.url("/r"), other.url("/whole")];
  let urls = urls.each_ref().map(String::as_str);
  let key = fetch(&realm, "r", &urls).await.key;
  settle(&realm, "backgroundfetchfail").await;
  let kept = engine.background_fetches().remove(0);
  assert!(kept.retained.unwrap().undelivered.is_none());
  assert_eq!(kept.downloaded, 400_005);

  assert_eq!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
  // It is active now, so there is nothing to try again.
  assert_ne!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  assert_eq!(snapshot.retained, None);
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(SIZE, 1));
  let requests = server.requests_for("/r");
  let last = requests.last().unwrap();
  assert_eq!(last.header("range"), Some("bytes=400000-"));
  assert_eq!(other.requests_for("/whole").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_download_is_continued_by_a_later_engine() {
  let server = FaultServer::start().await;
  server.serve("/r", unlucky());
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = keeper(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  settle(&realm, "backgroundfetchfail").await;
  end(engine, realm).await;

  // Once it is only looked at: no event is fired again.
  let engine = on_disk(directory.path());
  let realm = keeper(&engine);
  assert!(realm.is_idle());
  assert!(engine.background_fetches()[0].retained.is_some());
  end(engine, realm).await;

  let engine = on_disk(directory.path());
  let realm = keeper(&engine);
  assert_eq!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
  let (lease, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(SIZE, 1));
  let requests = server.requests_for("/r");
  let last = requests.last().unwrap();
  assert_eq!(last.header("range"), Some("bytes=400000-"));
  lease.acknowledge();
  bounded(realm.idle()).await;
  assert_eq!(rest(directory.path()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_is_killed_is_continued_like_any_other() {
  let server = FaultServer::start().await;
  let refused = [Refuse, Refuse, Refuse, Refuse];
  let script = refused.into_iter().chain([StallAfter(300_000), Hold]);
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"").script(script);
  server.serve("/r", resource);
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = keeper(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  settle(&realm, "backgroundfetchfail").await;
  assert_eq!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
  wait_for(&engine, key, |s| s.downloaded == 300_000).await;
  end(engine, realm).await;

  let engine = on_disk(directory.path());
  let realm = keeper(&engine);
  assert_eq!(realm.get_ids(), ["r"]);
  server.wait_until_stalled("/r", BOUND).await;
  server.release("/r");
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  let requests = server.requests_for("/r");
  let last = requests.last().unwrap();
  assert_eq!(last.header("range"), Some("bytes=300000-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_error_is_nothing_to_continue_with() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Status(404), Normal]));
  let engine = in_memory();
  let realm = keeper(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  settle(&realm, "backgroundfetchfail").await;
  assert_eq!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
  let (_, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  assert_eq!(read(&records(&realm, key)[0]).await.unwrap(), b"r");
  assert_eq!(server.requests_for("/r")[1].header("range"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_retained_can_be_deleted() {
  let server = FaultServer::start().await;
  server.serve("/r", unlucky());
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = keeper(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  assert_ne!(
    bounded(engine.delete(key)).await.unwrap(),
    DeleteOutcome::Deleted
  );
  settle(&realm, "backgroundfetchfail").await;
  assert_eq!(rest(directory.path()), (1, 1));
  assert_eq!(
    bounded(engine.delete(key)).await.unwrap(),
    DeleteOutcome::Deleted
  );
  assert_ne!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
  assert!(engine.background_fetches().is_empty());
  assert_eq!(rest(directory.path()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_retention_is_deleted() {
  let server = FaultServer::start().await;
  server.serve("/r", unlucky());
  let directory = tempfile::tempdir().unwrap();
  let engine = open(directory.path(), Duration::from_secs(3600));
  let realm = keeper(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  settle(&realm, "backgroundfetchfail").await;
  end(engine, realm).await;
  assert_eq!(rest(directory.path()), (1, 1));

  let engine = open(directory.path(), Duration::ZERO);
  wait_for_end(&engine).await;
  assert_ne!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
  bounded(engine.shutdown()).await;
  assert_eq!(rest(directory.path()), (0, 0));
}

async fn wait_for_end(engine: &Engine) {
  bounded(async {
    while !engine.background_fetches().is_empty() {
      tokio::task::yield_now().await;
    }
  })
  .await;
}

// steps: perform.8.13.2
#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_has_started_is_its_own_to_start_again() {
  let server = FaultServer::start().await;
  server.serve("/r", unlucky());
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let failed = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(failed.result, BackgroundFetchResult::Failure);
  assert!(engine.background_fetches().is_empty());
  assert_ne!(
    bounded(engine.retry(key)).await.unwrap(),
    RetryOutcome::Retried
  );
}
