//! What a terminal shows.

use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::pty::OpenptFlags;

use crate::cli::place::BOUND;
use crate::cli::place::Place;
use support::Behaviour;
use support::FaultServer;
use support::KilledWhenDropped;
use support::Resource;

/// A terminal of 24 rows and 80 columns, with a running program in it.
pub struct Terminal {
  /// The side of the user.
  pub master: File,
  pub screen: vt100::Parser,
  written: mpsc::Receiver<Vec<u8>>,
  child: KilledWhenDropped,
}

impl Terminal {
  fn start(command: Command) -> Self {
    Self::start_with(command, 80, false)
  }

  /// With so many columns; with `keys` the user can press some.
  pub fn start_with(mut command: Command, columns: u16, keys: bool) -> Self {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
    let master = rustix::pty::openpt(flags).unwrap();
    rustix::pty::grantpt(&master).unwrap();
    rustix::pty::unlockpt(&master).unwrap();
    let size = rustix::termios::Winsize {
      ws_row: 24,
      ws_col: columns,
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
      .stdin(match keys {
        true => Stdio::from(open()),
        false => Stdio::null(),
      })
      .stdout(open())
      .stderr(open())
      .spawn()
      .map(KilledWhenDropped)
      .unwrap();
    let (sender, written) = mpsc::channel();
    let master = File::from(master);
    let mut output = master.try_clone().unwrap();
    thread::spawn(move || {
      let mut buffer = [0; 4096];
      // It fails when the last one who writes to the terminal is gone.
      while let Ok(length @ 1..) = output.read(&mut buffer) {
        if sender.send(buffer[..length].to_vec()).is_err() {
          return;
        }
      }
    });
    Self {
      master,
      screen: vt100::Parser::new(24, columns, 0),
      written,
      child,
    }
  }

  /// Waits until a row of the screen is as `wanted` wants it.
  pub fn wait_for_row(&mut self, wanted: impl Fn(&str) -> bool) -> String {
    let begin = Instant::now();
    loop {
      let text = self.rows();
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

  /// Reads what is written within a short time.
  pub fn read_a_little(&mut self) {
    if let Ok(bytes) = self.written.recv_timeout(Duration::from_millis(100)) {
      self.screen.process(&bytes);
    }
  }

  /// What the screen shows; one row is not joined to the next when it is full.
  pub fn rows(&self) -> String {
    let screen = self.screen.screen();
    let (_, columns) = screen.size();
    let rows: Vec<_> = screen.rows(0, columns).collect();
    rows.join("\n")
  }

  pub fn press(&mut self, keys: &str) {
    self.master.write_all(keys.as_bytes()).unwrap();
  }

  pub fn resize(&mut self, columns: u16) {
    let mut size = rustix::termios::tcgetwinsize(&self.master).unwrap();
    size.ws_col = columns;
    rustix::termios::tcsetwinsize(&self.master, size).unwrap();
    self.screen.screen_mut().set_size(24, columns);
  }

  /// Whether what is typed is shown, as a shell expects it.
  fn echoes(&self) -> bool {
    let modes = rustix::termios::tcgetattr(&self.master).unwrap();
    modes
      .local_modes
      .contains(rustix::termios::LocalModes::ECHO)
  }

  /// Waits for the program's end; returns what the screen shows then.
  pub fn end(mut self) -> (Option<i32>, String) {
    while let Ok(bytes) = self.written.recv_timeout(BOUND) {
      self.screen.process(&bytes);
    }
    let status = self.child.wait().unwrap();
    (status.code(), self.rows())
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

/// `bgfetch get` of several URLs, with the terminal as the one it is
/// controlled from.
pub fn get_with_keys(place: &Place, urls: &[String]) -> Command {
  let mut command = Command::new("setsid");
  command.args(["--ctty", env!("CARGO_BIN_EXE_bgfetch")]);
  get_all(command, place, urls)
}

pub fn get_without_keys(place: &Place, urls: &[String]) -> Command {
  get_all(Command::new(env!("CARGO_BIN_EXE_bgfetch")), place, urls)
}

fn get_all(mut command: Command, place: &Place, urls: &[String]) -> Command {
  command
    .args(["get", "--store"])
    .arg(place.path("terminal"))
    .args(["--out", &place.out()])
    .args(urls);
  command
}

/// Films of 4 MiB that stall after 1 MiB, once.
pub fn films(server: &FaultServer, count: usize) -> Vec<String> {
  let film = |index: usize| {
    let film = Resource::bytes(4 << 20, index as u64)
      .script([Behaviour::StallAfter(1 << 20), Behaviour::Normal]);
    server.serve(&format!("/film-{index}.bin"), film)
  };
  (0..count).map(film).collect()
}

#[test]
fn keys_pause_and_resume_and_quit() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let urls = films(&server, 2);
  let command = get_with_keys(&place, &urls);
  let mut terminal = Terminal::start_with(command, 80, true);
  for film in ["/film-0.bin", "/film-1.bin"] {
    server.block_on(server.wait_until_stalled(film, BOUND));
  }
  terminal.wait_for_row(|row| row.starts_with("p pause"));
  terminal.wait_for_row(|row| {
    row.starts_with("0 of 2 done") && row.contains("2.00 MiB of 8.00 MiB")
  });
  assert!(!terminal.echoes());
  terminal.press("p");
  terminal.wait_for_row(|row| row.trim_end().ends_with("paused"));
  terminal.press("d");
  terminal
    .wait_for_row(|row| row.contains("film-1.bin: 1 MiB of 4 MiB, paused"));
  terminal.press("a");
  terminal.wait_for_row(|row| row.contains("press y"));
  terminal.press("n");
  terminal.wait_for_row(|row| row.starts_with("p pause"));
  terminal.press("q");
  let echo = terminal.master.try_clone().unwrap();
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(130), "{screen}");
  let modes = rustix::termios::tcgetattr(&echo).unwrap();
  let echoes = rustix::termios::LocalModes::ECHO;
  assert!(modes.local_modes.contains(echoes));
  // Everything is kept.
  let listed = Command::new(env!("CARGO_BIN_EXE_bgfetch"))
    .args(["list", "--store"])
    .arg(place.path("terminal"))
    .output()
    .unwrap();
  let listed = String::from_utf8(listed.stdout).unwrap();
  assert_eq!(listed.lines().count(), 2, "{listed}");
}

#[test]
fn keys_abort_and_resume() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let urls = films(&server, 1);
  let command = get_with_keys(&place, &urls);
  let mut terminal = Terminal::start_with(command, 80, true);
  terminal.wait_for_row(|row| row.contains("1.00 MiB of"));
  terminal.press("p");
  terminal.wait_for_row(|row| row.trim_end().ends_with("paused"));
  terminal.press("r");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(0), "{screen}");

  let stalled =
    Resource::bytes(4 << 20, 7).script([Behaviour::StallAfter(1 << 20)]);
  let urls = [server.serve("/other.bin", stalled)];
  let command = get_with_keys(&place, &urls);
  let mut terminal = Terminal::start_with(command, 80, true);
  terminal.wait_for_row(|row| row.contains("1.00 MiB of"));
  terminal.press("ay");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(1), "{screen}");
  assert!(screen.contains("/other.bin: it was aborted"), "{screen}");
}

