//! What arrives, and how it is read.

use std::time::Duration;

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::RealmMessage;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::spec::CacheQueryOptions;
use background_fetch::spec::Request;
use background_fetch::store::ExportMode;
use url::Url;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

const BOUND: Duration = Duration::from_secs(240);

// steps: perform.5, perform.8.13.2, complete.11
#[tokio::test(flavor = "multi_thread")]
async fn two_resources_arrive_and_leave_nothing_behind() {
  let server = FaultServer::start().await;
  server.serve("/a", Resource::bytes(3_000_000, 1));
  server.serve("/b", Resource::text("hello"));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let (a, b) = (server.url("/a"), server.url("/b"));
  let fetched = fetch(&realm, "both", &[&a, &b]).await;
  let (lease, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  assert_eq!(snapshot.result, BackgroundFetchResult::Success);
  assert_eq!(snapshot.downloaded, 3_000_005);
  let records = records(&realm, fetched.key);
  assert_eq!(records[1].request().url.as_str(), b);
  assert_eq!(records[0].response().await.unwrap().status, 200);
  let body = read(&records[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(3_000_000, 1));
  assert_eq!(read(&records[1]).await.unwrap(), b"hello");
  lease.acknowledge();
  drop(records);
  bounded(realm.idle()).await;
  bounded(engine.shutdown()).await;
  drop(realm);
  assert_eq!(rest(directory.path()), (0, 0));
}

// steps: records.2.1, records.2.8.1 to records.2.8.3, records.2.8.3.1
// steps: records.2.9.1, records.2.9.2.1, records.2.9.2.3
#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_read_while_it_arrives() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(500_000, 2);
  server.serve("/slow", resource.script([StallAfter(200_000)]));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "slow", &[&server.url("/slow")]).await.key;
  let record = records(&realm, key).remove(0);
  let response = bounded(record.response()).await.unwrap();
  assert!(!response.headers.contains("content-length"));
  server.wait_until_stalled("/slow", BOUND).await;
  let mut body = Vec::new();
  while body.len() < 200_000 {
    let read = bounded(record.read(body.len() as u64, 64 * 1024)).await;
    body.extend_from_slice(&read.unwrap().unwrap());
  }
  server.release("/slow");
  settle(&realm, "backgroundfetchsuccess").await;
  // The record object outlives the event, and so do its bytes.
  let whole = read(&record).await.unwrap();
  assert_eq!(content::sha256_of(&whole), content::sha256(500_000, 2));
}

// steps: complete.11.response.6.4, perform.8.7, update.1
#[tokio::test(flavor = "multi_thread")]
async fn the_last_progress_is_always_told() {
  let server = FaultServer::start().await;
  server.serve("/a", Resource::bytes(2_000_000, 3));
  let engine = in_memory();
  let realm = worker(&engine);
  fetch(&realm, "progress", &[&server.url("/a")]).await;
  let mut last = 0;
  loop {
    match bounded(realm.next_message()).await {
      RealmMessage::Updates(updates) => {
        for snapshot in updates {
          assert!(snapshot.downloaded >= last);
          last = snapshot.downloaded;
        }
      }
      RealmMessage::Event { .. } => break,
      _ => {}
    }
  }
  assert_eq!(last, 2_000_000);
}

// steps: complete.11.response.7.3
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_response_is_a_success() {
  let server = FaultServer::start().await;
  server.serve("/empty", Resource::bytes(0, 0));
  let engine = in_memory();
  let realm = worker(&engine);
  let key = fetch(&realm, "empty", &[&server.url("/empty")]).await.key;
  let (_, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  let record = records(&realm, key).remove(0);
  assert_eq!(record.response().await.unwrap().status, 200);
  assert_eq!(read(&record).await.unwrap(), b"");
}

// steps: matchAll.3.1, matchAll.3.2, matchAll.3.2.1
#[tokio::test(flavor = "multi_thread")]
async fn records_are_matched_by_request() {
  let server = FaultServer::start().await;
  server.serve("/a", Resource::text("a"));
  let engine = in_memory();
  let realm = worker(&engine);
  let (one, two) = (server.url("/a?1"), server.url("/a?2"));
  let key = fetch(&realm, "match", &[&one, &two]).await.key;
  let request = Request::get(Url::parse(&two).unwrap());
  let exact =
    realm.match_all(key, Some(&request), CacheQueryOptions::default());
  assert_eq!(exact.len(), 1);
  assert_eq!(exact[0].request().url.as_str(), two);
  let options = CacheQueryOptions {
    ignore_search: true,
    ..CacheQueryOptions::default()
  };
  assert_eq!(realm.match_all(key, Some(&request), options).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_there_before_the_event() {
  let server = FaultServer::start().await;
  server.serve("/a", Resource::bytes(100_000, 4));
  let directory = tempfile::tempdir().unwrap();
  let out = directory.path().join("a");
  let (sender, receiver) = tokio::sync::oneshot::channel::<Engine>();
  let slot = std::sync::Arc::new(tokio::sync::Mutex::new(Some(receiver)));
  let mut config = config();
  let destination = out.clone();
  config.before_event = Some(std::sync::Arc::new(
    move |snapshot: BackgroundFetchSnapshot| {
      let (slot, destination) = (slot.clone(), destination.clone());
      async move {
        let engine = slot.lock().await.take().unwrap().await.unwrap();
        engine
          .export(snapshot.key, 0, &destination, ExportMode::Share)
          .await
          .unwrap();
      }
    },
  ));
  let engine = Engine::builder()
    .config(config)
    .open_blocking(directory.path().join("store"))
    .unwrap();
  sender.send(engine.clone()).ok().unwrap();
  let realm = worker(&engine);
  fetch(&realm, "export", &[&server.url("/a")]).await;
  let (_lease, ..) = next_event(&realm).await;
  content::verify(&out, 100_000, 4).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_small_records_arrive() {
  let server = FaultServer::start().await;
  server.serve("/small", Resource::bytes(4096, 5));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let urls: Vec<String> = (0..2000)
    .map(|n| server.url(&format!("/small?{n}")))
    .collect();
  let records = urls.iter().map(|url| get(url)).collect();
  let options = BackgroundFetchOptions::default();
  bounded(realm.fetch("many".into(), records, options))
    .await
    .unwrap();
  let snapshot = settle(&realm, "backgroundfetchsuccess").await;
  assert_eq!(snapshot.downloaded, 2000 * 4096);
  assert!(server.most_at_once() <= 32, "{}", server.most_at_once());
  bounded(engine.shutdown()).await;
  drop(realm);
  assert_eq!(rest(directory.path()), (0, 0));
}
