//! The store, through its public interface: what holds for both kinds of store,
//! and what only a directory can show.

mod abnormal_ends;
mod bodies;
use support::cannot_run;
mod damage;
mod directory;
mod exports;
mod full;
mod metadata;
mod owners;
mod registrations;
mod restart;
mod small;
use support::small_disk;
mod strangers;
mod volume;

use std::sync::Arc;

use background_fetch::spec::BackgroundFetch;
use background_fetch::spec::BackgroundFetchRecord;
use background_fetch::spec::BackgroundFetchResponse;
use background_fetch::spec::Extents;
use background_fetch::spec::Request;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::BodyId;
use background_fetch::store::Change;
use background_fetch::store::RecordBodies;
use background_fetch::store::Store;
use background_fetch::store::StoreError;
use background_fetch::store::StoredBackgroundFetch;
use bytes::Bytes;
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

/// A store to test, with the directory it needs to live in.
struct Subject {
  store: Store,
  /// A place for files; the store on disk lives in `store` inside of it.
  directory: TempDir,
}

impl Subject {
  fn in_memory() -> Self {
    Self {
      store: Store::in_memory(),
      directory: tempfile::tempdir().unwrap(),
    }
  }

  fn on_disk() -> Self {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_directory(directory.path().join("store")).unwrap();
    Self { store, directory }
  }
}

/// Turns `async fn name(subject: Subject)`s into a test for each kind.
macro_rules! for_both {
  ($($name:ident),* $(,)?) => {
    mod in_memory {
      $(#[tokio::test]
      async fn $name() {
        super::$name(crate::store::Subject::in_memory()).await;
      })*
    }
    mod on_disk {
      $(#[tokio::test]
      async fn $name() {
        super::$name(crate::store::Subject::on_disk()).await;
      })*
    }
  };
}
use for_both;

/// A background fetch with `records` records, active, with nothing done yet.
fn background_fetch(id: &str, records: usize) -> StoredBackgroundFetch {
  let record = |n: usize| {
    let url = format!("https://example.com/{id}/{n}");
    BackgroundFetchRecord {
      request: Arc::new(Request::get(Url::parse(&url).unwrap())),
      response_data: BackgroundFetchResponse::default(),
    }
  };
  StoredBackgroundFetch {
    key: BackgroundFetchKey(0),
    scope: Url::parse("https://example.com/app/").unwrap(),
    environment: r#"{"origin":"https://example.com"}"#.into(),
    background_fetch: BackgroundFetch {
      title: "Title".into(),
      ..BackgroundFetch::new(id.into(), (0..records).map(record).collect())
    },
    bodies: vec![RecordBodies::default(); records],
    active: true,
    event_owed: false,
    abnormal_ends: 0,
    retained: None,
    created: 1_700_000_000_000,
  }
}

/// So many bytes of `body`, which has just become the record's.
fn stored_in(
  key: BackgroundFetchKey,
  record: usize,
  body: BodyId,
  bytes: u64,
) -> Vec<Change> {
  vec![
    Change::Response {
      key,
      record,
      response: None,
      body: Some(body),
    },
    Change::Stored {
      key,
      record,
      body,
      extents: Extents::prefix_of(bytes),
      bytes: None,
    },
  ]
}

/// Names no body that there is.
fn some_body(n: u8) -> BodyId {
  BodyId(Uuid::from_bytes([n; 16]))
}

/// Every value, for comparing.
fn shown(row: &StoredBackgroundFetch) -> String {
  format!("{row:#?}")
}

/// All rows, none of them damaged.
async fn load(store: &Store) -> Vec<StoredBackgroundFetch> {
  let rows = store.metadata.load().await.unwrap();
  rows.into_iter().map(Result::unwrap).collect()
}

/// The row of `key`, not damaged.
async fn load_one(
  store: &Store,
  key: BackgroundFetchKey,
) -> StoredBackgroundFetch {
  let rows = load(store).await;
  rows.into_iter().find(|row| row.key == key).unwrap()
}

/// A new body of these bytes, in no row.
async fn body(store: &Store, bytes: &'static [u8]) -> BodyId {
  let mut writer = store.bodies.create().await.unwrap();
  writer
    .append(vec![Bytes::from_static(bytes)])
    .await
    .unwrap();
  writer.id()
}

/// All bytes of a body.
async fn read(store: &Store, id: BodyId) -> Result<Vec<u8>, StoreError> {
  let reader = store.bodies.open(id).await?;
  let mut all = Vec::new();
  loop {
    let bytes = reader.read_at(all.len() as u64, 64 * 1024).await?;
    if bytes.is_empty() {
      return Ok(all);
    }
    all.extend_from_slice(&bytes);
  }
}
