//! Requests with a body.

use std::time::Duration;

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::NewRecord;
use background_fetch::engine::Realm;
use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::Request;
use background_fetch::store::Store;
use bytes::Bytes;
use url::Url;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 1_000_000;

async fn post(realm: &Realm, url: &str) -> NewRecord {
  let mut body = bounded(realm.create_request_body()).await.unwrap();
  for offset in (0..SIZE).step_by(100_000) {
    let chunk = Bytes::from(content::bytes(offset, 100_000, 1));
    bounded(body.write(chunk)).await.unwrap();
  }
  let mut request = Request::get(Url::parse(url).unwrap());
  request.method = "POST".into();
  NewRecord {
    request,
    body: Some(body.finish()),
  }
}

// steps: complete.4, complete.11.body.1 to complete.11.body.3, fetch.3
// steps: fetch.8.8.3.3, fetch.8.12, records.2.4, update.2
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_sent_whole_and_counted() {
  let server = FaultServer::start().await;
  server.serve("/up", Resource::text("thanks"));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let record = post(&realm, &server.url("/up")).await;
  let options = BackgroundFetchOptions::default();
  let fetched = realm.fetch("up".into(), vec![record], options);
  let fetched = bounded(fetched).await.unwrap();
  assert_eq!(fetched.upload_total, SIZE);
  let (lease, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  assert_eq!(snapshot.uploaded, SIZE);
  let seen = &server.requests()[0];
  assert_eq!(seen.method, "POST");
  assert_eq!(seen.body_sha256, Some(content::sha256(SIZE, 1)));
  assert_eq!(seen.header("content-length"), Some("1000000"));
  let handle = records(&realm, fetched.key).remove(0);
  let body = bounded(handle.read_request_body(999_000, 5000))
    .await
    .unwrap();
  assert_eq!(body, content::bytes(999_000, 1000, 1));
  assert_eq!(read(&handle).await.unwrap(), b"thanks");
  lease.acknowledge();
  drop(handle);
  bounded(realm.idle()).await;
  bounded(engine.shutdown()).await;
  drop(realm);
  assert_eq!(rest(directory.path()), (0, 0));
}

// steps: complete.11.response.1.1, complete.11.response.1.2
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_upload_is_not_repeated() {
  let server = FaultServer::start().await;
  server.serve(
    "/up",
    Resource::text("x").script([ResetUploadAfter(200_000)]),
  );
  let realm = worker(&in_memory());
  let record = post(&realm, &server.url("/up")).await;
  let options = BackgroundFetchOptions::default();
  let fetched = realm.fetch("up".into(), vec![record], options);
  bounded(fetched).await.unwrap();
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  let error = BackgroundFetchFailureReason::FetchError;
  assert_eq!(snapshot.failure_reason, error);
  assert_eq!(server.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_no_fetch_has_taken_is_deleted() {
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let record = post(&realm, "ftp://a.test/").await;
  let options = BackgroundFetchOptions::default();
  let refused = realm.fetch("up".into(), vec![record], options);
  assert!(bounded(refused).await.is_err());
  bounded(engine.shutdown()).await;
  drop(realm);
  assert_eq!(rest(directory.path()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_under_way_is_not_sent_again_after_a_restart() {
  let server = FaultServer::start().await;
  server.serve("/up", Resource::text("x").script([Hold]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let record = post(&realm, &server.url("/up")).await;
  let options = BackgroundFetchOptions::default();
  let fetched = realm.fetch("up".into(), vec![record], options);
  bounded(fetched).await.unwrap();
  server
    .wait_until_stalled("/up", Duration::from_secs(30))
    .await;
  // Anyone who looks on sees an upload that is under way, and not a failed one.
  let row = Store::read_directory(directory.path()).unwrap().remove(0);
  let row = row.unwrap();
  assert!(row.bodies[0].sent);
  assert_eq!(row.background_fetch.records[0].response_data.result, None);
  assert_eq!(row.bodies[0].diagnostic, "");
  bounded(engine.shutdown()).await;
  drop(realm);

  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  let error = BackgroundFetchFailureReason::FetchError;
  assert_eq!(snapshot.failure_reason, error);
  let told = snapshot.diagnostic.unwrap();
  assert!(told.contains("not sent twice"), "{told}");
  assert_eq!(server.requests().len(), 1);
}
