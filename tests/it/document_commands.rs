//! The commands of the documents: each is run as it stands there, against a
//! server of this machine, or says beside its block why it is not.

use std::path::Path;
use std::process::Command;

use support::FaultServer;
use support::Resource;

use crate::cli::place::Place;
use crate::cli::place::Running;
use crate::documents;
use crate::documents::Fence;

/// Stand in a block's first line, with the reason behind it.
const NOT_RUN: &str = "not run: ";

/// The servers that the documents name.
const SERVERS: [&str; 3] = [
  "https://example.com",
  "http://127.0.0.1:8791",
  "http://localhost:8000",
];

/// The two scripts of the README, without which its command is not whole.
const PAGE: &str = r#"
const registration = await navigator.serviceWorker.register("sw.js")
  .then(() => navigator.serviceWorker.ready);
await registration.backgroundFetch.fetch("films", ["one.mp4", "two.mp4"], {
  title: "Two films",
});
"#;
const WORKER: &str = r#"
addEventListener("backgroundfetchsuccess", (event) => event.waitUntil((async () => {
  for (const record of await event.registration.matchAll()) {
    const response = await record.responseReady;
    console.log(response.url, (await response.blob()).size);
  }
})()));
"#;

fn serve() -> FaultServer {
  let server = FaultServer::start_blocking();
  server.serve("/film.mp4", Resource::bytes(1_000_000, 1));
  server.serve("/app/one.mp4", Resource::bytes(3_000_000, 1));
  server.serve("/app/two.mp4", Resource::bytes(5_000_000, 2));
  let feed = r#"{"episodes": [
    {"id": "e1", "title": "One", "url": "1.mp3", "size": 3000}]}"#;
  let feed = Resource::text(feed).content_type("application/json");
  server.serve("/podcast/feed.json", feed);
  server.serve("/podcast/1.mp3", Resource::bytes(3_000, 1));
  server
}

/// A command as a reader types it, and what the document says that it writes.
struct Shown {
  command: String,
  output: Vec<String>,
}

fn shown(fence: &Fence) -> Vec<Shown> {
  let mut all: Vec<Shown> = Vec::new();
  for line in fence.block.lines() {
    let last = all.last_mut();
    match (line.strip_prefix("$ "), last) {
      (Some(command), _) => all.push(Shown {
        command: command.to_string(),
        output: Vec::new(),
      }),
      (None, Some(last)) if last.command.ends_with('\\') => {
        last.command.pop();
        last.command += line.trim_start();
      }
      (None, Some(last)) => last.output.push(line.to_string()),
      (None, None) => panic!("{}: output before a command", fence.at),
    }
  }
  assert!(!all.is_empty(), "{}: no command", fence.at);
  all
}

/// Figures that another run has others for.
fn without_times(line: &str) -> String {
  let mut words: Vec<&str> = line.split(' ').collect();
  for at in 1..words.len() {
    if words[at] == "s" && words[at - 1].parse::<f64>().is_ok() {
      words[at - 1] = "_";
    }
  }
  words.join(" ")
}

/// Runs it in a home of its own, with `bgfetch` where shells look for it.
fn run(place: &Place, command: &str) -> (Option<i32>, String) {
  let program = Path::new(env!("CARGO_BIN_EXE_bgfetch"));
  let path = std::env::var("PATH").unwrap();
  let directory = program.parent().unwrap().display();
  let mut shell = Command::new("sh");
  shell
    .args(["-c", command])
    .current_dir(place.path(""))
    .env_remove("XDG_DATA_HOME")
    .env("HOME", place.path(""))
    .env("PATH", format!("{directory}:{path}"));
  let ended = Running::spawn(shell).ended();
  (ended.status.code(), ended.stdout + &ended.stderr)
}

#[test]
fn every_command_of_the_documents_works_or_says_why_it_is_not_run() {
  let server = serve();
  let to_here = |text: &str| {
    let replace =
      |text: String, named| text.replace(named, server.origin().as_str());
    SERVERS.into_iter().fold(text.to_string(), replace)
  };
  let (mut ran, mut not_run) = (0, 0);
  for fence in documents::fences() {
    let (language, rest) =
      fence.info.split_once(' ').unwrap_or((&fence.info, ""));
    if !["sh", "bash", "shell", "console"].contains(&language) {
      continue;
    }
    if let Some(reason) = rest.strip_prefix(NOT_RUN) {
      assert!(reason.len() > 9, "{}: not run for no reason", fence.at);
      not_run += 1;
      continue;
    }
    let place = Place::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::os::unix::fs::symlink(examples, place.path("examples")).unwrap();
    std::fs::create_dir(place.path("films")).unwrap();
    place.write("page.js", PAGE);
    place.write("sw.js", WORKER);
    for Shown { command, output } in shown(&fence) {
      let (code, written) = run(&place, &to_here(&command));
      assert_eq!(code, Some(0), "{}: {command}\n{written}", fence.at);
      let lines: Vec<_> = written.lines().map(without_times).collect();
      for line in output {
        let line = without_times(&to_here(&line));
        assert!(lines.contains(&line), "{}: {line:?}\n{written}", fence.at);
      }
      ran += 1;
    }
  }
  // The README's two, and one of the examples.
  assert!(ran >= 3, "{ran} were run, and {not_run} not");
}
