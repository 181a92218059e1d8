//! Transfers that are interrupted on the wire.

use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmOptions;
use background_fetch::spec::ResumePolicy;
use background_fetch::store::Store;

use crate::engine::harness::*;
use support::Behaviour;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

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
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
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
  assert_eq!(snapshot.diagnostic, None);
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

/// As pages do that know nothing of ranges: the first answer has a coding.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_asks_for_a_coding_until_it_was_interrupted() {
  let server = FaultServer::start().await;
  let coded = || All(vec![Gzip, TruncateAfter(400_000)]);
  let cut = TruncateAfter(400_000);
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"");
  let url = server.serve("/r", resource.script([coded(), cut, Normal]));
  let engine = in_memory();
  let page = server.url("/sw.js").parse().unwrap();
  let realm = engine.attach(RealmOptions::new(RealmKind::ServiceWorker, page));
  realm.start_worker();
  let key = fetch(&realm, "r", &[&url]).await.key;
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(SIZE, 1));
  let requests = server.requests_for("/r");
  let asked: Vec<_> = requests
    .iter()
    .map(|r| (r.header("range"), r.header("accept-encoding").unwrap()))
    .collect();
  let identity = "identity";
  let rest = Some("bytes=400000-");
  assert_eq!(asked[1..], [(None, identity), (rest, identity)]);
  assert!(asked[0].1.contains("gzip"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_lengths_are_joined_where_that_is_asked_for() {
  for (policy, range) in [
    (ResumePolicy::Validator, None),
    (ResumePolicy::SameLength, Some("bytes=400000-")),
  ] {
    let server = FaultServer::start().await;
    let resource = Resource::bytes(SIZE, 1);
    let script = [TruncateAfter(400_000), Normal];
    let url = server.serve("/r", resource.script(script));
    let mut config = config();
    config.resume = policy;
    let engine = Engine::builder()
      .config(config)
      .start_blocking(Store::in_memory())
      .unwrap();
    let realm = worker(&engine);
    let key = fetch(&realm, "r", &[&url]).await.key;
    settle_or_panic(&realm).await;
    let body = read(&records(&realm, key)[0]).await.unwrap();
    assert_eq!(content::sha256_of(&body), content::sha256(SIZE, 1));
    let requests = server.requests_for("/r");
    assert_eq!(requests[1].header("range"), range);
    assert_eq!(requests[1].header("if-range"), None);
  }
}

async fn settle_or_panic(realm: &Realm) {
  let (_, name, snapshot) = next_event(realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_is_the_last_one() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(SIZE, 1).etag("\"1\"");
  let bare = All(vec![IgnoreRange, Header("ETag".into(), "".into())]);
  let script = [TruncateAfter(400_000), bare];
  let url = server.serve("/r?secret", resource.script(script));
  let realm = worker(&in_memory());
  fetch(&realm, "r", &[&url]).await;
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchfail");
  let told = snapshot.diagnostic.unwrap();
  assert!(
    told.contains("/r sent a whole answer without the"),
    "{told}"
  );
  assert!(!told.contains("secret"), "{told}");
  assert_eq!(snapshot.downloaded, 400_000);
}
