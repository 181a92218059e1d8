//! Several parts of one response at once. Whatever becomes of the parts, the
//! result is what it would have been without them, and never a mixture.

use std::path::Path;
use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::NewRecord;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::Realm;
use background_fetch::engine::SegmentPolicy;
use background_fetch::engine::UnpauseOutcome;
use background_fetch::store::Store;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::engine::harness::*;
use support::Behaviour;
use support::Behaviour::*;
use support::FaultServer;
use support::Protocol;
use support::Resource;
use support::SeenRequest;
use support::content;

const BOUND: Duration = Duration::from_secs(240);
const SIZE: u64 = 6_000_000;

fn split(max: usize) -> EngineConfig {
  EngineConfig {
    segments: SegmentPolicy {
      max,
      min_size: 256 * 1024,
    },
    ..config()
  }
}

/// What one connection can have.
fn slow() -> Behaviour {
  Throttle {
    bytes_per_second: 3_000_000,
  }
}

fn film() -> Resource {
  Resource::bytes(SIZE, 1).etag("\"1\"")
}

fn in_memory_with(config: EngineConfig) -> (Engine, Realm) {
  let engine = Engine::builder()
    .config(config)
    .start_blocking(Store::in_memory())
    .unwrap();
  let realm = worker(&engine);
  (engine, realm)
}

fn on_disk_with(config: EngineConfig, directory: &Path) -> Engine {
  Engine::builder()
    .config(config)
    .open_blocking(directory)
    .unwrap()
}

