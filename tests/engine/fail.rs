//! What fails, and how it is told.

use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::BackgroundFetchFailureReason::*;

use crate::harness::*;
use crate::support::Behaviour;
use crate::support::Behaviour::*;
use crate::support::FaultServer;
use crate::support::Resource;

async fn fails_with(
  script: impl IntoIterator<Item = Behaviour>,
  reason: BackgroundFetchFailureReason,
) -> String {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(1_000_000, 1).etag("\"1\"").script(script);
  server.serve("/r", resource);
  let realm = worker(&in_memory());
  fetch(&realm, "r", &[&server.url("/r")]).await;
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(snapshot.failure_reason, reason, "{}", snapshot.diagnostic);
  snapshot.diagnostic
}

// steps: complete.11.response.7.2
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_not_ok_is_a_bad_status() {
  let diagnostic = fails_with([Status(404)], BadStatus).await;
  assert!(diagnostic.contains("/r answered 404"), "{diagnostic}");
}

// steps: validate.3, complete.11.response.2.1.1
#[tokio::test(flavor = "multi_thread")]
async fn a_part_with_the_wrong_first_byte_is_a_fetch_error() {
  fails_with([TruncateAfter(400_000), WrongFirstByte], FetchError).await;
}

// steps: extract.1, validate.2
#[tokio::test(flavor = "multi_thread")]
async fn a_part_without_a_content_range_is_a_fetch_error() {
  fails_with([TruncateAfter(400_000), NoContentRange], FetchError).await;
}

// steps: validate.4.1.1
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_another_version_is_a_fetch_error() {
  let other = All(vec![ChangeEtag("\"2\"".into()), IgnoreIfRange]);
  fails_with([TruncateAfter(400_000), other], FetchError).await;
}

// steps: complete.11.response.1.2
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_is_given_up() {
  let diagnostic = fails_with([Refuse], FetchError).await;
  assert!(!diagnostic.is_empty());
}

// steps: complete.11.response.1.2
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_ranges_that_always_breaks_is_given_up() {
  let broken = || All(vec![IgnoreRange, TruncateAfter(400_000)]);
  fails_with([broken()], FetchError).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named() {
  let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
  let address = listener.local_addr().unwrap();
  drop(listener);
  let realm = worker(&in_memory());
  fetch(&realm, "r", &[&format!("http://{address}/")]).await;
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(snapshot.failure_reason, FetchError);
  let told = snapshot.diagnostic;
  assert!(told.contains(&address.to_string()), "{told}");
  assert!(told.contains("refused"), "{told}");
}

// steps: complete.11.response.6.1
#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_download_total_is_refused() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::bytes(1_000_000, 1));
  let realm = worker(&in_memory());
  let url = server.url("/r");
  try_fetch(&realm, "r", &[&url], 999_999).await.unwrap();
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(snapshot.failure_reason, DownloadTotalExceeded);
  assert!(snapshot.downloaded <= 999_999);
  try_fetch(&realm, "r", &[&url], 1_000_000).await.unwrap();
  settle(&realm, "backgroundfetchsuccess").await;
}
