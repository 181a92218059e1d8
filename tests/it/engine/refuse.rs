//! What `fetch()` refuses.

use std::sync::Arc;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::Engine;
use background_fetch::engine::FetchError;
use background_fetch::engine::PermissionState;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::store::Store;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use url::Origin;

async fn type_error(urls: &[&str], id: &str) -> String {
  let realm = worker(&in_memory());
  match try_fetch(&realm, id, urls, 0).await {
    Err(FetchError::Type(message)) => message,
    other => panic!("not refused: {other:?}"),
  }
}

// steps: fetch.5
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_and_an_empty_id_are_refused() {
  assert!(type_error(&[], "id").await.contains("at least one"));
  assert!(type_error(&["http://a.test/"], "").await.contains("empty"));
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_can_never_be_fetched_are_refused() {
  assert!(type_error(&["ftp://a.test/"], "id").await.contains("http"));
  assert!(
    type_error(&["http://a.test:6000/"], "id")
      .await
      .contains("port")
  );
  let secret = type_error(&["http://me:secret@a.test/"], "id").await;
  assert!(secret.contains("credentials") && !secret.contains("secret@"));
}

// steps: fetch.8.3, fetch.8.5, fetch.8.13, get.1 to get.3, ids.1, ids.2
// steps: contains.4
#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_active_is_refused() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold]));
  let realm = worker(&in_memory());
  let url = server.url("/r");
  let first = fetch(&realm, "id", &[&url]).await;
  let second = try_fetch(&realm, "id", &[&url], 0).await;
  assert!(
    matches!(&second, Err(FetchError::Type(m)) if m.contains("\"id\"")),
    "{second:?}"
  );
  assert_eq!(realm.get_ids(), ["id"]);
  assert_eq!(realm.get("id").unwrap().key, first.key);
  assert!(realm.get("other").is_none());
}

// steps: fetch.8.1, fetch.8.2
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_permission_is_not_allowed() {
  let mut config = config();
  config.permission = Arc::new(|_: &Origin| PermissionState::Denied);
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let realm = worker(&engine);
  let refused = try_fetch(&realm, "id", &["http://a.test/"], 0).await;
  assert!(matches!(refused, Err(FetchError::NotAllowed)));
}

// steps: display.11, complete.3
#[tokio::test(flavor = "multi_thread")]
async fn with_a_prompt_nothing_is_fetched_before_the_answer() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r"));
  let mut config = config();
  config.permission = Arc::new(|_: &Origin| PermissionState::Prompt);
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let realm = worker(&engine);
  let asked = fetch(&realm, "asked", &[&server.url("/r")]).await;
  assert!(asked.paused);
  let refused = fetch(&realm, "refused", &[&server.url("/r")]).await;
  assert_eq!(
    engine.abort(refused.key).await.unwrap(),
    AbortOutcome::Aborted
  );
  settle_event(&realm, "backgroundfetchabort").await;
  assert_eq!(server.requests().len(), 0);
  assert_eq!(
    engine.unpause(asked.key).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  settle_event(&realm, "backgroundfetchsuccess").await;
}

async fn settle_event(realm: &background_fetch::engine::Realm, name: &str) {
  let (lease, event, _) = next_event(realm).await;
  assert_eq!(event, name);
  lease.acknowledge();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_calls_with_one_id_the_first_one_wins() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold]));
  let realm = worker(&in_memory());
  let url = server.url("/r");
  for round in 0..50 {
    let id = format!("id {round}");
    let urls = [url.as_str()];
    let (first, second) = tokio::join!(
      try_fetch(&realm, &id, &urls, 0),
      try_fetch(&realm, &id, &urls, 0)
    );
    assert!(first.is_ok(), "{first:?}");
    assert!(matches!(second, Err(FetchError::Type(_))), "{second:?}");
  }
}
