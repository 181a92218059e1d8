//! The server of a scenario, the directory of its process, and what is there
//! to fetch.

use std::path::Path;

use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::FailedFlush;
use crate::record::Record;
use crate::trace;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::content;

/// In bytes.
const SIZE: u64 = 150_000;
const SMALL: u64 = 3000;
const LARGE: u64 = 1_500_000;
/// How many versions of each resource there are.
const VERSIONS: u64 = 2;

pub struct World {
  pub server: FaultServer,
  pub tokio: Runtime,
  /// Whether a flush may have failed.
  pub may_fail: std::cell::Cell<bool>,
  scenario: String,
  directory: TempDir,
}

/// A directory for a disk: in memory, where that is one, for nothing but what
/// the record says is ever flushed.
pub fn directory() -> TempDir {
  let memory = Path::new("/dev/shm");
  match memory.is_dir() {
    true => tempfile::tempdir_in(memory).unwrap(),
    false => tempfile::tempdir().unwrap(),
  }
}

/// What a path serves: its length in bytes, and the seed of its first version.
fn facts(path: &str) -> Option<(u64, u64)> {
  let path = path.trim_start_matches('/');
  match path {
    "one" => Some((SIZE, 10)),
    "doomed" => Some((SIZE, 20)),
    "broken" => Some((SIZE, 30)),
    "split" => Some((LARGE, 40)),
    _ => {
      let (kind, number) = path.split_once('-')?;
      let number: u64 = number.parse().ok()?;
      match kind {
        "three" => Some((SIZE, 100 + 10 * number)),
        "many" => Some((SMALL, 1000 + 10 * number)),
        _ => None,
      }
    }
  }
}

/// Whether these bytes are one version of what the path serves, whole.
pub fn is_right(path: &str, bytes: &[u8]) -> bool {
  match facts(path) {
    Some((size, seed)) => {
      let found = content::sha256_of(bytes);
      (0..VERSIONS).any(|n| content::sha256(size, seed + n) == found)
    }
    None => bytes == b"thanks",
  }
}

impl World {
  pub fn new(scenario: &str) -> Self {
    let tokio = tokio::runtime::Builder::new_current_thread()
      .enable_all()
      .build();
    Self {
      server: FaultServer::start_blocking(),
      tokio: tokio.unwrap(),
      may_fail: false.into(),
      scenario: scenario.into(),
      directory: directory(),
    }
  }

  /// Serves one version of everything, with nothing wrong.
  pub fn serve(&self, version: u64) {
    let many = (0..40).map(|n| format!("/many-{n}"));
    let three = (0..3).map(|n| format!("/three-{n}"));
    let others = ["/one", "/doomed", "/broken", "/split"].map(String::from);
    for path in many.chain(three).chain(others) {
      let (size, seed) = facts(&path).unwrap();
      let resource = Resource::bytes(size, seed + version)
        .etag(&format!("\"{}\"", seed + version));
      self.server.serve(&path, resource);
    }
    self.server.serve("/upload", Resource::text("thanks"));
    let missing = Resource::text("no").script([Behaviour::Status(404)]);
    self.server.serve("/missing", missing);
  }

  /// Runs the scenario once and returns the record of it.
  pub fn watch(&self, failed: Option<FailedFlush>) -> Option<Record> {
    self.may_fail.set(failed.is_some());
    self.serve(0);
    let pace = || Behaviour::Throttle {
      bytes_per_second: 3_000_000,
    };
    let changed = Behaviour::NewVersion {
      seed: facts("/three-1").unwrap().1 + 1,
      etag: "\"changed\"".into(),
    };
    let cut = Behaviour::TruncateAfter(60_000);
    self.server.script("/one", [pace()]);
    self.server.script("/split", [pace()]);
    self.server.script("/three-0", [cut.clone(), pace()]);
    let then = Behaviour::All(vec![changed, pace()]);
    self.server.script("/three-1", [cut, then, pace()]);
    self
      .server
      .script("/doomed", [Behaviour::StallAfter(50_000)]);
    let root = self.directory.path().canonicalize().unwrap();
    std::fs::create_dir_all(root.join("disk")).unwrap();
    let root = root.join("disk");
    let base = self.server.url("/");
    let variables = [
      ("POWER_ROOT", root.to_str().unwrap()),
      ("POWER_BASE", &base),
      ("POWER_SCENARIO", &self.scenario),
    ];
    let log = self.directory.path().join("log");
    let calls = trace::watch(&variables, &log, failed)?;
    Some(Record::new(&root, calls))
  }
}
