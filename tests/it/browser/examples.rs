//! Every example, against a server that has what it asks for.

use std::fs;
use std::path::Path;

use crate::browser::site::Site;
use crate::cli::place::Ended;
use support::Behaviour;
use support::Resource;

/// Runs `examples/browser/NAME` at `/NAME/`.
fn run(site: &Site, name: &str) -> Ended {
  let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
    .join("examples/browser")
    .join(name);
  let file = |name: &str| directory.join(name).to_str().unwrap().to_string();
  let base = site.server.url(&format!("/{name}/"));
  let (page, worker) = (file("page.js"), file("sw.js"));
  let arguments = [
    "--policy", "browser", "--quiet", "--base", &base, &page, "--sw", &worker,
  ];
  site.place.bgfetch("run", &arguments)
}

#[track_caller]
fn says(ended: Ended, expected: &[&str]) {
  let ended = ended.code(0);
  assert_eq!(ended.stderr, "", "{ended:#?}");
  let mut lines: Vec<&str> = ended.stdout.lines().collect();
  let mut expected = expected.to_vec();
  // The page and its worker say what they say at the same time.
  lines.sort_unstable();
  expected.sort_unstable();
  assert_eq!(lines, expected, "{ended:#?}");
}

fn json(text: &str) -> Resource {
  Resource::text(text).content_type("application/json")
}

#[test]
fn podcast() {
  let site = Site::new();
  site.server.serve(
    "/podcast/feed.json",
    json(
      r#"{"episodes": [
        {"id": "e1", "title": "One", "url": "1.mp3", "size": 300000},
        {"id": "e2", "title": "Two", "url": "2.mp3", "size": 200000}]}"#,
    ),
  );
  site
    .server
    .serve("/podcast/1.mp3", Resource::bytes(300_000, 1));
  site
    .server
    .serve("/podcast/2.mp3", Resource::bytes(200_000, 2));
  let first = run(&site, "podcast").code(0);
  for expected in ["stored e1: 300000\n", "stored e2: 200000\n"] {
    assert!(first.stdout.contains(expected), "{first:#?}");
  }
  // All is there, so nothing is fetched the second time.
  says(run(&site, "podcast"), &[]);
  assert_eq!(site.server.requests_for("/podcast/1.mp3").len(), 1);
}

#[test]
fn photos() {
  let site = Site::new();
  for name in ["beach", "forest"] {
    let path = format!("/photos/photos/{name}.jpg");
    site.server.serve(&path, Resource::echo());
  }
  says(
    run(&site, "photos"),
    &[
      "uploading 120000 bytes",
      "beach.jpg: 50000 bytes on the server",
      "forest.jpg: 70000 bytes on the server",
      "2 photos are online",
    ],
  );
}

#[test]
fn offline() {
  let site = Site::new();
  let server = &site.server;
  server.serve("/offline/shell.css", Resource::text("shell"));
  server.serve("/offline/offline.html", Resource::text("offline"));
  server.serve("/offline/news.json", Resource::text("news"));
  says(
    run(&site, "offline"),
    &[
      "shell: shell",
      "fresh: news",
      "missing: offline",
      "image: 404 basic",
    ],
  );
}

#[test]
fn video() {
  let site = Site::new();
  site
    .server
    .serve("/video/film.mp4", Resource::bytes(300_000, 1));
  says(
    run(&site, "video"),
    &[
      "206 bytes 0-299999/300000 300000",
      "206 bytes 1000-1999/300000 1000",
      "206 bytes 299000-299999/300000 1000",
      "416 bytes */300000 0",
    ],
  );
}

#[test]
fn tiles() {
  let site = Site::new();
  for x in 0..4 {
    for y in 0..4 {
      let path = format!("/tiles/tiles/3/{x}/{y}.png?v=7");
      site.server.serve(&path, Resource::bytes(100, x * 4 + y));
    }
  }
  says(
    run(&site, "tiles"),
    &["16 1", "success 1600 true", "16 tiles, 1 of them here"],
  );
}

