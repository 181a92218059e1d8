//! Engines that end, and those that continue.

use std::path::Path;
use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::PauseOutcome;
use background_fetch::engine::Realm;
use background_fetch::engine::UnpauseOutcome;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;
use sha2::Sha256;

use crate::engine::harness::*;
use support::Behaviour;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;
use support::content;

const BOUND: Duration = Duration::from_secs(240);

async fn end(engine: Engine, realm: Realm) {
  bounded(engine.shutdown()).await;
  drop(realm);
}

/// Makes the rows what they were before the results came.
fn forget_results(directory: &Path) {
  let database =
    rusqlite::Connection::open(directory.join("facts.sqlite3")).unwrap();
  let sql = "UPDATE record SET result = NULL, bytes = bytes / 2";
  assert_eq!(database.execute(sql, []).unwrap(), 2);
}

fn only(engine: &Engine) -> BackgroundFetchSnapshot {
  let mut all = engine.background_fetches();
  assert_eq!(all.len(), 1);
  all.remove(0)
}

// steps: complete.7, complete.8
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_on_in_the_next_engine() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(1_000_000, 1).etag("\"1\"");
  server.serve("/r", resource.script([StallAfter(300_000), Normal]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 300_000).await;
  end(engine, realm).await;

  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  assert_eq!((snapshot.key, snapshot.id.as_str()), (key, "r"));
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(1_000_000, 1));
  let requests = server.requests_for("/r");
  assert_eq!(requests[1].header("range"), Some("bytes=300000-"));
}

// steps: perform.8.13
#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_not_handled_is_fired_again() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r"));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  let (_lease, ..) = next_event(&realm).await;
  end(engine, realm).await;

  let engine = on_disk(directory.path());
  assert_eq!(only(&engine).id, "r");
  let realm = worker(&engine);
  let (lease, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  assert_eq!(read(&records(&realm, key)[0]).await.unwrap(), b"r");
  lease.acknowledge();
  bounded(realm.idle()).await;
  assert_eq!(server.requests().len(), 1);
  end(engine, realm).await;
  assert_eq!(rest(directory.path()), (0, 0));
}