/// Fetches it, and returns the digest of what came.
async fn fetched(realm: &Realm, url: &str) -> String {
  let key = fetch(realm, "r", &[url]).await.key;
  let (_, name, snapshot) = next_event(realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  assert_eq!(snapshot.diagnostic, None);
  assert_eq!(snapshot.downloaded, SIZE);
  assert_eq!(snapshot.received, SIZE);
  content::sha256_of(&read(&records(realm, key)[0]).await.unwrap())
}

/// First and last byte of a range with an end.
fn part(request: &SeenRequest) -> Option<(u64, u64)> {
  let range = request.header("range")?.strip_prefix("bytes=")?;
  let (first, last) = range.split_once('-')?;
  Some((first.parse().ok()?, last.parse().ok()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_fetched_in_as_many_parts_as_there_may_be() {
  let server = FaultServer::start().await;
  let url = server.serve("/r", film().script([slow()]));
  let (_engine, realm) = in_memory_with(split(4));
  assert_eq!(fetched(&realm, &url).await, content::sha256(SIZE, 1));
  let requests = server.requests_for("/r");
  assert!(server.most_at_once() == 4, "{requests:#?}");
  assert_eq!(requests[0].header("range"), None);
  let parts: Vec<_> = requests.iter().filter_map(part).collect();
  assert_eq!(parts.len(), requests.len() - 1, "{requests:#?}");
  // The first three are quarters, and one proved it for the others.
  let mut quarters = parts[..3].to_vec();
  quarters.sort();
  for (n, (first, last)) in quarters.iter().enumerate() {
    let quarter = SIZE / 4;
    let begin = quarter * (n as u64 + 1);
    assert!(first.abs_diff(begin) < quarter / 4, "{parts:?}");
    assert!(last - first > quarter / 2, "{parts:?}");
  }
  for request in &requests[1..] {
    assert_eq!(request.header("if-range"), Some("\"1\""));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_the_default() {
  let server = FaultServer::start().await;
  let url = server.serve("/r", film().script([slow()]));
  let (_engine, realm) = in_memory_with(config());
  assert_eq!(fetched(&realm, &url).await, content::sha256(SIZE, 1));
  assert_eq!(server.requests_for("/r").len(), 1);
}

/// The first part has a fault, or all of them have.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_a_part_is_not_a_failure() {
  let header = |name: &str, value: &str| Header(name.into(), value.into());
  let longer = "bytes 1503232-2998271/7000000";
  for fault in [
    IgnoreRange,
    NotSatisfiable,
    NoContentRange,
    WrongFirstByte,
    ContentRange(longer.into()),
    ContentRange("bytes 0-9/10".into()),
    header("ETag", "\"2\""),
    header("ETag", "W/\"1\""),
    header("ETag", ""),
    ShortPiece(50_000),
    Status(503),
    Status(404),
    Refuse,
    ResetAfter(50_000),
    TruncateAfter(50_000),
    StallAfter(50_000),
    Gzip,
    Redirect("/nowhere".into(), 302),
  ] {
    let server = FaultServer::start().await;
    let script = [slow(), fault.clone(), slow()];
    let url = server.serve("/r", film().script(script));
    let mut config = split(4);
    if matches!(fault, StallAfter(_)) {
      config.network.idle_timeout = Duration::from_secs(2);
    }
    let (_engine, realm) = in_memory_with(config);
    let digest = fetched(&realm, &url).await;
    assert_eq!(digest, content::sha256(SIZE, 1), "{fault:?}");
    let requests = server.requests_for("/r");
    assert!(part(&requests[1]).is_some(), "{fault:?} was not met");
  }
}

/// Who does not serve ranges is asked for one, and not again.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_all_parts() {
  for refusal in [IgnoreRange, NotSatisfiable, Status(404)] {
    let server = FaultServer::start().await;
    let script = [slow(), refusal.clone(), slow()];
    let url = server.serve("/r", film().script(script));
    let (_engine, realm) = in_memory_with(split(4));
    assert_eq!(fetched(&realm, &url).await, content::sha256(SIZE, 1));
    assert_eq!(server.requests_for("/r").len(), 2, "{refusal:?}");
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_strong_entity_tag_there_are_no_parts() {
  let date = "Sun, 06 Sep 2026 10:00:00 GMT";
  for resource in [
    Resource::bytes(SIZE, 1),
    Resource::bytes(SIZE, 1).etag("W/\"1\""),
    Resource::bytes(SIZE, 1).last_modified(date),
    film().script([All(vec![Chunked, slow()])]),
  ] {
    let server = FaultServer::start().await;
    let url = server.serve("/r", resource);
    let (_engine, realm) = in_memory_with(split(4));
    assert_eq!(fetched(&realm, &url).await, content::sha256(SIZE, 1));
    assert_eq!(server.requests_for("/r").len(), 1);
  }
}

/// The bytes of the parts are of the version that was; the attempt finds
/// another one, and begins again with that.
#[tokio::test(flavor = "multi_thread")]
async fn two_versions_are_never_mixed() {
  let changed = NewVersion {
    seed: 2,
    etag: "\"2\"".into(),
  };
  let cut = All(vec![slow(), TruncateAfter(1_000_000)]);
  for (script, seed) in [
    // While the old one is still being sent, a part is of the new one.
    (vec![slow(), changed.clone(), slow()], 1),
    // Parts of the old one are stored, and it is gone.
    (vec![cut, slow(), slow(), slow(), changed, slow()], 2),
  ] {
    let server = FaultServer::start().await;
    let url = server.serve("/r", film().script(script));
    let (_engine, realm) = in_memory_with(split(4));
    assert_eq!(fetched(&realm, &url).await, content::sha256(SIZE, seed));
  }
}

async fn stopped_in_the_middle(
  server: &FaultServer,
  directory: &Path,
  url: &str,
) {
  let engine = on_disk_with(split(4), directory);
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[url]).await.key;
  wait_for(&engine, key, |s| s.received == 2_000_000).await;
  server.wait_until_all_stalled("/r", 4, BOUND).await;
  drop(realm);
  bounded(engine.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_engine_continues_behind_all_that_is_stored() {
  for max in [1, 4] {
    let server = FaultServer::start().await;
    let url = server.serve("/r", film().script([StallAfter(500_000)]));
    let directory = tempfile::tempdir().unwrap();
    stopped_in_the_middle(&server, directory.path(), &url).await;
    let row = &Store::read_directory(directory.path()).unwrap()[0];
    let data = &row.as_ref().unwrap().background_fetch.records[0];
    let extents = &data.response_data.extents;
    assert_eq!(extents.prefix(), 500_000);
    assert_eq!(extents.ahead().len(), 3);
    let before = server.requests().len();
    server.script("/r", [slow()]);
    let engine = on_disk_with(split(max), directory.path());
    let realm = worker(&engine);
    let (lease, name, snapshot) = next_event(&realm).await;
    assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
    let record = &records(&realm, snapshot.key)[0];
    let digest = content::sha256_of(&read(record).await.unwrap());
    assert_eq!(digest, content::sha256(SIZE, 1));
    let asked = server.requests()[before..].to_vec();
    let first = asked[0].header("range").unwrap();
    assert_eq!(first, "bytes=500000-");
    if max == 1 {
      // One for each gap, each ended where the next extent begins.
      assert_eq!(asked.len(), 4, "{asked:#?}");
    }
    lease.acknowledge();
    bounded(realm.idle()).await;
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_fetch_lets_all_parts_go() {
  let server = FaultServer::start().await;
  let url = server.serve("/r", film().script([StallAfter(500_000)]));
  let (engine, realm) = in_memory_with(split(4));
  let key = fetch(&realm, "r", &[&url]).await.key;
  wait_for(&engine, key, |s| s.received == 2_000_000).await;
  server.wait_until_all_stalled("/r", 4, BOUND).await;
  let paused = engine.pause(key).await.unwrap();
  assert_eq!(paused, PauseOutcome::Paused);
  let all_gone =
    |seen: &[SeenRequest]| seen.iter().all(|request| request.ending.is_some());
  server.wait_until(BOUND, all_gone).await;
  server.script("/r", [slow()]);
  let unpaused = engine.unpause(key).await.unwrap();
  assert_eq!(unpaused, UnpauseOutcome::Unpaused);
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(SIZE, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_fetch_leaves_nothing() {
  let server = FaultServer::start().await;
  let url = server.serve("/r", film().script([StallAfter(500_000)]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk_with(split(4), directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&url]).await.key;
  wait_for(&engine, key, |s| s.received == 2_000_000).await;
  let aborted = bounded(realm.abort(key)).await.unwrap();
  assert_eq!(aborted, AbortOutcome::Aborted);
  settle(&realm, "backgroundfetchabort").await;
  bounded(engine.shutdown()).await;
  drop(realm);
  assert_eq!(rest(directory.path()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_what_has_no_gap_before_it() {
  let server = FaultServer::start().await;
  let url = server.serve("/r", film().script([StallAfter(500_000)]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk_with(split(4), directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&url]).await.key;
  let told = wait_for(&engine, key, |s| s.received == 2_000_000).await;
  assert_eq!(told.downloaded, 500_000);
  let record = &records(&realm, key)[0];
  let mut body = Vec::new();
  while body.len() < 500_000 {
    let offset = body.len() as u64;
    let more = bounded(record.read(offset, 10_000_000)).await.unwrap();
    body.extend_from_slice(&more.unwrap());
  }
  assert_eq!(body.len(), 500_000);
  let next = record.read(500_000, 1);
  let next = tokio::time::timeout(Duration::from_millis(50), next).await;
  assert!(next.is_err(), "a gap was read");
  server.script("/r", [slow()]);
  server.release("/r");
  settle(&realm, "backgroundfetchsuccess").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_count_for_their_host_and_give_way_to_others() {
  let server = FaultServer::start().await;
  let url = server.serve("/r", film().script([slow()]));
  let mut config = split(4);
  config.concurrency.per_host = Some(2);
  let (_engine, realm) = in_memory_with(config);
  let records = [get(&url), get(&server.serve("/s", film().script([slow()])))];
  let options = BackgroundFetchOptions::default();
  let both = realm.fetch("both".into(), records.into(), options);
  bounded(both).await.unwrap();
  settle(&realm, "backgroundfetchsuccess").await;
  assert_eq!(server.most_at_once(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_is_too_small_fails_it_all_the_same() {
  let server = FaultServer::start().await;
  let url = server.serve("/r", film().script([slow()]));
  let (_engine, realm) = in_memory_with(split(4));
  try_fetch(&realm, "r", &[&url], SIZE - 1).await.unwrap();
  let snapshot = settle(&realm, "backgroundfetchfail").await;
  let reason = snapshot.failure_reason.as_str();
  assert_eq!(reason, "download-total-exceeded");
  try_fetch(&realm, "s", &[&url], SIZE).await.unwrap();
  settle(&realm, "backgroundfetchsuccess").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_integrity_of_the_whole_is_verified() {
  let digest = content::sha256(SIZE, 1);
  let hex = |n: usize| u8::from_str_radix(&digest[2 * n..2 * n + 2], 16);
  let digest: Vec<u8> = (0..32).map(|n| hex(n).unwrap()).collect();
  let right = format!("sha256-{}", STANDARD.encode(&digest));
  let wrong = format!("sha256-{}", STANDARD.encode([7; 32]));
  for (integrity, event) in [
    (right, "backgroundfetchsuccess"),
    (wrong, "backgroundfetchfail"),
  ] {
    let server = FaultServer::start().await;
    let url = server.serve("/r", film().script([slow()]));
    let (_engine, realm) = in_memory_with(split(4));
    let mut record: NewRecord = get(&url);
    record.request.integrity = integrity;
    let options = BackgroundFetchOptions::default();
    let fetch = realm.fetch("r".into(), vec![record], options);
    bounded(fetch).await.unwrap();
    settle(&realm, event).await;
    assert!(server.requests_for("/r").len() >= 4);
  }
}

/// Over one connection of HTTP/2 they would share what one can have.
#[tokio::test(flavor = "multi_thread")]
async fn parts_have_connections_of_their_own() {
  for (protocol, has_parts) in [(Protocol::Tls, true), (Protocol::Http2, false)]
  {
    let server = FaultServer::start_with(protocol).await;
    let url = server.serve("/r", film().script([slow()]));
    let mut config = split(4);
    config.network.root_certificates = server.root_certificates();
    let (_engine, realm) = in_memory_with(config);
    assert_eq!(fetched(&realm, &url).await, content::sha256(SIZE, 1));
    // This server speaks nothing but HTTP/2, and the part wants HTTP/1.1.
    assert_eq!(server.requests_for("/r").len() > 1, has_parts);
    let first = server.requests_for("/r");
    let mut connections: Vec<_> = first
      .iter()
      .take(4)
      .map(|request| request.connection)
      .collect();
    connections.sort();
    connections.dedup();
    assert_eq!(connections.len(), if has_parts { 4 } else { 1 });
  }
}
