//! What a record object that is held says in the end.

use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::RecordError;
use background_fetch::engine::RecordHandle;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

/// Reads the first bytes of a record.
async fn begin_to_read(record: &RecordHandle) -> u64 {
  let bytes = bounded(record.read(0, 64 * 1024)).await.unwrap().unwrap();
  assert!(!bytes.is_empty());
  bytes.len() as u64
}

// steps: records.2.8.4.3, records.2.9.3, complete.14.2
#[tokio::test(flavor = "multi_thread")]
async fn an_abort_breaks_off_what_is_read() {
  let server = FaultServer::start().await;
  let stalled = Resource::bytes(500_000, 1).script([StallAfter(200_000)]);
  server.serve("/r", stalled);
  let realm = worker(&in_memory());
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let record = records(&realm, key).remove(0);
  begin_to_read(&record).await;
  server.wait_until_stalled("/r", BOUND).await;
  assert_eq!(
    bounded(realm.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  let error = read(&record).await.unwrap_err();
  assert!(matches!(error, RecordError::Aborted), "{error:?}");
  let error = bounded(record.response()).await.unwrap_err();
  assert!(matches!(error, RecordError::Aborted), "{error:?}");
}

// steps: records.2.8.4.4, records.2.9.4
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_breaks_off_what_is_read() {
  let server = FaultServer::start().await;
  // What is stored is kept, and is not the whole.
  let wrong = [TruncateAfter(200_000), Status(404)];
  let resource = Resource::bytes(500_000, 1).etag("\"1\"");
  server.serve("/r", resource.script(wrong));
  let realm = worker(&in_memory());
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let record = records(&realm, key).remove(0);
  settle(&realm, "backgroundfetchfail").await;
  let error = read(&record).await.unwrap_err();
  assert!(matches!(error, RecordError::NotExposed(_)), "{error:?}");
  let error = bounded(record.response()).await.unwrap_err();
  assert!(matches!(error, RecordError::NotExposed(_)), "{error:?}");
}

// steps: complete.11.response.3.1, complete.11.response.3.2, records.2.1
// steps: records.2.8.4.4
#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_was_replaced_is_redundant() {
  let server = FaultServer::start().await;
  let new = NewVersion {
    seed: 2,
    etag: "\"2\"".into(),
  };
  let held = All(vec![Hold, new]);
  let resource = Resource::bytes(500_000, 1).etag("\"1\"");
  server.serve("/r", resource.script([TruncateAfter(200_000), held]));
  let realm = worker(&in_memory());
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let old = records(&realm, key).remove(0);
  begin_to_read(&old).await;
  server.wait_until_stalled("/r", BOUND).await;
  server.release("/r");
  let (_, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  let error = read(&old).await.unwrap_err();
  assert!(matches!(error, RecordError::NotExposed(_)), "{error:?}");
  let new = records(&realm, key).remove(0);
  assert_eq!(read(&new).await.unwrap().len(), 500_000);
}

// steps: records.2.9.2.2, records.2.9.2.3
#[tokio::test(flavor = "multi_thread")]
async fn a_response_does_not_tell_of_its_first_part() {
  let server = FaultServer::start().await;
  let pieces = Resource::bytes(500_000, 1).etag("\"1\"");
  server.serve("/r", pieces.script([ShortPiece(300_000)]));
  let realm = worker(&in_memory());
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let record = records(&realm, key).remove(0);
  let response = bounded(record.response()).await.unwrap();
  assert_eq!(response.status, 206);
  assert!(response.headers.contains("etag"));
  assert!(!response.headers.contains("content-range"));
  assert!(!response.headers.contains("content-length"));
}
