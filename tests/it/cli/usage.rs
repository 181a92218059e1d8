//! What is refused, and in which words.

use std::net::TcpListener;

use crate::cli::place::Place;

#[test]
fn wrong_usage_ends_with_status_2() {
  let place = Place::new();
  for (command, arguments) in [
    ("get", &[] as &[&str]),
    ("get", &["--out"]),
    ("get", &["--json", "--quiet", "http://localhost/"]),
    ("get", &["--max-concurrent", "0", "http://localhost/"]),
    ("get", &["--limit-rate", "0", "http://localhost/"]),
    ("get", &["--limit-rate", "fast", "http://localhost/"]),
    ("get", &["--retries", "-1", "http://localhost/"]),
    ("get", &["--offline-timeout", "soon", "http://localhost/"]),
    ("get", &["--policy", "none", "http://localhost/"]),
    ("run", &[]),
    ("run", &["--base", "about:blank", "x.js"]),
    ("run", &["--base", "/x", "x.js"]),
    ("fetch", &[]),
  ] {
    let ended = place.bgfetch(command, arguments).code(2);
    assert!(ended.stderr.contains("error:"), "{ended:#?}");
    assert_eq!(ended.stdout, "");
  }
  assert!(!place.path("store").exists());
}

#[test]
fn help_names_the_commands() {
  let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_bgfetch"));
  process.arg("--help");
  let ended = crate::cli::place::Running::spawn(process).ended().code(0);
  for command in [
    "run", "get", "resume", "list", "show", "abort", "pause", "unpause",
    "click", "demo",
  ] {
    assert!(ended.stdout.contains(&format!("  {command} ")), "{command}");
  }
}

#[test]
fn a_script_that_is_missing_is_named() {
  let place = Place::new();
  let ended = place.bgfetch("run", &["missing.js"]).code(2);
  ended.says("missing.js cannot be read: No such file");
}

#[test]
fn a_url_that_cannot_be_parsed_is_named() {
  let place = Place::new();
  let ended = place.bgfetch("get", &["http://[nowhere"]).code(2);
  ended.says("http://[nowhere is not a URL");
  let ended = place.bgfetch("get", &["film.bin"]).code(2);
  ended.says("give --base");
  assert!(!place.path("store").exists());
}

#[test]
fn a_scheme_that_cannot_be_fetched_is_refused() {
  let place = Place::new();
  place
    .bgfetch("get", &["ftp://localhost/x"])
    .code(2)
    .says("ftp");
}

#[test]
fn an_output_directory_that_is_a_file_is_refused() {
  let place = Place::new();
  let file = place.write("file", "");
  let arguments = ["--out", &file, "http://localhost/"];
  let ended = place.bgfetch("get", &arguments).code(2);
  ended.says("choose another --out");
}

#[test]
fn a_dead_server_fails_the_background_fetch_with_the_reason() {
  let place = Place::new();
  // A port that was free a moment ago.
  let listener = TcpListener::bind("127.0.0.1:0").unwrap();
  let url = format!("http://{}/x", listener.local_addr().unwrap());
  drop(listener);
  let out = place.out();
  let ended = place
    .bgfetch("get", &["--quiet", "--retries", "1", "--out", &out, &url])
    .code(1);
  assert_eq!(ended.stdout, "");
  let ended = ended.says("/x: could not connect");
  assert!(ended.stderr.contains("refused"), "{ended:#?}");
  // It can be continued.
  let listed = place.bgfetch("list", &[]).code(0).stdout;
  assert!(listed.starts_with("x  failed  0 B "), "{listed}");
}
