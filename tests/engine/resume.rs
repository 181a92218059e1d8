//! Transfers that are interrupted on the wire.

use background_fetch::engine::Realm;

use crate::harness::*;
use crate::support::Behaviour;
use crate::support::Behaviour::*;
use crate::support::FaultServer;
use crate::support::Resource;
use crate::support::content;

const SIZE: u64 = 1_000_000;

/// Fetches a resource that behaves as in `script`, and returns the server,
/// the realm and the digest of what arrived.
async fn fetch_with(
  script: impl IntoIterator<Item = Behaviour>,
) -> (FaultServer, Realm, String) {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"").script(script);
  server.serve("/r", resource);
  let realm = worker(&in_memory());
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{}", snapshot.diagnostic);
  let record = records(&realm, key).remove(0);
  let digest = content::sha256_of(&read(&record).await.unwrap());
  (server, realm, digest)
}

// steps: complete.7, complete.8, complete.11.response.8.1
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_transfer_goes_on_where_it_was() {
  let (server, _realm, digest) =
    fetch_with([ResetAfter(400_000), Normal]).await;
  assert_eq!(digest, content::sha256(SIZE, 1));
  let requests = server.requests_for("/r");
  assert_eq!(requests.len(), 2);
  let range = requests[1].header("range").unwrap();
  let first: u64 = range
    .strip_prefix("bytes=")
    .unwrap()
    .strip_suffix('-')
    .unwrap()
    .parse()
    .unwrap();
  assert!((1..=400_000).contains(&first), "{first}");
  assert_eq!(requests[1].header("if-range"), Some("\"1\""));
  assert_eq!(requests[1].header("accept-encoding"), Some("identity"));
}

// steps: complete.11.response.3.2
#[tokio::test(flavor = "multi_thread")]
async fn what_was_got_over_is_no_diagnostic_and_the_size_is_known() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"");
  server.serve("/r", resource.script([TruncateAfter(400_000), Normal]));
  let engine = in_memory();
  let realm = worker(&engine);
  fetch(&realm, "r", &[&server.url("/r")]).await;
  let (_, _, snapshot) = next_event(&realm).await;
  assert_eq!(snapshot.expected, Some(SIZE));
  assert_eq!(snapshot.diagnostic, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_makes_progress_is_never_given_up() {
  // More interruptions than attempts without progress are allowed.
  let interruptions = (0..8).map(|_| TruncateAfter(100_000));
  let (server, _realm, digest) =
    fetch_with(interruptions.chain([Normal])).await;
  assert_eq!(digest, content::sha256(SIZE, 1));
  assert_eq!(server.requests_for("/r").len(), 9);
}
