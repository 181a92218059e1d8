//! What fails, and how it is told.

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::BackgroundFetchFailureReason::*;

use crate::engine::harness::*;
use support::Behaviour;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

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
  assert_eq!(snapshot.failure_reason, reason, "{:?}", snapshot.diagnostic);
  snapshot.diagnostic.unwrap()
}

// steps: complete.11.response.7.2
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_is_not_ok_is_a_bad_status() {
  let diagnostic = fails_with([Status(404)], BadStatus).await;
  assert!(diagnostic.contains("/r answered 404"), "{diagnostic}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_holds_no_more_of_an_answer_than_its_beginning() {
  let long = "x".repeat(30_000);
  let head = |line: String| RawResponse(format!("{line}\r\n\r\n").into());
  for (head, reason) in [
    (head(format!("HTTP/1.1 404 {long}")), BadStatus),
    (
      head(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {long}")),
      FetchError,
    ),
  ] {
    let diagnostic = fails_with([head], reason).await;
    assert!(diagnostic.contains("xxx"), "{diagnostic}");
    assert!(diagnostic.len() < 500, "{}", diagnostic.len());
  }
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

/// A resource of a million bytes that answers as in `script`, fetched with a
/// `downloadTotal` of 2000 into a store in `directory`.
async fn fails_within_2000(
  resource: Resource,
  directory: &std::path::Path,
) -> u64 {
  let server = FaultServer::start().await;
  let url = server.serve("/r", resource);
  let realm = worker(&on_disk(directory));
  let mut record = get(&url);
  record.request.headers.append("accept-encoding", "gzip");
  let options = BackgroundFetchOptions {
    download_total: 2000,
    ..BackgroundFetchOptions::default()
  };
  bounded(realm.fetch("r".into(), vec![record], options))
    .await
    .unwrap();
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchfail");
  let told = snapshot.diagnostic.as_deref().unwrap_or_default();
  assert_eq!(snapshot.failure_reason, DownloadTotalExceeded, "{told}");
  assert!(snapshot.downloaded <= 2000);
  stored_bytes(&directory.join("bodies"))
}

fn stored_bytes(directory: &std::path::Path) -> u64 {
  let entries = std::fs::read_dir(directory).unwrap();
  let sizes = entries.map(|entry| {
    let path = entry.unwrap().path();
    match path.is_dir() {
      true => stored_bytes(&path),
      false => path.metadata().unwrap().len(),
    }
  });
  sizes.sum()
}

// steps: complete.11.response.6.1
#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_stopped_before_it_reaches_the_disk() {
  let directory = tempfile::tempdir().unwrap();
  // Four kilobytes on the wire.
  let bomb = Resource::literal(vec![0; 4_000_000]).script([Gzip]);
  let stored = fails_within_2000(bomb, directory.path()).await;
  assert!(stored <= 4096, "{stored}");
}

// steps: complete.11.response.6.1
#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_unknown_length_is_stopped_at_the_download_total() {
  let directory = tempfile::tempdir().unwrap();
  let endless = Resource::bytes(1 << 40, 1).script([Chunked]);
  let stored = fails_within_2000(endless, directory.path()).await;
  assert!(stored <= 4096, "{stored}");
}

// steps: complete.11.response.8.2
#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_always_promises_too_much_is_a_fetch_error() {
  let lie = || All(vec![IgnoreRange, LyingContentLength(1_000_001)]);
  let diagnostic = fails_with([lie()], FetchError).await;
  assert!(diagnostic.contains("broke"), "{diagnostic}");
}

// steps: complete.11.response.8.2
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up() {
  let mut config = config();
  config.network.idle_timeout = std::time::Duration::from_millis(50);
  let store = background_fetch::store::Store::in_memory();
  let engine = background_fetch::engine::Engine::builder()
    .config(config)
    .start_blocking(store)
    .unwrap();
  let realm = worker(&engine);
  let server = FaultServer::start().await;
  let minute = std::time::Duration::from_secs(60);
  let resource = Resource::text("slow").accept_ranges(false);
  let slow = All(vec![IgnoreRange, OneBytePer(minute)]);
  let url = server.serve("/r", resource.script([slow]));
  fetch(&realm, "r", &[&url]).await;
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  assert_eq!(snapshot.failure_reason, FetchError);
  let told = snapshot.diagnostic.unwrap();
  assert!(told.contains("sent nothing for 0.05 s"), "{told}");
}

/// What signs a URL is a key to what it names.
#[tokio::test(flavor = "multi_thread")]
async fn no_reason_has_the_signature_of_a_url() {
  let server = FaultServer::start().await;
  let signed = |path: &str| server.url(path) + "?signature=secret#secret";
  server.serve("/status", Resource::text("x").script([Status(403)]));
  server.serve("/refused", Resource::text("x").script([Refuse]));
  server.serve("/moved", Resource::redirect("http://[/?secret", 302));
  server.serve("/odd", Resource::redirect("ftp://x/?secret", 302));
  server.serve("/digest", Resource::text("x"));
  server.serve("/endless", Resource::text("x").script([EndlessHeaders]));
  let mut config = config();
  config.retry.attempts = 0;
  let store = background_fetch::store::Store::in_memory();
  let engine = background_fetch::engine::Engine::builder()
    .config(config)
    .start_blocking(store)
    .unwrap();
  let realm = worker(&engine);
  for path in [
    "/status", "/refused", "/moved", "/odd", "/digest", "/endless",
  ] {
    let mut record = get(&signed(path));
    if path == "/digest" {
      record.request.integrity = "sha256-AAAA".into();
    }
    let fetched = realm.fetch(path.into(), vec![record], Default::default());
    bounded(fetched).await.unwrap();
    let told = settle(&realm, "backgroundfetchfail")
      .await
      .diagnostic
      .unwrap();
    assert!(
      !told.is_empty() && !told.contains("secret"),
      "{path}: {told}"
    );
  }
}
