//! What is left of a background fetch that is over: nothing.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use background_fetch::engine::AbortOutcome;
use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::store::ExportMode;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

const BOUND: Duration = Duration::from_secs(240);

/// Ends the engine, and looks at every file of its store and at every row.
async fn nothing_is_left(directory: &Path, engine: Engine, realm: Realm) {
  bounded(engine.shutdown()).await;
  drop(realm);
  let mut files = all_files(directory);
  files.sort();
  assert_eq!(files, ["boot", "facts.sqlite3", "lock", "reserve"]);
  let database = directory.join("facts.sqlite3");
  let database = rusqlite::Connection::open(database).unwrap();
  let number = |sql: &str| -> i64 {
    database.query_row(sql, [], |row| row.get(0)).unwrap()
  };
  let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'
    AND name NOT LIKE 'sqlite_%'";
  let mut statement = database.prepare(tables).unwrap();
  let names = statement.query_map([], |row| row.get::<_, String>(0));
  let names: Vec<String> = names.unwrap().map(Result::unwrap).collect();
  assert!(names.len() >= 5, "{names:?}");
  for name in names {
    if name == "owner" {
      // Says who was the last one.
      assert_eq!(number("SELECT sum(is_open) FROM owner"), 0);
      continue;
    }
    assert_eq!(number(&format!("SELECT count(*) FROM {name}")), 0, "{name}");
  }
}

/// The names of all files, without those of the directories that they are in.
fn all_files(directory: &Path) -> Vec<String> {
  let entries = std::fs::read_dir(directory).unwrap();
  entries
    .flat_map(|entry| {
      let path = entry.unwrap().path();
      match path.is_dir() {
        true => all_files(&path),
        false => vec![path.file_name().unwrap().to_str().unwrap().into()],
      }
    })
    .collect()
}

fn store() -> (tempfile::TempDir, Engine, Realm) {
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  (directory, engine, realm)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_success_and_its_saved_file_stays() {
  let server = FaultServer::start().await;
  server.serve("/a", Resource::bytes(500_000, 1));
  let (directory, engine, realm) = store();
  let out = tempfile::tempdir().unwrap();
  let file = out.path().join("a");
  let key = fetch(&realm, "a", &[&server.url("/a")]).await.key;
  let (lease, name, _) = next_event(&realm).await;
  assert_eq!(name, "backgroundfetchsuccess");
  bounded(engine.export(key, 0, &file, ExportMode::Share))
    .await
    .unwrap();
  lease.acknowledge();
  bounded(realm.idle()).await;
  nothing_is_left(directory.path(), engine, realm).await;
  let saved = std::fs::metadata(&file).unwrap();
  assert_eq!((saved.len(), saved.nlink()), (500_000, 1));
  assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_failure() {
  let server = FaultServer::start().await;
  server.serve("/a", Resource::bytes(500_000, 1));
  server.serve("/no", Resource::text("no").script([Status(404)]));
  let (directory, engine, realm) = store();
  fetch(&realm, "a", &[&server.url("/a"), &server.url("/no")]).await;
  settle(&realm, "backgroundfetchfail").await;
  nothing_is_left(directory.path(), engine, realm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_abort() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(500_000, 1);
  server.serve("/a", resource.script([StallAfter(100_000)]));
  let (directory, engine, realm) = store();
  let key = fetch(&realm, "a", &[&server.url("/a")]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 100_000).await;
  assert_eq!(
    bounded(realm.abort(key)).await.unwrap(),
    AbortOutcome::Aborted
  );
  settle(&realm, "backgroundfetchabort").await;
  nothing_is_left(directory.path(), engine, realm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_version_that_was_replaced() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(500_000, 1).etag("\"1\"");
  let changed = NewVersion {
    seed: 2,
    etag: "\"2\"".into(),
  };
  let script = [TruncateAfter(100_000), All(vec![changed, StallAfter(1000)])];
  server.serve("/a", resource.script(script));
  let (directory, engine, realm) = store();
  let key = fetch(&realm, "a", &[&server.url("/a")]).await.key;
  server.wait_until_stalled("/a", BOUND).await;
  wait_for(&engine, key, |s| s.downloaded == 1000).await;
  server.release("/a");
  settle(&realm, "backgroundfetchsuccess").await;
  nothing_is_left(directory.path(), engine, realm).await;
}
