//! What has to hold when an engine is started after a power failure.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use std::time::SystemTime;

use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::Realm;
use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::CacheQueryOptions;
use background_fetch::store::BackgroundFetchKey;
use background_fetch::store::Store;

use crate::child;
use crate::remaining_events::next_event_or_end;
use crate::world::World;
use crate::world::is_right;

/// No recovery takes longer, unless it hangs.
const BOUND: Duration = Duration::from_secs(240);

/// What the process had heard when the power failed.
#[derive(Debug, Default)]
struct Promises {
  registered: BTreeSet<String>,
  aborted: BTreeSet<String>,
  /// By id.
  events: BTreeMap<String, String>,
  done: BTreeSet<String>,
  exported: BTreeSet<String>,
  upload_sent: bool,
}

impl Promises {
  fn new(lines: &[&str]) -> Self {
    let mut promises = Self::default();
    for line in lines {
      let mut words = line.split(' ').map(String::from);
      let (what, id) = (words.next().unwrap(), words.next());
      let Some(id) = id else { continue };
      match &*what {
        "REGISTERED" => drop(promises.registered.insert(id)),
        "ABORTED" => drop(promises.aborted.insert(id)),
        "EVENT" => drop(promises.events.insert(id, words.next().unwrap())),
        "DONE" => drop(promises.done.insert(id)),
        "EXPORTED" => drop(promises.exported.insert(id)),
        "POST" => promises.upload_sent = true,
        _ => {}
      }
    }
    promises
  }
}

impl World {
  /// Starts an engine on what the power failure has left, and brings everything
  /// to its end. Returns how many events there were.
  pub fn verify(&self, root: &Path, lines: &[&str], told: &str) -> u64 {
    let promises = Promises::new(lines);
    // Half of the time there is another version of everything by now.
    self.serve(lines.len() as u64 % 2);
    let uploads = || self.server.requests_for("/upload").len();
    let uploads_before = uploads();
    let recovered = self.recover(root, told);
    let context = || {
      let ends = recovered.iter().map(|(id, (name, snapshot))| {
        let reason = snapshot.failure_reason;
        format!("{id}: {name} {reason:?} {:?}", snapshot.diagnostic)
      });
      let ends: Vec<String> = ends.collect();
      format!("{told}: {promises:?}, then {ends:#?}")
    };
    for id in &promises.registered {
      let heard = recovered.contains_key(id) || promises.done.contains(id);
      assert!(heard, "{id} has no event; {}", context());
    }
    for (id, (name, snapshot)) in &recovered {
      if let Some(before) = promises.events.get(id) {
        assert_eq!(before, name, "{id} settles again; {}", context());
      }
      let aborted = promises.aborted.contains(id);
      let expected = self.is_expected(id, name, snapshot, aborted);
      assert!(expected, "{id} ends so; {}", context());
    }
    let again = uploads() - uploads_before;
    let allowed = usize::from(!promises.upload_sent);
    assert!(again <= allowed, "the upload is repeated; {}", context());
    let out = root.join("out");
    for name in &promises.exported {
      let is_there = out.join(name).exists();
      assert!(is_there, "{name} was exported; {}", context());
    }
    for file in files(&out) {
      let name = file.file_name().unwrap().to_string_lossy();
      // Whatever has its name is whole, promised or not.
      let has_name = !name.starts_with('.');
      let path = format!("/{}", name.strip_suffix("-0").unwrap_or(&name));
      let paths = [path, format!("/{name}")];
      let bytes = std::fs::read(&file).unwrap();
      let is_whole = paths.iter().any(|path| is_right(path, &bytes));
      assert!(!has_name || is_whole, "{name} is torn; {}", context());
    }
    recovered.len() as u64
  }

  /// The last event of each background fetch, and how it was then.
  fn recover(
    &self,
    root: &Path,
    told: &str,
  ) -> BTreeMap<String, (String, BackgroundFetchSnapshot)> {
    let store = root.join("store");
    let mut recovered = BTreeMap::new();
    // What is left behind is collected when it is old enough.
    let long_ago = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    for body in files(&store.join("bodies")) {
      let body = std::fs::File::open(body).unwrap();
      body.set_modified(long_ago).unwrap();
    }
    let recover = async {
      let engine = match Engine::builder()
        .config(child::config())
        .open_blocking(&store)
      {
        Ok(engine) => engine,
        Err(error) => panic!("{told}: {error}"),
      };
      let realm = child::worker(&engine);
      while let Some((lease, name, background_fetch)) =
        next_event_or_end(&realm).await
      {
        if name == "backgroundfetchsuccess" {
          check_records(&realm, background_fetch.key, told).await;
        }
        let id = background_fetch.id.clone();
        let event = (name.to_string(), background_fetch);
        let earlier = recovered.insert(id, event);
        assert!(earlier.is_none(), "{told}: two events: {earlier:?}");
        lease.acknowledge();
      }
      engine.shutdown().await;
    };
    let bounded = async { tokio::time::timeout(BOUND, recover).await };
    let ended = self.tokio.block_on(bounded);
    assert!(ended.is_ok(), "{told}: the recovery does not end");
    assert_eq!(Store::read_directory(&store).unwrap().len(), 0, "{told}");
    let bodies = files(&store.join("bodies"));
    assert!(bodies.is_empty(), "{told}: {bodies:?} are left");
    for file in files(&root.join("out")) {
      let name = file.file_name().unwrap().to_str().unwrap();
      // An export that was cut leaves it, and the next try removes it.
      if name.starts_with('.') && name.ends_with(".part") {
        continue;
      }
      let path = match name.split_once('-').unwrap() {
        (id @ ("three" | "many"), number) => format!("/{id}-{number}"),
        (id, _) => format!("/{id}"),
      };
      let bytes = std::fs::read(&file).unwrap();
      let length = bytes.len();
      assert!(is_right(&path, &bytes), "{told}: {name} has {length} bytes");
    }
    recovered
  }

  fn is_expected(
    &self,
    id: &str,
    name: &str,
    snapshot: &BackgroundFetchSnapshot,
    aborted: bool,
  ) -> bool {
    use BackgroundFetchFailureReason::*;
    let reason = snapshot.failure_reason;
    // What a disk could not keep has failed for it.
    let lost = self.may_fail.get() && reason == FetchError;
    match (id, name) {
      ("doomed", "backgroundfetchabort") => true,
      ("doomed", _) if aborted => false,
      ("broken", "backgroundfetchfail") => reason == BadStatus || lost,
      // Cut in between, it is not sent twice.
      ("upload", "backgroundfetchfail") => reason == FetchError,
      ("broken", _) => false,
      (_, "backgroundfetchsuccess") => reason == None,
      (_, "backgroundfetchfail") => lost,
      _ => false,
    }
  }
}

async fn check_records(realm: &Realm, key: BackgroundFetchKey, told: &str) {
  for record in realm.match_all(key, None, CacheQueryOptions::default()) {
    let path = record.request().url.path().to_string();
    let mut body = Vec::new();
    while let Some(bytes) = record
      .read(body.len() as u64, 1 << 20)
      .await
      .unwrap_or_else(|error| panic!("{told}: {path}: {error}"))
    {
      body.extend_from_slice(&bytes);
    }
    let length = body.len();
    assert!(is_right(&path, &body), "{told}: {path} has {length} bytes");
  }
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
  let Ok(entries) = std::fs::read_dir(directory) else {
    return Vec::new();
  };
  let paths = entries.map(|entry| entry.unwrap().path());
  paths
    .flat_map(|path| match path.is_dir() {
      true => files(&path),
      false => vec![path],
    })
    .collect()
}
