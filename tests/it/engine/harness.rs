//! An engine, a realm, and a service worker written in Rust.

use std::path::Path;
use std::time::Duration;

use background_fetch::engine::BackgroundFetchOptions;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::EventLease;
use background_fetch::engine::FetchError;
use background_fetch::engine::NewRecord;
use background_fetch::engine::Realm;
use background_fetch::engine::RealmKind;
use background_fetch::engine::RealmMessage;
use background_fetch::engine::RealmOptions;
use background_fetch::engine::RecordError;
use background_fetch::engine::RecordHandle;
use background_fetch::engine::RetryPolicy;
use background_fetch::network::NetworkPolicy;
use background_fetch::spec::CacheQueryOptions;
use background_fetch::spec::Request;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Store;
use url::Url;

/// Nothing here takes longer, unless it hangs.
const BOUND: Duration = Duration::from_secs(240);

pub async fn bounded<T>(future: impl Future<Output = T>) -> T {
  match tokio::time::timeout(BOUND, future).await {
    Ok(output) => output,
    Err(_) => panic!("this did not end within {BOUND:?}"),
  }
}

/// Tries again at once, so that no test waits for a back-off.
pub fn config() -> EngineConfig {
  EngineConfig {
    retry: RetryPolicy {
      attempts: 3,
      first_delay: Duration::from_millis(1),
      max_delay: Duration::from_millis(2),
      ..RetryPolicy::default()
    },
    ..EngineConfig::default()
  }
}

pub fn in_memory() -> Engine {
  Engine::builder()
    .config(config())
    .start_blocking(Store::in_memory())
    .unwrap()
}

pub fn on_disk(directory: &Path) -> Engine {
  Engine::builder()
    .config(config())
    .open_blocking(directory)
    .unwrap()
}

pub fn realm_options() -> RealmOptions {
  let url = Url::parse("http://localhost/app/sw.js").unwrap();
  RealmOptions {
    policy: NetworkPolicy::Server,
    ..RealmOptions::new(RealmKind::ServiceWorker, url)
  }
}

/// A service worker that is ready for events.
pub fn worker(engine: &Engine) -> Realm {
  let realm = engine.attach(realm_options());
  realm.start_worker();
  realm
}

pub fn get(url: &str) -> NewRecord {
  NewRecord {
    request: Request::get(Url::parse(url).unwrap()),
    body: None,
  }
}

pub async fn fetch(
  realm: &Realm,
  id: &str,
  urls: &[&str],
) -> BackgroundFetchSnapshot {
  try_fetch(realm, id, urls, 0).await.unwrap()
}

pub async fn try_fetch(
  realm: &Realm,
  id: &str,
  urls: &[&str],
  download_total: u64,
) -> Result<BackgroundFetchSnapshot, FetchError> {
  let records = urls.iter().map(|url| get(url)).collect();
  let options = BackgroundFetchOptions {
    download_total,
    ..BackgroundFetchOptions::default()
  };
  bounded(realm.fetch(id.to_string(), records, options)).await
}

/// The next event of the realm's, progress left aside.
pub async fn next_event(
  realm: &Realm,
) -> (EventLease, &'static str, BackgroundFetchSnapshot) {
  bounded(async {
    loop {
      if let RealmMessage::Event {
        lease,
        name,
        background_fetch,
      } = realm.next_message().await
      {
        return (lease, name, *background_fetch);
      }
    }
  })
  .await
}

/// Waits until `so` holds for the background fetch.
pub async fn wait_for(
  engine: &Engine,
  key: BackgroundFetchKey,
  so: impl Fn(&BackgroundFetchSnapshot) -> bool,
) -> BackgroundFetchSnapshot {
  let observer = engine.observe();
  bounded(async {
    loop {
      let snapshot = observer.next().await;
      if snapshot.key == key && so(&snapshot) {
        return snapshot;
      }
    }
  })
  .await
}

pub fn records(realm: &Realm, key: BackgroundFetchKey) -> Vec<RecordHandle> {
  realm.match_all(key, None, CacheQueryOptions::default())
}

/// The whole body of a record's response.
pub async fn read(record: &RecordHandle) -> Result<Vec<u8>, RecordError> {
  let mut body = Vec::new();
  bounded(async {
    while let Some(bytes) = record.read(body.len() as u64, 100_000).await? {
      body.extend_from_slice(&bytes);
    }
    Ok(body)
  })
  .await
}

/// Handles the next event, which has to be `name`.
pub async fn settle(realm: &Realm, name: &str) -> BackgroundFetchSnapshot {
  let (lease, event, snapshot) = next_event(realm).await;
  assert_eq!(event, name, "{:?}", snapshot.diagnostic);
  lease.acknowledge();
  bounded(realm.idle()).await;
  snapshot
}

/// How many bodies and background fetches the store in `directory` has.
pub fn rest(directory: &Path) -> (usize, usize) {
  let rows = Store::read_directory(directory).unwrap().len();
  (count_files(&directory.join("bodies")), rows)
}

fn count_files(directory: &Path) -> usize {
  let entries = std::fs::read_dir(directory).unwrap();
  entries
    .map(|entry| {
      let entry = entry.unwrap();
      match entry.file_type().unwrap().is_dir() {
        true => count_files(&entry.path()),
        false => 1,
      }
    })
    .sum()
}
