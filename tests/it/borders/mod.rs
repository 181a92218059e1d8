//! The borders between modules: who may import whom, read from the imports of
//! `src`, and what of a job is behind a lock. `docs/architecture.md` draws the
//! same arrows, and speaks of the locks.

mod imports;
mod locks;

use std::path::Path;

use self::imports::Imports;
use self::imports::sources;
use self::locks::fields_behind_locks;

/// Each module with those that it may import. What stands further down in the
/// list may be imported by what stands above; a folder stands for all that is
/// in it unless it has a row of its own.
const ARROWS: [(&str, &[&str]); 22] = [
  (
    "extension",
    &[
      "engine",
      "dom_exception",
      "network",
      "store",
      "service_worker",
      "display",
      "snapshot",
      "spec",
      "ids",
      "platform",
    ],
  ),
  (
    "dashboard",
    &[
      "control", "engine", "store", "display", "snapshot", "spec", "ids",
    ],
  ),
  (
    "control",
    &["engine", "store", "display", "snapshot", "ids"],
  ),
  (
    "engine",
    &[
      "engine/context",
      "engine/events",
      "engine/job",
      "engine/journal",
      "engine/policy",
      "engine/schedule",
      "engine/until",
      "dom_exception",
      "network",
      "store",
      "service_worker",
      "display",
      "snapshot",
      "spec",
      "ids",
      "platform",
      "telemetry",
    ],
  ),
  (
    "engine/job",
    &[
      "engine",
      "engine/context",
      "engine/events",
      "engine/journal",
      "engine/policy",
      "engine/schedule",
      "engine/until",
      "network",
      "store",
      "snapshot",
      "spec",
      "ids",
      "platform",
      "telemetry",
    ],
  ),
  (
    "engine/context",
    &[
      "engine",
      "engine/events",
      "engine/journal",
      "engine/policy",
      "engine/schedule",
      "network",
      "store",
      "service_worker",
      "ids",
      "platform",
    ],
  ),
  ("engine/events", &["snapshot", "spec", "ids"]),
  (
    "engine/journal",
    &[
      "engine/policy",
      "engine/until",
      "store",
      "spec",
      "ids",
      "telemetry",
    ],
  ),
  (
    "engine/schedule",
    &["engine/policy", "network", "spec", "ids"],
  ),
  (
    "engine/policy",
    &["network", "service_worker", "display", "snapshot", "spec"],
  ),
  ("engine/until", &[]),
  (
    "service_worker",
    &[
      "service_worker/model",
      "dom_exception",
      "network",
      "store",
      "spec",
      "ids",
      "platform",
      "telemetry",
    ],
  ),
  ("service_worker/model", &["dom_exception", "ids"]),
  ("network", &["spec", "ids"]),
  ("store", &["snapshot", "spec", "ids", "platform"]),
  ("display", &["snapshot", "spec", "ids"]),
  ("snapshot", &["spec", "ids"]),
  ("spec", &[]),
  ("dom_exception", &[]),
  ("ids", &[]),
  ("platform", &[]),
  ("telemetry", &[]),
];

/// More files in one folder are not found again.
const MAX_FILES: usize = 24;

/// How many files may import one another in a circle.
const MAX_CIRCLE: usize = 3;

/// The one circle that is larger, since it is the standard's: main fetch runs a
/// scheme fetch, that an HTTP fetch, that an HTTP-redirect fetch, and that a main
/// fetch.
const FETCH: [&str; 4] = [
  "network/http_fetch.rs",
  "network/http_redirect_fetch.rs",
  "network/main_fetch.rs",
  "network/scheme_fetch.rs",
];

/// The folders that do better.
const SMALLER_CIRCLES: [(&str, usize); 3] =
  [("spec/", 2), ("service_worker/", 2), ("display/", 1)];

/// A job has one lock. What else there is in its folder belongs to others, or
/// is no state of a job.
const LOCKS_OF_JOBS: [&str; 8] = [
  // The registration's.
  "edit_queue.rs: all: Arc<RwLock<()>>,",
  "edit_queue.rs: struct Ids(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);",
  // The one.
  "mod.rs: state: Mutex<State>,",
  // Whose turn it is, for as long as an attempt takes.
  "record_slot.rs: pub(crate) attempts: tokio::sync::Mutex<Attempts>,",
  // What readers of a response wait for, who may outlive the job.
  "response_data.rs: state: Mutex<ResponseState>,",
  // The attempt's, in its two parts.
  "segments.rs: planner: Arc<Mutex<SegmentPlanner>>,",
  "segments.rs: planner: Arc<Mutex<SegmentPlanner>>,",
  // The engine's.
  "table.rs: pub(crate) struct Table<T>(Mutex<BTreeMap<BackgroundFetchKey, Arc<T>>>);",
];

fn of_the_crate() -> Imports {
  let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
  Imports::read(&root).unwrap()
}

