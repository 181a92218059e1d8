//! A disk that is small, full or read-only. Only the superuser may mount one.
// Every test binary that has disks compiles this and uses a part of it.
#![allow(dead_code)]

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use tempfile::TempDir;

use super::cannot_run::Need;

/// How long a file system may be busy.
const BOUND: Duration = Duration::from_secs(60);

/// A file system of its own, gone when it is dropped.
pub struct SmallDisk(TempDir);

impl SmallDisk {
  /// One of so many MiB.
  pub fn mount(size: u32) -> Self {
    let directory = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
      .args(["-t", "tmpfs", "-o", &format!("size={size}m"), "tmpfs"])
      .arg(directory.path())
      .output()
      .is_ok_and(|output| output.status.success());
    if !mounted {
      Need::Mount.is_missing();
    }
    Self(directory)
  }

  pub fn path(&self) -> &Path {
    self.0.path()
  }

  /// Takes the space that is left, until [`SmallDisk::free`].
  pub fn fill(&self) {
    std::fs::write(self.ballast(), vec![0; 64 << 20]).unwrap_err();
  }

  pub fn free(&self) {
    std::fs::remove_file(self.ballast()).unwrap();
  }

  fn ballast(&self) -> PathBuf {
    self.path().join("ballast")
  }

  /// Leaves so many bytes free.
  pub fn fill_up_to(&self, bytes: u64) {
    self.fill();
    let ballast = std::fs::File::options().write(true).open(self.ballast());
    let ballast = ballast.unwrap();
    let length = ballast.metadata().unwrap().len();
    ballast.set_len(length - bytes).unwrap();
  }

  /// From now on every write fails. No file may be open.
  pub fn make_read_only(&self) {
    let begun = Instant::now();
    loop {
      let mounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(self.path())
        .output()
        .unwrap();
      if mounted.status.success() {
        return;
      }
      // A process that another test has just forked has the files of this one
      // open until it becomes another program.
      let is_busy = String::from_utf8_lossy(&mounted.stderr).contains("busy");
      assert!(is_busy && begun.elapsed() < BOUND, "{mounted:?}");
    }
  }
}

impl Drop for SmallDisk {
  fn drop(&mut self) {
    // By now no file is open there; else it goes with the last one.
    let _ = Command::new("umount").arg("-l").arg(self.path()).status();
  }
}
