//! What is in the way in the directory for saved files.

use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;

use crate::cli::place::Place;
use support::FaultServer;
use support::Resource;

#[test]
fn what_is_no_file_is_left_alone_and_the_file_gets_a_number() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  let url = server.serve("/text", Resource::text("the bytes"));
  std::fs::create_dir(place.path("out")).unwrap();
  let taken = place.path("out/text");
  let saved = place.path("out/text-1");
  let elsewhere = place.path("elsewhere");
  // With the very bytes: who follows the link takes it for the saved file.
  std::fs::write(&elsewhere, "the bytes").unwrap();
  for kind in ["pipe", "directory", "socket", "link", "dangling link"] {
    match kind {
      "pipe" => {
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(CWD, &taken, FileType::Fifo, mode, 0).unwrap();
      }
      "directory" => std::fs::create_dir(&taken).unwrap(),
      "socket" => drop(UnixListener::bind(&taken).unwrap()),
      "link" => symlink(&elsewhere, &taken).unwrap(),
      _ => symlink("nowhere", &taken).unwrap(),
    }
    let before = std::fs::symlink_metadata(&taken).unwrap();
    place.bgfetch("get", &["--out", &place.out(), &url]).code(0);
    assert_eq!(
      std::fs::read_to_string(&saved).unwrap(),
      "the bytes",
      "{kind}"
    );
    let after = std::fs::symlink_metadata(&taken).unwrap();
    assert_eq!(before.file_type(), after.file_type(), "{kind}");
    assert!(kind != "pipe" || after.file_type().is_fifo());
    std::fs::remove_file(&saved).unwrap();
    match after.is_dir() {
      true => std::fs::remove_dir(&taken).unwrap(),
      false => std::fs::remove_file(&taken).unwrap(),
    }
  }
}

#[test]
fn a_directory_for_files_that_is_none_is_refused() {
  let place = Place::new();
  let mode = Mode::from_raw_mode(0o600);
  let pipe = place.path("out");
  rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, mode, 0).unwrap();
  for out in [place.out(), "/dev/null".to_string()] {
    let ended = place.bgfetch("get", &["--out", &out, "http://localhost/x"]);
    ended.code(2).says("choose another --out");
  }
}

const SCRIPT: &str = r#"
  addEventListener("backgroundfetchsuccess", (event) => {
    event.waitUntil((async () => {
      console.log("event");
      await new Promise((resolve) => setTimeout(resolve, 1e9));
    })());
  });
  await registration.backgroundFetch.fetch("text", "text");
"#;

#[test]
fn a_saved_file_is_not_the_one_that_a_script_reads() {
  let place = Place::new();
  let server = FaultServer::start_blocking();
  server.serve("/text", Resource::text("the bytes"));
  let script = place.write("script.js", SCRIPT);
  let base = server.url("/");
  let arguments = ["--base", &base, "--out", &place.out(), &script];
  let running = place.start("run", &arguments);
  running.line(|line| line == "event");
  let saved = std::fs::metadata(place.path("out/text")).unwrap();
  assert_eq!(std::os::unix::fs::MetadataExt::nlink(&saved), 1);
  running.kill();
}
