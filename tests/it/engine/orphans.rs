//! Bodies that no row knows.

use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;

use background_fetch::store::BodyId;
use background_fetch::store::Store;
use bytes::Bytes;

use crate::engine::harness::*;
use support::Behaviour::*;
use support::FaultServer;
use support::Resource;

async fn stray(directory: &Path) -> BodyId {
  let store = Store::open_directory(directory).unwrap();
  let mut writer = store.bodies.create().await.unwrap();
  let bytes = Bytes::from_static(b"left behind");
  writer.append(vec![bytes]).await.unwrap();
  writer.id()
}

/// Every body there is was written to so long ago.
fn let_pass(directory: &Path, hours: u64) {
  let then = SystemTime::now() - Duration::from_secs(hours * 60 * 60);
  for part in std::fs::read_dir(directory.join("bodies")).unwrap() {
    for body in std::fs::read_dir(part.unwrap().path()).unwrap() {
      let body = std::fs::File::open(body.unwrap().path()).unwrap();
      body.set_modified(then).unwrap();
    }
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_deleted_when_they_are_old_and_not_before() {
  let directory = tempfile::tempdir().unwrap();
  stray(directory.path()).await;
  for (hours, left) in [(0, 1), (2, 0)] {
    let_pass(directory.path(), hours);
    bounded(on_disk(directory.path()).shutdown()).await;
    assert_eq!(rest(directory.path()), (left, 0));
  }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_row_knows_is_kept_however_old_it_is() {
  let server = FaultServer::start().await;
  let resource = Resource::bytes(100_000, 1).etag("\"1\"");
  let url = server.serve("/a", resource.script([StallAfter(50_000), Normal]));
  let directory = tempfile::tempdir().unwrap();
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  let key = fetch(&realm, "a", &[&url]).await.key;
  wait_for(&engine, key, |s| s.downloaded == 50_000).await;
  drop(realm);
  bounded(engine.shutdown()).await;
  let_pass(directory.path(), 24 * 365);
  let engine = on_disk(directory.path());
  let realm = worker(&engine);
  settle(&realm, "backgroundfetchsuccess").await;
  let requests = server.requests();
  assert_eq!(requests[1].header("range"), Some("bytes=50000-"));
}
