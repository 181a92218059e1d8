//! What the buttons do.

use std::sync::Arc;

use background_fetch::dashboard::Dashboard;
use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmOptions;
use background_fetch::store::BackgroundFetchKey;
use parking_lot::Mutex;
use serde_json::Value;
use serde_json::json;
use support::Behaviour;
use support::FaultServer;
use support::Resource;

use super::harness::Page;
use crate::engine::harness::bounded;
use crate::engine::harness::fetch;
use crate::engine::harness::in_memory;
use crate::engine::harness::next_event;
use crate::engine::harness::realm_options;
use crate::engine::harness::settle;
use crate::engine::harness::wait_for;
use crate::engine::harness::worker;

fn command(name: &str, key: BackgroundFetchKey) -> Value {
  json!({ "command": name, "key": key })
}

fn said(status: u16, message: &str) -> (u16, String) {
  (status, message.to_string())
}

async fn server_that_stalls() -> (FaultServer, String) {
  let server = FaultServer::start().await;
  let film = Resource::bytes(1000, 1)
    .etag("\"1\"")
    .script([Behaviour::StallAfter(500), Behaviour::Hold]);
  let url = server.serve("/film", film);
  (server, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_pauses_continues_and_aborts() {
  let (_server, url) = server_that_stalls().await;
  let engine = in_memory();
  let realm = worker(&engine);
  let page = Page::of(&engine).await;
  let key = fetch(&realm, "film", &[&url]).await.key;
  wait_for(&engine, key, |b| b.downloaded == 500).await;

  let pause = command("pause", key);
  assert_eq!(page.post("command", &pause).await, said(200, "paused"));
  wait_for(&engine, key, |b| b.paused).await;
  let again = page.post("command", &pause).await;
  assert_eq!(again, said(200, "it was so already"));
  let unpause = command("unpause", key);
  assert_eq!(page.post("command", &unpause).await, said(200, "continued"));
  wait_for(&engine, key, |b| !b.paused).await;
  let abort = command("abort", key);
  assert_eq!(page.post("command", &abort).await, said(200, "aborted"));
  let (lease, event, _) = next_event(&realm).await;
  assert_eq!(event, "backgroundfetchabort");
  lease.acknowledge();
  bounded(realm.idle()).await;
  let gone = page.post("command", &pause).await;
  assert_eq!(gone, said(404, "it is not there any more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_clicks() {
  let (_server, url) = server_that_stalls().await;
  let engine = in_memory();
  let realm = worker(&engine);
  let page = Page::of(&engine).await;
  let key = fetch(&realm, "film", &[&url]).await.key;
  let click = command("click", key);
  assert_eq!(page.post("command", &click).await, said(200, "clicked"));
  let (_, event, _) = next_event(&realm).await;
  assert_eq!(event, "backgroundfetchclick");
}

/// A worker whose failed background fetches are kept.
fn keeping_worker(engine: &Engine) -> Realm {
  let realm = engine.attach(RealmOptions {
    keep_failed: true,
    ..realm_options()
  });
  realm.start_worker();
  realm
}

async fn failed(
  engine: &Engine,
  realm: &Realm,
  url: &str,
) -> BackgroundFetchKey {
  let key = fetch(realm, "film", &[url]).await.key;
  let (lease, event, _) = next_event(realm).await;
  assert_eq!(event, "backgroundfetchfail");
  lease.acknowledge();
  wait_for(engine, key, |b| b.retained.is_some()).await;
  key
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_failed_is_retried_or_deleted() {
  let server = FaultServer::start().await;
  let missing = [Behaviour::Status(404), Behaviour::Normal];
  let url = server.serve("/film", Resource::text("x").script(missing));
  let engine = in_memory();
  let page = Page::of(&engine).await;
  let realm = keeping_worker(&engine);
  let key = failed(&engine, &realm, &url).await;
  let aborted = page.post("command", &command("abort", key)).await;
  assert_eq!(aborted, said(409, "it has ended already"));
  let retried = page.post("command", &command("retry", key)).await;
  assert_eq!(retried, said(200, "tried again"));
  settle(&realm, "backgroundfetchsuccess").await;

  let missing = Resource::text("x").script([Behaviour::Status(404)]);
  let url = server.serve("/other", missing);
  let key = failed(&engine, &realm, &url).await;
  let deleted = page.post("command", &command("delete", key)).await;
  assert_eq!(deleted, said(200, "deleted"));
  let all = engine.background_fetches();
  assert!(all.iter().all(|b| b.key != key));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_can_be_commanded() {
  let engine = in_memory();
  let page = Page::of(&engine).await;
  let moved = json!({ "url": "http://x.test/", "embedderData": "{}" });
  for body in [
    json!({ "command": "list" }),
    json!({ "command": "notifications" }),
    json!({ "command": "retry", "key": 1, "moved": moved }),
  ] {
    let refused = page.post("command", &body).await;
    assert_eq!(refused, said(400, "the dashboard has no such command"));
  }
  let nothing = json!({ "url": "http://x.test/" });
  let (status, message) = page.post("add", &nothing).await;
  assert_eq!(status, 501);
  assert!(message.contains("takes no URLs"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedder_takes_urls_that_are_added() {
  let added = Arc::new(Mutex::new(Vec::new()));
  let seen = added.clone();
  let engine = in_memory();
  let dashboard = Dashboard::of(&engine).on_add(move |url| {
    seen.lock().push(url.clone());
    async move {
      match url.as_str() {
        "bad" => Err("this is not a URL".to_string()),
        _ => Ok(()),
      }
    }
  });
  let page = Page::serve(dashboard).await;
  let good = page.post("add", &json!({ "url": "http://x.test/" })).await;
  assert_eq!(good, said(200, "added"));
  let bad = page.post("add", &json!({ "url": "bad" })).await;
  assert_eq!(bad, said(422, "this is not a URL"));
  assert_eq!(*added.lock(), ["http://x.test/", "bad"]);
}