#[test]
fn sixty_columns_are_enough_and_may_become_more() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let urls = films(&server, 1);
  let command = get_without_keys(&place, &urls);
  let mut terminal = Terminal::start_with(command, 60, false);
  let row = terminal.wait_for_row(|row| row.contains("1.00 MiB"));
  assert!(row.starts_with("film-0.bin (127.0.0.1:"), "{row}");
  assert!(row.contains(" 25%"), "{row}");
  terminal.resize(100);
  server.block_on(server.wait_until_stalled("/film-0.bin", BOUND));
  server.release("/film-0.bin");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(0), "{screen}");
  let rows: Vec<_> = screen.lines().filter(|row| !row.is_empty()).collect();
  assert_eq!(rows.len(), 1, "{screen}");
}

#[test]
fn many_files_are_counted() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let mut urls = Vec::new();
  for index in 0..150 {
    let text = Resource::text("x");
    urls.push(server.serve(&format!("/{index}.txt"), text));
  }
  urls.extend(films(&server, 1));
  let mut command = get_without_keys(&place, &urls);
  command.args(["-j", "8"]);
  let mut terminal = Terminal::start_with(command, 80, false);
  let row = terminal.wait_for_row(|row| row.starts_with("150 of 151 done"));
  assert!(row.contains("MiB"), "{row}");
  terminal.wait_for_row(|row| row.starts_with("film-0.bin ("));
  server.block_on(server.wait_until_stalled("/film-0.bin", BOUND));
  server.release("/film-0.bin");
  let (code, screen) = terminal.end();
  assert_eq!(code, Some(0), "{screen}");
  assert!(screen.contains("all 151 files are there"), "{screen}");
}
