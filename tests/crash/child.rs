//! The running program, and all that it says.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use support::KilledWhenDropped;

/// One line.
#[derive(Debug, Clone)]
pub enum Said {
  /// On standard output: what `--json` says.
  Json(String),
  /// On standard error: the script's console, and errors.
  Console(String),
}

pub struct Child {
  process: KilledWhenDropped,
  lines: mpsc::Receiver<Said>,
}

/// What has come within some time.
pub enum Next {
  Said(Said),
  Nothing,
  /// It has closed its output: it ends, or has ended.
  Closed,
}

impl Child {
  pub fn start(directory: &Path, arguments: &[String]) -> Self {
    let mut process = Command::new(env!("CARGO_BIN_EXE_bgfetch"))
      .args(arguments)
      .current_dir(directory)
      .env_remove("RUST_LOG")
      .stdin(Stdio::null())
      .stdout(Stdio::piped())
      .stderr(Stdio::piped())
      .spawn()
      .map(KilledWhenDropped)
      .unwrap();
    let (sender, lines) = mpsc::channel();
    forward(process.stdout.take().unwrap(), sender.clone(), Said::Json);
    forward(process.stderr.take().unwrap(), sender, Said::Console);
    Self { process, lines }
  }

  pub fn next(&self, within: Duration) -> Next {
    match self.lines.recv_timeout(within) {
      Ok(said) => Next::Said(said),
      Err(mpsc::RecvTimeoutError::Timeout) => Next::Nothing,
      Err(mpsc::RecvTimeoutError::Disconnected) => Next::Closed,
    }
  }

  /// Kills it without any chance to tidy up. Returns what it had said before.
  pub fn kill(mut self) -> Vec<Said> {
    self.process.kill().unwrap();
    self.process.wait().unwrap();
    self.lines.iter().collect()
  }

  /// Only after [`Next::Closed`].
  pub fn status(mut self) -> ExitStatus {
    self.process.wait().unwrap()
  }
}

fn forward(
  stream: impl Read + Send + 'static,
  sender: mpsc::Sender<Said>,
  said: fn(String) -> Said,
) {
  thread::spawn(move || {
    // The last line of one that was killed may be cut: it said nothing.
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
      if let Some(whole) = line.strip_suffix('\n') {
        let _ = sender.send(said(whole.to_string()));
      }
      line.clear();
    }
  });
}