#[test]
fn game() {
  let site = Site::new();
  site.server.serve(
    "/game/manifest.json",
    json(
      r#"{"version": 2, "assets": [
        {"path": "assets/same.bin", "hash": "1", "size": 4},
        {"path": "assets/new.bin", "hash": "2", "size": 1000}]}"#,
    ),
  );
  let new = Resource::bytes(1000, 1);
  site.server.serve("/game/assets/new.bin?2", new);
  says(
    run(&site, "game"),
    &[
      "deleted old.bin",
      "1 files, 1000 bytes",
      "ready to play: new.bin?2 same.bin?1",
    ],
  );
}

#[test]
fn library() {
  let site = Site::new();
  site
    .server
    .serve("/library/small.epub", Resource::bytes(20_000, 1));
  let long = Resource::bytes(500_000, 2);
  let long = long.script([Behaviour::StallAfter(100_000)]);
  site.server.serve("/library/long.epub", long);
  let ended = run(&site, "library");
  let mut lines: Vec<&str> = ended.stdout.lines().collect();
  lines.sort_unstable();
  // Whether the small one is there still depends on how fast it was.
  let ids = lines.iter().position(|line| line.starts_with("Long"));
  let ids = lines.remove(ids.expect("the ids"));
  assert!(["Long", "Long,Small"].contains(&ids), "{ended:#?}");
  let expected = [
    "aborted: true",
    "and again: false",
    "given up: Long",
    "no room for Endless",
    "on the shelf: Small",
  ];
  assert_eq!(lines, expected, "{ended:#?}");
  // What the user has aborted has not succeeded.
  ended.code(1);
}

#[test]
fn language() {
  let site = Site::new();
  site
    .server
    .serve("/language/de.json", json(r#"{"hello": "hallo"}"#));
  let slow = json("{}").script([Behaviour::Hold]);
  site.server.serve("/language/slow.json", slow);
  says(
    run(&site, "language"),
    &[
      "without the first words: TimeoutError",
      "1 words, as in hallo",
    ],
  );
}

#[test]
fn news() {
  let site = Site::new();
  site.server.serve(
    "/news/today.json",
    json(r#"{"headline": "It works", "number": 42}"#),
  );
  site
    .server
    .serve("/news/cover.png", Resource::bytes(1000, 1));
  says(run(&site, "news"), &["headline: It works", "edition: 42"]);
}

#[test]
fn model() {
  let site = Site::new();
  // SHA-256 of "hello".
  let hello = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
  site.server.serve(
    "/model/model.json",
    json(&format!(
      r#"{{"version": 1, "shards": [
        {{"name": "a.bin", "integrity": "sha256-{hello}", "size": 5}},
        {{"name": "b.bin", "integrity": "sha256-{hello}", "size": 5}}]}}"#
    )),
  );
  site.server.serve("/model/a.bin", Resource::text("hello"));
  site.server.serve("/model/b.bin", Resource::text("hello"));
  says(
    run(&site, "model"),
    &[
      "downloading 10 bytes",
      "result: success",
      "stored a.bin 2cf24dba",
      "stored b.bin 2cf24dba",
      "ready: 2 shards, 10 bytes",
    ],
  );
}

#[test]
fn outbox() {
  let site = Site::new();
  let unavailable = Resource::text("no").script([Behaviour::Status(503)]);
  site.server.serve("/outbox/messages", unavailable);
  site.server.serve("/outbox/outbox", Resource::echo());
  says(
    run(&site, "outbox"),
    &["first 202 queued", "sent: {\"text\":\"first\"}"],
  );
}

#[test]
fn every_example_is_tried() {
  let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/browser");
  let tests = fs::read_to_string(
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/browser/examples.rs"),
  );
  let tests = tests.unwrap();
  let mut tried = 0;
  for entry in fs::read_dir(examples).unwrap() {
    let name = entry.unwrap().file_name().into_string().unwrap();
    if name != "README.md" {
      assert!(tests.contains(&format!("\nfn {name}() {{")), "{name}");
      tried += 1;
    }
  }
  assert!(tried >= 10, "{tried}");
}
