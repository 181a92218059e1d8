//! The pages of help, whole, and what is generated of them.

use std::process::Command;

use crate::cli::place::Ended;
use crate::cli::place::Place;
use crate::cli::place::Running;

fn bgfetch(arguments: &[&str]) -> Ended {
  let mut process = Command::new(env!("CARGO_BIN_EXE_bgfetch"));
  // Pages are folded to the terminal's width.
  process.args(arguments).env("COLUMNS", "100");
  Running::spawn(process).ended()
}

#[test]
fn every_page_of_help_is_as_it_was_accepted() {
  for command in [
    "",
    "run",
    "get",
    "resume",
    "dashboard",
    "retry",
    "list",
    "show",
    "abort",
    "pause",
    "unpause",
    "click",
    "clean",
    "verify",
    "doctor",
    "completions",
    "man",
    "demo",
  ] {
    let page = match command {
      "" => bgfetch(&["--help"]),
      command => bgfetch(&[command, "--help"]),
    };
    let name = format!(
      "help_{}",
      if command.is_empty() {
        "bgfetch"
      } else {
        command
      }
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("help");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, page.code(0).stdout));
  }
}

#[test]
fn the_version_is_told_with_what_it_was_built_of() {
  let short = bgfetch(&["--version"]).code(0).stdout;
  assert_eq!(short, concat!("bgfetch ", env!("CARGO_PKG_VERSION"), "\n"));
  let long = bgfetch(&["--version", "--verbose"]).code(0).stdout;
  assert!(long.starts_with(&short), "{long}");
  for name in ["engine", "build", "commit", "system", "sqlite"] {
    assert!(long.contains(&format!("\n{name}: ")), "{long}");
  }
}

#[test]
fn what_is_installed_has_completions_and_manual_pages() {
  let place = Place::new();
  let prefix = place.path("usr");
  let mut process = Command::new("sh");
  process
    .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install.sh"))
    .arg(env!("CARGO_BIN_EXE_bgfetch"))
    .arg(&prefix);
  Running::spawn(process).ended().code(0);
  let has = |file: &str, text: &str| {
    let found = std::fs::read_to_string(prefix.join(file)).unwrap();
    assert!(found.contains(text), "{file}: {found}");
  };
  has(
    "share/bash-completion/completions/bgfetch",
    "--max-per-host",
  );
  has("share/zsh/site-functions/_bgfetch", "#compdef bgfetch");
  has(
    "share/fish/vendor_completions.d/bgfetch.fish",
    "max-per-host",
  );
  has("share/man/man1/bgfetch.1", "bgfetch");
  has("share/man/man1/bgfetch-get.1", "input\\-file");
  let installed = Command::new(prefix.join("bin/bgfetch"));
  let mut installed = installed;
  installed.arg("-V");
  Running::spawn(installed).ended().code(0);
}
