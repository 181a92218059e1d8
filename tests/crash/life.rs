//! The life of one store: processes that work on it and are killed, until one
//! comes to its end.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use background_fetch::store::Change;
use background_fetch::store::Store;
use fastrand::Rng;
use serde_json::Value;
use tempfile::TempDir;

use crate::child::Child;
use crate::child::Next;
use crate::child::Said;
use crate::moment::Moment;
use crate::resources::Resources;
use crate::verdict;
use support::FaultServer;

/// No process takes longer, however busy the machine is.
const BOUND: Duration = Duration::from_secs(240);
/// How often it is looked what the server has seen.
const LOOK: Duration = Duration::from_millis(2);

/// A script for itself, and a page with its service worker.
const SCRIPTS: [(&str, &[&str]); 3] = [
  (
    "script.js",
    &[
      include_str!("say.js"),
      include_str!("events.js"),
      "const { backgroundFetch } = registration;",
      include_str!("start.js"),
    ],
  ),
  (
    "page.js",
    &[
      include_str!("say.js"),
      "await navigator.serviceWorker.register(\"sw.js\");",
      "const { backgroundFetch } = await navigator.serviceWorker.ready;",
      include_str!("start.js"),
    ],
  ),
  (
    "sw.js",
    &[include_str!("say.js"), include_str!("events.js")],
  ),
];

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
  pub lives: u64,
  pub kills: u64,
  /// What the processes were doing when they were killed, as their last words
  /// and the store show it; some did several things.
  pub moments: BTreeMap<&'static str, u64>,
  /// What the server did wrong on purpose.
  pub faults: u64,
  pub bytes: u64,
  pub events: u64,
}

impl Tally {
  pub fn add(&mut self, more: Self) {
    self.lives += more.lives;
    self.kills += more.kills;
    for (moment, kills) in more.moments {
      *self.moments.entry(moment).or_default() += kills;
    }
    self.faults += more.faults;
    self.bytes += more.bytes;
    self.events += more.events;
  }
}

pub struct Life {
  pub server: FaultServer,
  pub resources: Resources,
  directory: TempDir,
  dice: Rng,
  /// Every line, with a note where a process was killed or has ended.
  pub said: Vec<Said>,
  pub tally: Tally,
}

impl Life {
  fn new(seed: u64) -> Self {
    let mut dice = Rng::with_seed(seed);
    let server = FaultServer::start_blocking();
    let resources = Resources::serve(&server, &mut dice);
    let directory = TempDir::new().unwrap();
    for (name, parts) in SCRIPTS {
      std::fs::write(directory.path().join(name), parts.join("\n")).unwrap();
    }
    let tally = Tally {
      lives: 1,
      faults: resources.faults,
      ..Tally::default()
    };
    Self {
      server,
      resources,
      directory,
      dice,
      said: Vec::new(),
      tally,
    }
  }

  /// A script that starts background fetches of every kind.
  pub fn of_script(seed: u64) -> Tally {
    Self::of_run(seed, &["script.js"])
  }

  /// A page that starts them; its service worker hears of their end.
  pub fn of_page(seed: u64) -> Tally {
    Self::of_run(seed, &["page.js", "--sw", "sw.js"])
  }

  fn of_run(seed: u64, scripts: &[&str]) -> Tally {
    let mut life = Self::new(seed);
    let base = life.server.url("/");
    let run = [&["run", "--base", &base, "--out", "out"], scripts].concat();
    let mut command = run.as_slice();
    let kills = life.dice.u32(1..7);
    for _ in 0..kills {
      let moment = Moment::of_script(&mut life.dice, &life.server);
      let ended = life.process(command, Some(moment));
      if ended {
        verdict::of_script(&mut life);
        return life.tally;
      }
      if life.heard("REGISTERED").next().is_some() || life.rows() > 0 {
        command = &["resume"];
      }
    }
    // Whatever is there is brought to its end. Even if no row is left: a body
    // whose row was deleted last is found by the next process.
    life.process(command, None);
    verdict::of_script(&mut life);
    life.tally
  }

  /// A download without a script.
  pub fn of_get(seed: u64) -> Tally {
    let mut life = Self::new(seed);
    let urls = ["/one.bin", "/three-1.bin"].map(|path| life.server.url(path));
    let get = ["get", "--out", "out", &urls[0], &urls[1]];
    let kills = life.dice.u32(1..5);
    for _ in 0..kills {
      let moment = Moment::of_transfer(&mut life.dice, &life.server);
      let command = match life.dice.bool() {
        true => get.as_slice(),
        false => &["resume"],
      };
      life.process(command, Some(moment));
    }
    life.process(&get, None);
    verdict::of_get(&mut life);
    life.tally
  }

