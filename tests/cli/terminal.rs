//! What a terminal shows.

use std::fs::File;
use std::io::Read;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rustix::pty::OpenptFlags;

use crate::place::BOUND;
use crate::place::Place;
use crate::support::Behaviour;
use crate::support::FaultServer;
use crate::support::Resource;

/// A terminal of 24 rows and 80 columns, with a program at work in it.
struct Terminal {
  screen: vt100::Parser,
  written: mpsc::Receiver<Vec<u8>>,
  child: std::process::Child,
}

impl Terminal {
  fn start(mut command: Command) -> Self {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let master = rustix::pty::openpt(flags).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let size = rustix::termios::Winsize {
      ws_row: 24,
      ws_col: 80,
      ws_xpixel: 0,
      ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&master, size).unwrap();
    let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    let open = || {
      let mut options = File::options();
      options.read(true).write(true);
      options.open(name.to_str().unwrap()).unwrap()
    };
    let child = command
      .env("TERM", "xterm")
      .env_remove("RUST_LOG")
      .stdin(Stdio::null())
      .stdout(open())
      .stderr(open())
      .spawn()
      .unwrap();
    let (sender, written) = mpsc::channel();
    let mut master = File::from(master);
    thread::spawn(move || {
      let mut buffer = [0; 4096];
      // It fails when the last one who writes to the terminal is gone.
      while let Ok(length @ 1..) = master.read(&mut buffer) {
        if sender.send(buffer[..length].to_vec()).is_err() {
          return;
        }
      }
    });
    Self {
      screen: vt100::Parser::new(24, 80, 0),
      written,
      child,
    }
  }

  /// Waits until a row of the screen is as `wanted` wants it.
  fn wait_for_row(&mut self, wanted: impl Fn(&str) -> bool) -> String {
    let begin = Instant::now();
    loop {
      let text = self.screen.screen().contents();
      if let Some(row) = text.lines().find(|row| wanted(row)) {
        return row.to_string();
      }
      let left = BOUND.saturating_sub(begin.elapsed());
      match self.written.recv_timeout(left) {
        Ok(bytes) => self.screen.process(&bytes),
        Err(_) => panic!("the screen does not show it:\n{text}"),
      }
    }
  }

  /// Waits for the program's end; returns what the screen shows then.
  fn end(mut self) -> (Option<i32>, String) {
    while let Ok(bytes) = self.written.recv_timeout(BOUND) {
      self.screen.process(&bytes);
    }
    let status = self.child.wait().unwrap();
    (status.code(), self.screen.screen().contents())
  }
}

fn get(place: &Place, url: &str) -> Command {
  let mut command = Command::new(env!("CARGO_BIN_EXE_bgfetch"));
  command
    .args(["get", "--store"])
    .arg(place.path("terminal"))
    .args(["--out", &place.out(), url]);
  command
}

#[test]
fn a_terminal_shows_a_bar_and_then_a_line() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film =
    Resource::bytes(4 << 20, 1).script([Behaviour::StallAfter(1 << 20)]);
  let url = server.serve("/film.bin", film);
  let mut terminal = Terminal::start(get(&place, &url));
  let bar = terminal.wait_for_row(|row| row.contains("1.00 MiB of"));
  assert!(bar.starts_with("film.bin "), "{bar}");
  assert!(bar.contains("of 4.00 MiB"), "{bar}");
  // A quarter of twelve, and the arrow's head.
  assert!(bar.contains("[===>        ]"), "{bar}");

  server.release("/film.bin");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(0));
  // The bar has made way for what came of it.
  let rows: Vec<_> = screen.lines().filter(|row| !row.is_empty()).collect();
  assert_eq!(rows.len(), 1, "{screen}");
  assert!(rows[0].starts_with("✓ film.bin  4 MiB in "), "{screen}");
}

#[test]
fn a_terminal_shows_that_it_is_paused() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let film = Resource::bytes(4 << 20, 1)
    .script([Behaviour::StallAfter(1 << 20), Behaviour::Normal]);
  let url = server.serve("/film.bin", film);
  let mut terminal = Terminal::start(get(&place, &url));
  terminal.wait_for_row(|row| row.contains("1.00 MiB of"));
  let ours = |command: &str| {
    let ended = Command::new(env!("CARGO_BIN_EXE_bgfetch"))
      .args([command, "--store"])
      .arg(place.path("terminal"))
      .arg("film.bin")
      .output();
    assert!(ended.unwrap().status.success());
  };
  ours("pause");
  terminal.wait_for_row(|row| row.trim_end().ends_with("1.00 MiB paused"));
  ours("unpause");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(0), "{screen}");
}

#[test]
fn a_terminal_shows_that_it_waits_for_the_network() {
  let place = Place::new();
  // To a multicast address the kernel has no way for TCP.
  let mut command = get(&place, "http://224.0.0.1/film.bin");
  command.args(["--offline-timeout", "1"]);
  let mut terminal = Terminal::start(command);
  let bar =
    terminal.wait_for_row(|row| row.contains("waiting for the network"));
  assert!(bar.starts_with("film.bin "), "{bar}");
  assert!(bar.trim_end().ends_with(" 0 B"), "{bar}");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(1));
  assert!(screen.contains("did not come back in time"), "{screen}");
}