#[test]
fn no_module_imports_against_an_arrow() {
  let wrong = of_the_crate().against(&ARROWS);
  assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_folder_is_too_full() {
  let full = of_the_crate().folders_with_more_than(MAX_FILES);
  assert!(full.is_empty(), "{}", full.join("\n"));
}

#[test]
fn no_circle_of_files_is_large_but_the_one_of_fetch() {
  assert_eq!(of_the_crate().circles("", MAX_CIRCLE), [FETCH]);
}

#[test]
fn where_circles_were_smaller_they_stay_so() {
  let files = of_the_crate();
  for (folder, most) in SMALLER_CIRCLES {
    let circles = files.circles(folder, most);
    assert!(circles.is_empty(), "{circles:#?}");
  }
}

#[test]
fn a_job_has_one_lock() {
  let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/job");
  assert_eq!(fields_behind_locks(&sources(&root).unwrap()), LOCKS_OF_JOBS);
}

#[test]
fn a_second_lock_is_found_however_it_is_written() {
  let found = |line: &str| {
    let file = ("mod.rs".to_string(), line.to_string());
    fields_behind_locks(&[file]).len()
  };
  for line in [
    "  waiting: Mutex<Option<Waiting>>,",
    "  pub(super) waiting: parking_lot::RwLock<Option<Waiting>>,",
    "  is_settled: Arc<AtomicBool>,",
    "struct Waiting(Mutex<String>);",
  ] {
    assert_eq!(found(line), 1, "{line}");
  }
  for line in [
    "  state: State,",
    "  // state: Mutex<State>,",
    "  budget: &'a Mutex<ByteBudget>,",
    "use parking_lot::Mutex;",
  ] {
    assert_eq!(found(line), 0, "{line}");
  }
}

#[test]
fn a_wrong_arrow_is_found_however_it_is_written() {
  let ways = [
    "use crate::engine::Engine;",
    "use super::super::engine::job;",
    "fn f() { let _ = crate::engine::job::Job::new(); }",
    "use crate::{engine::Engine, spec::Request};",
  ];
  for way in ways {
    let wrong = imports(&[("store/open.rs", way)]).against(&ARROWS);
    assert_eq!(wrong.len(), 1, "{way}: {wrong:?}");
    assert!(wrong[0].starts_with("src/store/open.rs:1: "), "{wrong:?}");
  }
  let fine = [
    "// use crate::engine::Engine;",
    "use crate::spec::Request;",
    "use super::Store;",
    "pub use crate::ids::BodyId;",
    "pub(in crate::engine) fn f() {}",
  ];
  for way in fine {
    let wrong = imports(&[("store/open.rs", way)]).against(&ARROWS);
    assert!(wrong.is_empty(), "{way}: {wrong:?}");
  }
}

#[test]
fn the_journal_may_know_a_policy_and_no_job() {
  let import = |of| format!("use crate::engine::{of};");
  let known = imports(&[("engine/journal/mod.rs", &import("policy::Retry"))]);
  assert!(known.against(&ARROWS).is_empty());
  let unknown = imports(&[("engine/journal/mod.rs", &import("job::Job"))]);
  assert_eq!(unknown.against(&ARROWS).len(), 1);
}

#[test]
fn a_circle_is_found_and_a_table_of_contents_is_none() {
  let files = [
    ("engine/a.rs", "use super::b::B;"),
    ("engine/b.rs", "use super::job::Job;"),
    ("engine/job/mod.rs", "use self::act::act;"),
    ("engine/job/act.rs", "use crate::engine::a::A;"),
    ("engine/mod.rs", "pub use self::a::A;"),
  ];
  let found = imports(&files);
  let circles = found.circles("engine/", 3);
  assert_eq!(circles.len(), 1);
  assert!(circles[0].contains(&"engine/job/act.rs"), "{circles:?}");
  assert!(imports(&files).circles("engine/", 4).is_empty());
  assert!(imports(&files[1..]).circles("engine/", 1).is_empty());
}

#[test]
fn a_path_through_a_module_of_the_file_is_an_import() {
  let files = [
    ("engine/job/mod.rs", "pub mod act;\nfn f() { act::act(); }"),
    ("engine/job/act.rs", "use super::Job;"),
  ];
  let found = imports(&files);
  let circles = found.circles("engine/", 1);
  assert_eq!(circles, [["engine/job/act.rs", "engine/job/mod.rs"]]);
}

#[test]
fn a_circle_is_found_in_the_program() {
  let files = [
    ("bin/bgfetch/a.rs", "use crate::b::B;"),
    ("bin/bgfetch/b.rs", "use super::a::A;"),
    ("b.rs", ""),
  ];
  let found = imports(&files);
  let circles = found.circles("", 1);
  assert_eq!(circles, [["bin/bgfetch/a.rs", "bin/bgfetch/b.rs"]]);
}

#[test]
fn a_full_folder_is_found() {
  let names: Vec<String> = (0..3).map(|n| format!("spec/{n}.rs")).collect();
  let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
  assert_eq!(imports(&files).folders_with_more_than(3).len(), 1);
  assert!(imports(&files).folders_with_more_than(4).is_empty());
}

/// Those of a crate with these files, and all others that an arrow names.
fn imports(files: &[(&str, &str)]) -> Imports {
  let mut all: Vec<(String, String)> = files
    .iter()
    .map(|(path, text)| (path.to_string(), text.to_string()))
    .collect();
  for (module, _) in ARROWS {
    let path = format!("{module}/mod.rs");
    if files.iter().all(|(other, _)| *other != path) {
      all.push((path, String::new()));
    }
  }
  Imports::of(all)
}
