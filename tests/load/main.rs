//! Many background fetches of many realms at once, over a server that is slow.
//!
//! The engine has a process of its own, so that its memory can be told from
//! the server's. `LOAD_REGISTRATIONS` (default 600), `LOAD_ACTIVE` (60) and
//! `LOAD_REALMS` (12) say how many; `scripts/load.sh` makes a large run of it.

mod engine_process;
mod memory;
#[path = "../it/realm_thread.rs"]
mod realm_thread;

use std::io::BufRead;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use support::Behaviour;
use support::FaultServer;
use support::KilledWhenDropped;
use support::Resource;

/// Set for the process that has the engine: the server's origin.
const ORIGIN: &str = "LOAD_ORIGIN";
/// In bytes.
const SIZE: u64 = 16 * 1024;
/// A quarter of a second for each.
const PACE: Behaviour = Behaviour::Throttle {
  bytes_per_second: 4 * SIZE,
};
/// Nothing here takes longer, unless it hangs.
const BOUND: Duration = Duration::from_secs(300);

/// How much of everything.
#[derive(Clone, Copy)]
struct Scale {
  registrations: usize,
  active: usize,
  realms: usize,
}

impl Scale {
  fn from_environment() -> Self {
    let number = |name: &str, default| match std::env::var(name) {
      Ok(text) => text.parse().unwrap(),
      Err(_) => default,
    };
    let scale = Self {
      registrations: number("LOAD_REGISTRATIONS", 600),
      active: number("LOAD_ACTIVE", 60),
      realms: number("LOAD_REALMS", 12),
    };
    assert!(scale.realms >= 2 && scale.registrations >= scale.realms);
    assert!(scale.registrations > scale.active);
    scale
  }

  /// How many background fetches a realm starts.
  fn of_realm(&self, realm: usize) -> usize {
    let more = self.registrations % self.realms;
    self.registrations / self.realms + usize::from(realm < more)
  }
}

#[test]
fn many_background_fetches_of_many_realms() {
  let scale = Scale::from_environment();
  let server = FaultServer::start_blocking();
  // The first ones wait until every background fetch is registered.
  let held = Behaviour::All(vec![Behaviour::Hold, PACE]);
  let script = std::iter::repeat_n(held, scale.active).chain([PACE]);
  server.serve("/slow", Resource::bytes(SIZE, 1).script(script));
  let gate = Resource::text("open").script([Behaviour::StallAfter(1)]);
  server.serve("/gate", gate);

  let mut process = Command::new(std::env::current_exe().unwrap())
    .args(["the_process_with_the_engine", "--exact", "--nocapture"])
    .env(ORIGIN, server.origin())
    .stdout(Stdio::piped())
    .spawn()
    .map(KilledWhenDropped)
    .unwrap();
  let lines = lines_of(process.stdout.take().unwrap());
  let next = |wanted: &str| {
    loop {
      match lines.recv_timeout(BOUND) {
        Ok(line) if line == wanted => return,
        Ok(line) => println!("{line}"),
        Err(_) => panic!("the engine's process did not say \"{wanted}\""),
      }
    }
  };

  next("all registered");
  // As many as may be on the wire are there: those, and the gate.
  let held = server.wait_until_all_stalled("/slow", scale.active, BOUND);
  server.block_on(held);
  assert_eq!(server.most_at_once(), scale.active + 1);
  server.release("/slow");
  // All others get their events while one handler waits for the gate.
  next("all but one realm done");
  server.block_on(server.wait_until_stalled("/gate", BOUND));
  server.release("/gate");
  next("all done");
  assert!(process.wait().unwrap().success());

  // Nothing was asked for twice.
  assert_eq!(server.requests_for("/slow").len(), scale.registrations);
}

fn lines_of(
  output: impl std::io::Read + Send + 'static,
) -> mpsc::Receiver<String> {
  let (sender, lines) = mpsc::channel();
  std::thread::spawn(move || {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
      if sender.send(line).is_err() {
        return;
      }
    }
  });
  lines
}

/// Not a test by itself: the other one starts it in a process of its own.
#[test]
fn the_process_with_the_engine() {
  if let Ok(origin) = std::env::var(ORIGIN) {
    engine_process::run(&origin, Scale::from_environment());
  }
}
