//! A place for one test: a store, a directory for files, and the program.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use support::KilledWhenDropped;
use tempfile::TempDir;

/// Nothing here takes longer, however busy the machine is.
pub const BOUND: Duration = Duration::from_secs(240);

pub struct Place {
  directory: TempDir,
  /// The store's directory, in this one.
  pub store: String,
}

/// How the program has ended.
#[derive(Debug)]
pub struct Ended {
  pub status: ExitStatus,
  pub stdout: String,
  pub stderr: String,
}

/// The running program.
pub struct Running {
  child: KilledWhenDropped,
  lines: mpsc::Receiver<String>,
  stderr: thread::JoinHandle<String>,
}

impl Place {
  pub fn new() -> Self {
    Self {
      directory: TempDir::new().unwrap(),
      store: "store".to_string(),
    }
  }

  pub fn path(&self, name: &str) -> PathBuf {
    self.directory.path().join(name)
  }

  pub fn write(&self, name: &str, text: &str) -> String {
    std::fs::write(self.path(name), text).unwrap();
    self.path(name).to_str().unwrap().to_string()
  }

  pub fn out(&self) -> String {
    self.path("out").to_str().unwrap().to_string()
  }

  /// Starts `bgfetch COMMAND --store … ARGUMENTS`.
  pub fn start(&self, command: &str, arguments: &[&str]) -> Running {
    let process = Command::new(env!("CARGO_BIN_EXE_bgfetch"));
    self.start_by(process, command, arguments)
  }

  /// The same by a shell that does `first` before.
  pub fn start_after(
    &self,
    first: &str,
    command: &str,
    arguments: &[&str],
  ) -> Running {
    let mut shell = Command::new("sh");
    shell
      .args(["-c", &format!("{first}; exec \"$0\" \"$@\"")])
      .arg(env!("CARGO_BIN_EXE_bgfetch"));
    self.start_by(shell, command, arguments)
  }

  /// Runs it with these environment variables.
  pub fn bgfetch_with(
    &self,
    environment: &[(&str, &str)],
    command: &str,
    arguments: &[&str],
  ) -> Ended {
    let mut process = Command::new(env!("CARGO_BIN_EXE_bgfetch"));
    process.envs(environment.iter().copied());
    self.start_by(process, command, arguments).ended()
  }

  /// The same by `process`, which starts the program.
  pub fn start_by(
    &self,
    mut process: Command,
    command: &str,
    arguments: &[&str],
  ) -> Running {
    process
      .arg(command)
      .arg("--store")
      .arg(self.path(&self.store));
    process.args(arguments).current_dir(self.directory.path());
    Running::spawn(process)
  }

  pub fn bgfetch(&self, command: &str, arguments: &[&str]) -> Ended {
    self.start(command, arguments).ended()
  }
}

impl Running {
  pub fn spawn(mut process: Command) -> Self {
    let mut child = process
      .env_remove("RUST_LOG")
      .stdin(Stdio::null())
      .stdout(Stdio::piped())
      .stderr(Stdio::piped())
      .spawn()
      .map(KilledWhenDropped)
      .unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
      for line in BufReader::new(stdout).lines() {
        let _ = sender.send(line.unwrap());
      }
    });
    let stderr = thread::spawn(move || {
      let mut text = String::new();
      stderr.read_to_string(&mut text).unwrap();
      text
    });
    Self {
      child,
      lines,
      stderr,
    }
  }

  /// The next line on standard output that `wanted` wants.
  pub fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
    loop {
      let line = self.lines.recv_timeout(BOUND).expect("another line");
      if wanted(&line) {
        return line;
      }
    }
  }

  /// The most memory that it has had, in bytes.
  #[cfg(target_os = "linux")]
  pub fn peak_memory(&self) -> u64 {
    let status = format!("/proc/{}/status", self.child.id());
    let status = std::fs::read_to_string(status).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.unwrap().trim().trim_end_matches(" kB");
    peak.parse::<u64>().unwrap() * 1024
  }

  pub fn signal(&self, signal: Signal) {
    kill_process(Pid::from_child(&self.child), signal).unwrap();
  }

  /// Waits for its end; `stdout` has the lines that were not read before.
  pub fn ended(mut self) -> Ended {
    let mut stdout = String::new();
    loop {
      match self.lines.recv_timeout(BOUND) {
        Ok(line) => stdout += &(line + "\n"),
        Err(mpsc::RecvTimeoutError::Disconnected) => break,
        Err(mpsc::RecvTimeoutError::Timeout) => {
          self.signal(Signal::KILL);
          let stderr = self.stderr.join().unwrap();
          panic!("not within {BOUND:?}: {stdout}\n{stderr}");
        }
      }
    }
    // Its output is closed, so it is about to end.
    let status = self.child.wait().unwrap();
    let stderr = self.stderr.join().unwrap();
    Ended {
      status,
      stdout,
      stderr,
    }
  }

  /// Kills it without any chance to tidy up.
  pub fn kill(self) {
    self.signal(Signal::KILL);
    assert_eq!(self.ended().status.code(), None);
  }
}

impl Ended {
  #[track_caller]
  pub fn code(self, code: i32) -> Self {
    assert_eq!(self.status.code(), Some(code), "{self:#?}");
    self
  }

  /// Standard error is one line that begins as errors do and has `text`.
  #[track_caller]
  pub fn says(self, text: &str) -> Self {
    let lines: Vec<_> = self
      .stderr
      .lines()
      .filter(|line| line.starts_with("bgfetch: "))
      .collect();
    assert_eq!(lines.len(), 1, "{self:#?}");
    assert!(lines[0].contains(text), "{self:#?}");
    self
  }
}
