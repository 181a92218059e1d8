//! Service worker registrations.

use std::collections::BTreeMap;

use background_fetch::store::Store;
use background_fetch::store::StoredRegistration;
use background_fetch::store::StoredWorker;
use rusqlite::Connection;
use url::Url;

fn url(path: &str) -> Url {
  Url::parse("https://app.test").unwrap().join(path).unwrap()
}

fn worker(source: &str) -> StoredWorker {
  StoredWorker {
    script_url: url("/sw.js"),
    document: "{}".into(),
    scripts: BTreeMap::from([
      (url("/sw.js"), source.to_string()),
      (url("/lib.js"), "// imported \u{1F4BE}".to_string()),
    ]),
  }
}

fn registration(scope: &str) -> StoredRegistration {
  StoredRegistration {
    scope: url(scope),
    document: "\"imports\"".into(),
    active: Some(worker("// one")),
    waiting: None,
  }
}

#[tokio::test]
async fn they_are_there_again_and_replaced_and_removed() {
  let directory = tempfile::tempdir().unwrap();
  let open = || Store::open_directory(directory.path()).unwrap();
  let metadata = open();
  metadata
    .put_registration(registration("/b/"))
    .await
    .unwrap();
  metadata
    .put_registration(registration("/a/"))
    .await
    .unwrap();
  let changed = StoredRegistration {
    waiting: Some(worker("// two")),
    ..registration("/b/")
  };
  metadata.put_registration(changed.clone()).await.unwrap();
  drop(metadata);

  let metadata = open();
  let all = metadata.metadata.registrations().await.unwrap();
  assert_eq!(all, [changed, registration("/a/")]);
  metadata.remove_registration(&url("/b/")).await.unwrap();
  metadata.remove_registration(&url("/none/")).await.unwrap();
  drop(metadata);

  let all = open().metadata.registrations().await.unwrap();
  assert_eq!(all, [registration("/a/")]);
  let database = directory.path().join("facts.sqlite3");
  let rest: i64 = Connection::open(database)
    .unwrap()
    .query_row("SELECT count(*) FROM service_worker_script", [], |r| {
      r.get(0)
    })
    .unwrap();
  assert_eq!(rest, 2);
}

#[tokio::test]
async fn memory_keeps_them_the_same_way() {
  let metadata = Store::in_memory();
  metadata
    .put_registration(registration("/b/"))
    .await
    .unwrap();
  metadata
    .put_registration(registration("/a/"))
    .await
    .unwrap();
  metadata
    .put_registration(registration("/b/"))
    .await
    .unwrap();
  let all = metadata.metadata.registrations().await.unwrap();
  assert_eq!(all, [registration("/b/"), registration("/a/")]);
  metadata.remove_registration(&url("/b/")).await.unwrap();
  let all = metadata.metadata.registrations().await.unwrap();
  assert_eq!(all, [registration("/a/")]);
}

#[tokio::test]
async fn a_store_of_the_first_format_takes_them() {
  let directory = tempfile::tempdir().unwrap();
  drop(Store::open_directory(directory.path()).unwrap());
  let database = directory.path().join("facts.sqlite3");
  Connection::open(database)
    .unwrap()
    .execute_batch(
      "ALTER TABLE record DROP COLUMN sent;
       ALTER TABLE record DROP COLUMN most;
       ALTER TABLE record DROP COLUMN ahead; DROP TABLE owner;
       ALTER TABLE background_fetch DROP COLUMN abnormal_ends;
       ALTER TABLE background_fetch DROP COLUMN retained_since;
       ALTER TABLE background_fetch DROP COLUMN undelivered;
       DROP TABLE body; DROP TRIGGER body_replaced;
       DROP TRIGGER record_deleted;
       DROP TABLE service_worker_script; DROP TABLE service_worker;
       DROP TABLE service_worker_registration; PRAGMA user_version = 1;",
    )
    .unwrap();

  let metadata = Store::open_directory(directory.path()).unwrap();
  assert_eq!(metadata.metadata.registrations().await.unwrap(), []);
  metadata
    .put_registration(registration("/a/"))
    .await
    .unwrap();
  let all = metadata.metadata.registrations().await.unwrap();
  assert_eq!(all, [registration("/a/")]);
}
