//! This program as a process of its own.

use std::io::BufRead;
use std::io::BufReader;
use std::path::Path;
use std::process;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use std::time::Instant;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;

use super::failed;
use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// With no progress for this long, something is wrong.
const SILENCE: Duration = Duration::from_secs(30);
/// How often the user's wish to end is looked for.
const TICK: Duration = Duration::from_millis(50);
const STYLE: &str = "   {binary_bytes:>9} of {binary_total_bytes} \
  [{bar:30}] {binary_bytes_per_sec}";

pub struct Child {
  process: process::Child,
  /// How many bytes are stored.
  downloaded: mpsc::Receiver<u64>,
}

/// Why a child is no longer watched.
pub enum Ended {
  /// As many bytes as were waited for are stored: so many.
  Reached(u64),
  /// Whether with success.
  Exited(bool),
  Interrupted,
}

impl Child {
  /// `bgfetch get`, with a store in `directory`.
  pub fn get(directory: &Path, out: &Path, url: &str) -> std::io::Result<Self> {
    let mut process = Command::new(std::env::current_exe()?)
      .args(["get", "--json", "--store"])
      .arg(directory.join("film-store"))
      .arg("--out")
      .args([out.as_os_str(), url.as_ref()])
      .stdin(Stdio::null())
      .stdout(Stdio::piped())
      .spawn()?;
    let (sender, downloaded) = mpsc::channel();
    if let Some(stdout) = process.stdout.take() {
      std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
          let object: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_default();
          if let Some(bytes) = object["downloaded"].as_u64()
            && sender.send(bytes).is_err()
          {
            return;
          }
        }
      });
    }
    Ok(Self {
      process,
      downloaded,
    })
  }

  /// Shows how far it is, until it has stored `enough` bytes or has ended.
  pub fn watch(
    &mut self,
    size: u64,
    enough: u64,
    interrupt: &Interrupt,
  ) -> Result<Ended, Failure> {
    let bar = ProgressBar::new(size);
    if let Ok(style) = ProgressStyle::with_template(STYLE) {
      bar.set_style(style.progress_chars("=> "));
    }
    let mut last = Instant::now();
    let ended = loop {
      if interrupt.is_set() {
        break Ended::Interrupted;
      }
      match self.downloaded.recv_timeout(TICK) {
        Ok(bytes) => {
          last = Instant::now();
          bar.set_position(bytes);
          if bytes >= enough {
            break Ended::Reached(bytes);
          }
        }
        Err(RecvTimeoutError::Timeout) if last.elapsed() > SILENCE => {
          return Err(Failure::failed(
            "the demo cannot continue: its child has been silent for too long",
          ));
        }
        Err(RecvTimeoutError::Timeout) => {}
        Err(RecvTimeoutError::Disconnected) => {
          let status = self.process.wait().map_err(failed)?;
          break Ended::Exited(status.success());
        }
      }
    };
    bar.finish_and_clear();
    Ok(ended)
  }

  /// Kills it at once, as the system does when memory is short, with no
  /// chance to tidy up. Returns whether that was its end.
  pub fn kill(&mut self) -> std::io::Result<bool> {
    self.process.kill()?;
    Ok(self.process.wait()?.code().is_none())
  }
}

impl Drop for Child {
  fn drop(&mut self) {
    // One that has ended already is not killed.
    let _ = self.process.kill();
    let _ = self.process.wait();
  }
}