  /// Runs a process until the moment has come, and kills it, or else to its
  /// end. Returns whether it has ended.
  fn process(&mut self, command: &[&str], moment: Option<Moment>) -> bool {
    let (name, rest) = command.split_first().unwrap();
    let mut arguments = vec![*name, "--json", "--store", "store"];
    arguments.extend(rest);
    let arguments: Vec<_> = arguments.iter().map(|a| a.to_string()).collect();
    self.note(&format!("{arguments:?}"));
    let begun = self.said.len();
    self.let_time_pass();
    let child = Child::start(self.directory.path(), &arguments);
    let mut moment = moment;
    let bound = Instant::now() + BOUND;
    loop {
      match child.next(LOOK) {
        Next::Said(said) => {
          moment.iter_mut().for_each(|moment| moment.hear(&said));
          self.said.push(said);
        }
        Next::Nothing => {}
        Next::Closed => {
          let status = child.status();
          self.note(&format!("{status}"));
          let is_orderly = matches!(status.code(), Some(0 | 1));
          self.check(is_orderly, "a process ends in an orderly way");
          return true;
        }
      }
      let has_come = |moment: &Moment| moment.has_come(&self.server);
      if moment.as_ref().is_some_and(has_come) {
        self.said.extend(child.kill());
        self.tally.kills += 1;
        for moment in self.found(begun) {
          *self.tally.moments.entry(moment).or_default() += 1;
        }
        self.note("killed");
        return false;
      }
      if Instant::now() > bound {
        self.said.extend(child.kill());
        self.fail("a process ends within its bound");
      }
    }
  }

  /// What a crash has left behind is collected when it is old enough, and who
  /// kills on purpose lets go of what is held for it.
  fn let_time_pass(&self) {
    let long_ago = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    for body in verdict::files_in(&self.path("store/bodies")) {
      let body = std::fs::File::open(body).unwrap();
      body.set_modified(long_ago).unwrap();
    }
    let Ok(rows) = Store::read_directory(self.path("store")) else {
      return;
    };
    let store = Store::open_directory(self.path("store")).unwrap();
    let keys = rows.into_iter().flatten().map(|row| row.key);
    let released = keys.map(|key| Change::Released { key }).collect();
    self.server.block_on(store.commit(released)).unwrap();
  }

  /// What the process that has said the lines from `begun` on was doing.
  fn found(&self, begun: usize) -> Vec<&'static str> {
    let ids = |begin: &str| -> Vec<String> {
      heard(&self.said[begun..], begin)
        .map(|facts| facts["id"].as_str().unwrap_or_default().to_string())
        .collect()
    };
    let rows = self.unfinished();
    let (starting, registered) = (ids("STARTING"), ids("REGISTERED"));
    let (begins, ends) = (ids("BEGIN"), ids("EVENT"));
    let unregistered = |id: &&String| !registered.contains(id);
    let mut found = Vec::new();
    let mut is = |holds: bool, what| found.extend(holds.then_some(what));
    is(starting.iter().any(|id| unregistered(&id)), "registering");
    let stores = |id: &String| id == "upload" && unregistered(&id);
    is(starting.iter().any(stores), "storing a request's body");
    is(begins.len() > ends.len(), "handling an event");
    let is_there = |id: &String| rows.iter().any(|(row, _)| row == id);
    is(ends.iter().any(is_there), "between handling and deleting");
    is(rows.iter().any(|(_, settled)| !settled), "transferring");
    let bodies = verdict::files_in(&self.path("store/bodies")).len();
    is(
      rows.is_empty() && bodies > 0,
      "with bodies that no row knows",
    );
    if found.is_empty() {
      found.push("otherwise");
    }
    found
  }

  fn note(&mut self, text: &str) {
    self.said.push(Said::Console(format!("--- {text}")));
  }

  pub fn path(&self, name: &str) -> std::path::PathBuf {
    self.directory.path().join(name)
  }

  /// How many background fetches the store has; a damaged one is none.
  pub fn rows(&self) -> usize {
    let store: &Path = &self.path("store");
    Store::read_directory(store).map_or(0, |rows| rows.len())
  }

  /// Every background fetch in the store, and whether it has settled.
  fn unfinished(&self) -> Vec<(String, bool)> {
    let rows = Store::read_directory(self.path("store")).unwrap_or_default();
    let rows = rows.into_iter().flatten();
    rows
      .map(|row| (row.background_fetch.id, row.event_owed))
      .collect()
  }

  /// The facts of every line that the script has begun so.
  pub fn heard(&self, begin: &str) -> impl Iterator<Item = Value> {
    heard(&self.said, begin)
  }

  /// The objects on standard output.
  pub fn told(&self) -> impl Iterator<Item = Value> {
    self.said.iter().filter_map(|said| match said {
      Said::Json(line) => Some(serde_json::from_str(line).unwrap()),
      Said::Console(_) => None,
    })
  }

  pub fn check(&self, holds: bool, what: &str) {
    if !holds {
      self.fail(what);
    }
  }

  /// Shows all that has happened.
  fn fail(&self, what: &str) -> ! {
    for said in &self.said {
      match said {
        Said::Json(line) | Said::Console(line) => eprintln!("{line}"),
      }
    }
    for seen in self.server.requests() {
      let range = seen.header("range").unwrap_or_default();
      let body = seen.body_length;
      eprintln!("{} {} {range} {body}", seen.method, seen.target);
    }
    panic!("it does not hold that {what}");
  }
}

fn heard(said: &[Said], begin: &str) -> impl Iterator<Item = Value> {
  said.iter().filter_map(move |said| match said {
    Said::Console(line) => {
      let facts = line.strip_prefix(begin)?.strip_prefix(' ')?;
      serde_json::from_str(facts).ok()
    }
    Said::Json(_) => None,
  })
}
