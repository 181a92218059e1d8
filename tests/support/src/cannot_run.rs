//! Tests that need what not every machine has. One that could not run must not
//! look like one that has passed: it fails, or is ignored where `TESTS_WITHOUT`
//! named what is missing when the tests were built. `make test` finds that out
//! by `scripts/tests_without.sh`.
// Every test binary that has such tests compiles this and uses a part of it.
#![allow(dead_code)]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// What a machine may lack.
#[derive(Clone, Copy)]
pub enum Need {
  /// The right to mount a file system.
  Mount,
  /// `strace`, and the right to watch a process with it.
  Strace,
  /// The right to become another user.
  OtherUser,
  /// Chromium, and node to drive it.
  Chromium,
  /// `xvfb-run`, for a Chromium with a window.
  Window,
  /// TypeScript's compiler, and node to run it.
  Typescript,
  /// A second file system to write to.
  OtherDisk,
}

impl Need {
  fn word(self) -> &'static str {
    match self {
      Self::Mount => "mount",
      Self::Strace => "strace",
      Self::OtherUser => "other-user",
      Self::Chromium => "chromium",
      Self::Window => "window",
      Self::Typescript => "typescript",
      Self::OtherDisk => "other-disk",
    }
  }

  /// Fails the test that needs this and does not have it.
  pub fn is_missing(self) -> ! {
    let word = self.word();
    panic!(
      "this test cannot run here, for it needs \"{word}\"; set \
       TESTS_WITHOUT={word} for the build to leave out what needs it"
    );
  }
}

/// The user `nobody`, as which no other process runs.
pub const NOBODY: u32 = 65534;

pub fn is_root() -> bool {
  rustix::process::geteuid().is_root()
}

/// Runs the ignored test `test` of this program as another user, in a process
/// of its own; it has to pass. Only the superuser can.
pub fn as_another_user(test: &str, variables: &[(&str, &str)]) {
  if !is_root() {
    Need::OtherUser.is_missing();
  }
  let output = Command::new(std::env::current_exe().unwrap())
    .args(["--exact", test, "--ignored", "--nocapture"])
    .envs(variables.iter().copied())
    .current_dir("/")
    .uid(NOBODY)
    .gid(NOBODY)
    .output()
    .unwrap();
  let said = String::from_utf8_lossy(&output.stdout);
  let passed = output.status.success() && said.contains("1 passed");
  assert!(passed, "{output:#?}");
}
