//! The demo.

use std::process::Command;

use tempfile::TempDir;

use crate::cli::place::Running;

#[test]
fn the_demo_fits_on_a_screen_and_holds_what_it_says() {
  let temporary = TempDir::new().unwrap();
  let mut process = Command::new(env!("CARGO_BIN_EXE_bgfetch"));
  process.args(["demo", "--size", "8"]);
  process.env("TMPDIR", temporary.path());
  let ended = Running::spawn(process).ended().code(0);
  assert!(ended.stdout.lines().count() <= 40, "{ended:#?}");
  assert!(!ended.stdout.contains('✗'), "{ended:#?}");
  for text in [
    "/ep-5.mp3: 12582912 bytes, audio/mpeg",
    "killed (SIGKILL) when",
    "of 8 MiB were stored",
    "Range: bytes=",
    "byte for byte",
  ] {
    assert!(ended.stdout.contains(text), "{text}: {ended:#?}");
  }
  assert_eq!(ended.stderr, "");
  assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
}