// steps: abort.3.6, perform.8.4
#[tokio::test(flavor = "multi_thread")]
async fn an_abort_is_remembered() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  // No worker takes the event here.
  let realm = engine.attach(realm_options());
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  bounded(server.wait_for_requests(1, BOUND)).await;
  assert_eq!(
    bounded(realm.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  end(engine, realm).await;

  server.release("/r");
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  settle(&realm, "backgroundfetchabort").await;
  assert_eq!(server.requests().len(), 1);
}

// steps: complete.3
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_fetch_stays_paused() {
  let server = FaultServer::start().await;
  server.serve("/r", Resource::text("r").script([Hold, Normal]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&server.url("/r")]).await.key;
  server.wait_until_stalled("/r", BOUND).await;
  assert_eq!(
    bounded(engine.pause(key)).await.unwrap(),
    PauseOutcome::Paused
  );
  end(engine, realm).await;

  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  assert!(only(&engine).paused);
  assert_eq!(
    bounded(engine.unpause(key)).await.unwrap(),
    UnpauseOutcome::Unpaused
  );
  settle(&realm, "backgroundfetchsuccess").await;
  assert_eq!(server.requests().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_has_vanished_fails_its_record_only() {
  let server = FaultServer::start().await;
  let stalled = || Resource::bytes(1_000_000, 1).etag("\"1\"");
  for path in ["/lost", "/kept"] {
    server.serve(path, stalled().script([StallAfter(300_000), Normal]));
  }
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let lost = fetch(&realm, "lost", &[&server.url("/lost")]).await.key;
  wait_for(&engine, lost, |s| s.downloaded == 300_000).await;
  end(engine, realm).await;
  for body in body_files(&directory.path().join("bodies")) {
    std::fs::remove_file(body).unwrap();
  }

  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  fetch(&realm, "kept", &[&server.url("/kept")]).await;
  let (_lost, name, snapshot) = next_event(&realm).await;
  assert_eq!((name, snapshot.key), ("backgroundfetchfail", lost));
  assert!(
    snapshot
      .diagnostic
      .as_deref()
      .unwrap_or_default()
      .contains("damaged"),
    "{:?}",
    snapshot.diagnostic
  );
  server.wait_until_stalled("/kept", BOUND).await;
  server.release("/kept");
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(
    (name, snapshot.id.as_str()),
    ("backgroundfetchsuccess", "kept")
  );
}

/// The file of a small response is not flushed: a power failure may leave
/// nothing of it, whether its event is owed or its transfer is under way.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_response_survives_the_loss_of_its_file() {
  let server = FaultServer::start().await;
  let whole = server.serve("/whole", Resource::bytes(4096, 1));
  let stalled = Resource::bytes(50_000, 2).etag("\"2\"");
  let stalled = stalled.script([StallAfter(30_000), Normal]);
  let stalled = server.serve("/rest", stalled);
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  fetch(&realm, "whole", &[&whole]).await;
  let (event, _, _) = next_event(&realm).await;
  let key = fetch(&realm, "rest", &[&stalled]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 30_000).await;
  drop(event);
  end(engine, realm).await;
  for body in body_files(&directory.path().join("bodies")) {
    std::fs::remove_file(body).unwrap();
  }
  std::fs::write(directory.path().join("boot"), "another\n").unwrap();

  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  for _ in 0..2 {
    let (event, name, snapshot) = next_event(&realm).await;
    assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
    let content = match snapshot.key == key {
      true => content::bytes(0, 50_000, 2),
      false => content::bytes(0, 4096, 1),
    };
    let record = records(&realm, snapshot.key).remove(0);
    assert!(read(&record).await.unwrap() == content, "{}", snapshot.id);
    event.acknowledge();
  }
  bounded(realm.idle()).await;
  let requests = server.requests_for("/rest");
  assert_eq!(requests[1].header("range"), Some("bytes=30000-"));
  bounded(engine.shutdown()).await;
  assert_eq!(rest(directory.path()), (0, 0));
}

fn body_files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
  let entries = std::fs::read_dir(directory).unwrap();
  entries
    .flat_map(|entry| {
      let path = entry.unwrap().path();
      match path.is_dir() {
        true => body_files(&path),
        false => vec![path],
      }
    })
    .collect()
}

// A process that is killed may leave all bytes of a record, and not its result.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restart_finds_out_is_known_to_the_next_one() {
  let server = FaultServer::start().await;
  server.serve("/whole", Resource::bytes(100_000, 1).etag("\"1\""));
  let rest = Resource::bytes(100_000, 2).etag("\"2\"");
  server.serve("/rest", rest.script([StallAfter(50_000), Normal]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let urls = [&*server.url("/whole"), &server.url("/rest")];
  let key = fetch(&realm, "r", &urls).await.key;
  wait_for(&engine, key, |s| s.downloaded == 150_000).await;
  end(engine, realm).await;
  forget_results(directory.path());

  // Twice: the event is not handled in the first one.
  for _ in 0..2 {
    let engine = on_disk(directory.path());
    let realm = worker(&engine);
    let (_, name, _) = next_event(&realm).await;
    assert_eq!(name, "backgroundfetchsuccess");
    for (record, seed) in records(&realm, key).iter().zip(1..) {
      let body = bounded(read(record)).await.unwrap();
      assert_eq!(content::sha256_of(&body), content::sha256(100_000, seed));
    }
    end(engine, realm).await;
  }
  assert_eq!(server.requests_for("/whole").len(), 1);
}

/// What a process leaves that is killed when it has all bytes of one record,
/// and before it has verified them.
async fn leave_unverified(server: &FaultServer, directory: &Path, right: bool) {
  let engine = on_disk(directory);
  let realm = worker(&engine);
  let urls = [&*server.url("/whole"), &server.url("/rest")];
  let key = fetch(&realm, "r", &urls).await.key;
  wait_for(&engine, key, |s| s.downloaded == 150_000).await;
  end(engine, realm).await;
  let seed = if right { 1 } else { 2 };
  let hash = Sha256::digest(content::bytes(0, 100_000, seed));
  let database =
    rusqlite::Connection::open(directory.join("facts.sqlite3")).unwrap();
  let sql = "UPDATE record SET result = NULL,
    request = json_set(request, '$.integrity', ?1) WHERE position = 0";
  let integrity = format!("sha256-{}", STANDARD.encode(hash));
  assert_eq!(database.execute(sql, [integrity]).unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_all_bytes_at_a_restart_is_verified() {
  for (right, expected) in [
    (true, "backgroundfetchsuccess"),
    (false, "backgroundfetchfail"),
  ] {
    let server = FaultServer::start().await;
    server.serve("/whole", Resource::bytes(100_000, 1).etag("\"1\""));
    let rest = Resource::bytes(100_000, 2).etag("\"2\"");
    server.serve("/rest", rest.script([StallAfter(50_000), Normal]));
    let directory = tempfile::tempdir().unwrap();
    leave_unverified(&server, directory.path(), right).await;

    let engine = on_disk(directory.path());
    let realm = worker(&engine);
    let (_, name, snapshot) = next_event(&realm).await;
    let told = snapshot.diagnostic.as_deref().unwrap_or_default();
    assert_eq!(name, expected, "{told}");
    assert_eq!(told.contains("does not match the integrity"), !right);
    assert_eq!(server.requests_for("/whole").len(), 1);
    end(engine, realm).await;
  }
}

/// Stops the first engine when `cut` bytes are there. Returns the ranges that
/// were asked for until the whole was there.
async fn cut_and_restarted(
  resource: Resource,
  cut: impl IntoIterator<Item = Behaviour>,
) -> Vec<Option<String>> {
  let server = FaultServer::start().await;
  let script = cut.into_iter().chain([Normal]);
  let url = server.serve("/r", resource.script(script));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "r", &[&url]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 300_000).await;
  end(engine, realm).await;

  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let (_, name, snapshot) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess", "{:?}", snapshot.diagnostic);
  let body = read(&records(&realm, key)[0]).await.unwrap();
  assert_eq!(content::sha256_of(&body), content::sha256(1_000_000, 1));
  end(engine, realm).await;
  let requests = server.requests_for("/r");
  let ranges = requests
    .iter()
    .map(|r| r.header("range").map(str::to_string));
  ranges.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_strong_names_begins_again_after_a_restart() {
  let weak = Resource::bytes(1_000_000, 1).etag("W/\"1\"");
  for resource in [Resource::bytes(1_000_000, 1), weak] {
    let ranges = cut_and_restarted(resource, [StallAfter(300_000)]).await;
    assert_eq!(ranges, [None, None]);
  }
}

// RFC 9112, section 6.3: the chunks say where the body ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_length_beside_chunks_is_no_promise_after_a_restart() {
  let length = Header("Content-Length".into(), "300000".into());
  let cut = All(vec![Chunked, length, StallAfter(300_000)]);
  let resource = Resource::bytes(1_000_000, 1).etag("\"1\"");
  let ranges = cut_and_restarted(resource, [cut]).await;
  assert_eq!(ranges, [None, Some("bytes=300000-".to_string())]);
}
