//! Subresource integrity of bodies that came in parts.

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::spec::BackgroundFetchFailureReason::FetchError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;
use sha2::Sha256;

use crate::engine::harness::*;
use support::Behaviour;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

const SIZE: u64 = 1_000_000;
const RIGHT: u64 = 1;
const WRONG: u64 = 2;

/// Fetches with the integrity metadata of the contents that `seed` makes; the
/// resource is the one of [`RIGHT`]. Returns how it ended, and how often it
/// was asked for.
async fn fetch_with_integrity(
  seed: u64,
  script: impl IntoIterator<Item = Behaviour>,
) -> (&'static str, BackgroundFetchSnapshot, usize) {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, RIGHT).etag("\"1\"").script(script);
  let mut record = get(&server.serve("/r", resource));
  let hash = Sha256::digest(content::bytes(0, SIZE, seed));
  record.request.integrity = format!("sha256-{}", STANDARD.encode(hash));
  let realm = worker(&in_memory());
  let options = BackgroundFetchOptions::default();
  bounded(realm.fetch("r".into(), vec![record], options))
    .await
    .unwrap();
  let (_, name, snapshot) = next_event(&realm).await;
  (name, snapshot, server.requests_for("/r").len())
}

async fn succeeds(script: &[Behaviour], requests: usize) {
  let (name, snapshot, asked) =
    fetch_with_integrity(RIGHT, script.to_vec()).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  assert_eq!(asked, requests);
}

async fn fails(script: &[Behaviour], requests: usize) {
  let (name, snapshot, asked) =
    fetch_with_integrity(WRONG, script.to_vec()).await;
  assert_eq!(name, "backgroundfetchfail");
  assert_eq!(snapshot.failure_reason, FetchError);
  let told = snapshot.diagnostic.unwrap();
  assert!(told.contains("/r does not match the integrity"), "{told}");
  // It is final: the same bytes would come again.
  assert_eq!(asked, requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_came_at_once_is_verified() {
  succeeds(&[Normal], 1).await;
  fails(&[Normal], 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_resumed_is_verified_as_a_whole() {
  let script = [ResetAfter(400_000), Normal];
  succeeds(&script, 2).await;
  fails(&script, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_pieces_is_verified_after_the_last_of_them() {
  let script = [ShortPiece(300_000)];
  succeeds(&script, 4).await;
  fails(&script, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_end_a_416_tells_is_verified() {
  let unknown = format!("bytes 0-{}/*", SIZE - 1);
  let script = [ContentRange(unknown), NotSatisfiable];
  succeeds(&script, 2).await;
  fails(&script, 2).await;
}
