//! A page, its service worker, and the servers that they talk to.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;

use crate::cli::place::BOUND;
use crate::cli::place::Ended;
use crate::cli::place::Place;
use crate::cli::place::Running;
use support::Behaviour;
use support::FaultServer;
use support::Resource;

/// In every script: says what came of `f`, in one line.
const SAY: &str = "
  async function say(name, f) {
    try {
      console.log(name + ':', ...[await f()].flat());
    } catch (error) {
      console.log(name + ':', error.name);
    }
  }
";

pub struct Site {
  pub place: Place,
  pub server: FaultServer,
  /// Another origin.
  pub other: FaultServer,
}

impl Site {
  pub fn new() -> Self {
    Self {
      place: Place::new(),
      server: FaultServer::start_blocking(),
      other: FaultServer::start_blocking(),
    }
  }

  /// Starts `page` at `/app/`, and, if there is one, `worker` as the file
  /// `sw.js` beside it. In both, `@OTHER@` is the other origin.
  pub fn start(&self, page: &str, worker: Option<&str>) -> Running {
    let origin = self.other.origin();
    let fill =
      |script: &str| format!("{SAY}{}", script.replace("@OTHER@", &origin));
    let page = self.place.write("page.js", &fill(page));
    let base = self.server.url("/app/");
    let mut arguments = vec!["--policy", "browser", "--quiet"];
    arguments.extend(["--base", &base]);
    let sw = worker.map(|worker| self.place.write("sw.js", &fill(worker)));
    if let Some(sw) = &sw {
      arguments.extend(["--sw", sw]);
    }
    arguments.push(&page);
    self.place.start("run", &arguments)
  }

  pub fn run(&self, page: &str, worker: Option<&str>) -> Ended {
    self.start(page, worker).ended()
  }

  /// Runs `page`, to which `response` comes while it hears of nothing, and which
  /// then ends the connection of that.
  ///
  /// `/stalled` sends the beginning of the response. A script hears of nothing
  /// as long as it waits in `importScripts("/held.js")`; it may wait for `/end`
  /// until the connection has ended.
  #[track_caller]
  pub fn run_unheard(
    &self,
    response: Resource,
    page: &str,
    worker: Option<&str>,
  ) -> Ended {
    let server = &self.server;
    server.serve("/stalled", response.script([Behaviour::StallAfter(3)]));
    for path in ["/held.js", "/end"] {
      let held = Resource::text("").content_type("text/javascript");
      server.serve(path, held.script([Behaviour::Hold]));
    }
    let running = self.start(page, worker);
    server.block_on(async {
      server.wait_until_stalled("/stalled", BOUND).await;
      server.release("/held.js");
      server.wait_until_stalled("/end", BOUND).await;
      server.wait_until_none_stalls("/stalled", BOUND).await;
      server.release("/end");
    });
    running.ended().code(0)
  }

  /// How many bodies the store has in files.
  pub fn bodies(&self) -> usize {
    self.body_files().len()
  }

  /// Waits until the store has a body in a file: it may come after what a
  /// script has read of the same response.
  #[track_caller]
  pub fn wait_for_a_body(&self) {
    let begin = Instant::now();
    while self.bodies() == 0 {
      assert!(begin.elapsed() < BOUND, "no body is in the store");
      std::thread::yield_now();
    }
  }

  /// As if nothing had been written to them for a day.
  pub fn make_bodies_old(&self) {
    let day = Duration::from_secs(24 * 60 * 60);
    for path in self.body_files() {
      let file = File::options().append(true).open(path).unwrap();
      file.set_modified(SystemTime::now() - day).unwrap();
    }
  }

  fn body_files(&self) -> Vec<PathBuf> {
    let bodies = self.place.path(&self.place.store).join("bodies");
    let directories = std::fs::read_dir(bodies).into_iter().flatten();
    let files = directories.flat_map(|directory| {
      std::fs::read_dir(directory.unwrap().path()).unwrap()
    });
    files.map(|file| file.unwrap().path()).collect()
  }

  /// Runs `script` as a service worker, and returns what it has said.
  #[track_caller]
  pub fn lines(&self, script: &str) -> Vec<String> {
    lines(self.run(script, None))
  }

  /// Runs `page` with `worker`, and returns what both have said.
  #[track_caller]
  pub fn lines_with(&self, page: &str, worker: &str) -> Vec<String> {
    lines(self.run(page, Some(worker)))
  }
}

#[track_caller]
fn lines(ended: Ended) -> Vec<String> {
  let ended = ended.code(0);
  assert_eq!(ended.stderr, "", "{ended:#?}");
  ended.stdout.lines().map(str::to_string).collect()
}
