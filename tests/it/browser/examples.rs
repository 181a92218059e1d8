//! Every example, against a server that has what it asks for: in `bgfetch run`,
//! and in Chromium.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::browser::site::Site;
use crate::cli::place::Ended;
use support::Behaviour;
use support::FaultServer;
use support::Resource;
use support::cannot_run::Need;

/// A directory of `examples/browser`.
struct Example {
  name: &'static str,
  /// What it asks for, below `/NAME/`.
  serve: fn(&FaultServer),
  /// What its page and its worker say, in any order.
  says: &'static [&'static str],
  /// What they say besides, or do not, as fast as the network is.
  may_say: &'static [&'static str],
}

const EXAMPLES: [&Example; 12] = [
  &GAME,
  &LANGUAGE,
  &LIBRARY,
  &MODEL,
  &NEWS,
  &OFFLINE,
  &OUTBOX,
  &PHOTOS,
  &PODCAST,
  &RECORDINGS,
  &TILES,
  &VIDEO,
];

impl Example {
  fn directory(&self) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
      .join("examples/browser")
      .join(self.name)
  }

  /// Runs it at `/NAME/`.
  fn run(&self, site: &Site) -> Ended {
    (self.serve)(&site.server);
    let directory = self.directory();
    let file = |name: &str| directory.join(name).to_str().unwrap().to_string();
    let base = site.server.url(&format!("/{}/", self.name));
    let (page, worker) = (file("page.js"), file("sw.js"));
    let arguments = [
      "--policy", "browser", "--quiet", "--base", &base, &page, "--sw", &worker,
    ];
    site.place.bgfetch("run", &arguments)
  }

  #[track_caller]
  fn has_said(&self, said: &[&str]) {
    let mut lines: Vec<&str> = said.to_vec();
    lines.retain(|line| !self.may_say.contains(line));
    let mut expected = self.says.to_vec();
    // The page and its worker say what they say at the same time.
    lines.sort_unstable();
    expected.sort_unstable();
    assert_eq!(lines, expected, "{}: {said:#?}", self.name);
  }

  /// Runs it once, and compares what it says.
  #[track_caller]
  fn try_it(&self) {
    let ended = self.run(&Site::new()).code(0);
    assert_eq!(ended.stderr, "", "{ended:#?}");
    self.has_said(&lines(&ended));
  }
}

fn lines(ended: &Ended) -> Vec<&str> {
  ended.stdout.lines().collect()
}

fn json(text: &str) -> Resource {
  Resource::text(text).content_type("application/json")
}

const PODCAST: Example = Example {
  name: "podcast",
  serve: |server| {
    server.serve(
      "/podcast/feed.json",
      json(
        r#"{"episodes": [
          {"id": "e1", "title": "One", "url": "1.mp3", "size": 300000},
          {"id": "e2", "title": "Two", "url": "2.mp3", "size": 200000}]}"#,
      ),
    );
    server.serve("/podcast/1.mp3", Resource::bytes(300_000, 1));
    server.serve("/podcast/2.mp3", Resource::bytes(200_000, 2));
  },
  says: &["stored e1: 300000", "stored e2: 200000"],
  may_say: &["One: all is here", "Two: all is here"],
};

#[test]
fn podcast() {
  let site = Site::new();
  PODCAST.has_said(&lines(&PODCAST.run(&site).code(0)));
  // All is there, so nothing is fetched the second time.
  let again = PODCAST.run(&site).code(0);
  assert_eq!((again.stdout.as_str(), again.stderr.as_str()), ("", ""));
  assert_eq!(site.server.requests_for("/podcast/1.mp3").len(), 1);
}

const PHOTOS: Example = Example {
  name: "photos",
  serve: |server| {
    for name in ["beach", "forest"] {
      let path = format!("/photos/photos/{name}.jpg");
      server.serve(&path, Resource::echo());
    }
  },
  says: &[
    "uploading 120000 bytes",
    "beach.jpg: 50000 bytes on the server",
    "forest.jpg: 70000 bytes on the server",
    "2 photos are online",
  ],
  may_say: &[],
};

#[test]
fn photos() {
  PHOTOS.try_it();
}

const OFFLINE: Example = Example {
  name: "offline",
  serve: |server| {
    server.serve("/offline/shell.css", Resource::text("shell"));
    server.serve("/offline/offline.html", Resource::text("offline"));
    server.serve("/offline/news.json", Resource::text("news"));
  },
  says: &[
    "shell: shell",
    "fresh: news",
    "missing: offline",
    "image: 404 basic",
  ],
  may_say: &[],
};

#[test]
fn offline() {
  OFFLINE.try_it();
}

const VIDEO: Example = Example {
  name: "video",
  serve: |server| {
    server.serve("/video/film.mp4", Resource::bytes(300_000, 1));
  },
  says: &[
    "206 bytes 0-299999/300000 300000",
    "206 bytes 1000-1999/300000 1000",
    "206 bytes 299000-299999/300000 1000",
    "416 bytes */300000 0",
  ],
  may_say: &[],
};

#[test]
fn video() {
  VIDEO.try_it();
}

const TILES: Example = Example {
  name: "tiles",
  serve: |server| {
    for x in 0..4 {
      for y in 0..4 {
        let path = format!("/tiles/tiles/3/{x}/{y}.png?v=7");
        server.serve(&path, Resource::bytes(100, x * 4 + y));
      }
    }
  },
  says: &["16 1", "success 1600 true", "16 tiles, 1 of them here"],
  may_say: &[],
};

#[test]
fn tiles() {
  TILES.try_it();
}

const GAME: Example = Example {
  name: "game",
  serve: |server| {
    server.serve(
      "/game/manifest.json",
      json(
        r#"{"version": 2, "assets": [
          {"path": "assets/same.bin", "hash": "1", "size": 4},
          {"path": "assets/new.bin", "hash": "2", "size": 1000}]}"#,
      ),
    );
    let new = Resource::bytes(1000, 1);
    server.serve("/game/assets/new.bin?2", new);
  },
  says: &[
    "deleted old.bin",
    "1 files, 1000 bytes",
    "ready to play: new.bin?2 same.bin?1",
  ],
  may_say: &[],
};

#[test]
fn game() {
  GAME.try_it();
}

const LIBRARY: Example = Example {
  name: "library",
  serve: |server| {
    server.serve("/library/small.epub", Resource::bytes(20_000, 1));
    let long = Resource::bytes(500_000, 2);
    let long = long.script([Behaviour::StallAfter(100_000)]);
    server.serve("/library/long.epub", long);
  },
  says: &[
    "aborted: true",
    "and again: false",
    "given up: Long",
    "no room for Endless",
    "on the shelf: Small",
  ],
  // Whether the small one is there still.
  may_say: &["Long", "Long,Small"],
};

#[test]
fn library() {
  let ended = LIBRARY.run(&Site::new());
  LIBRARY.has_said(&lines(&ended));
  // What the user has aborted has not succeeded.
  ended.code(1);
}

const LANGUAGE: Example = Example {
  name: "language",
  serve: |server| {
    server.serve("/language/de.json", json(r#"{"hello": "hallo"}"#));
    let slow = json("{}").script([Behaviour::Hold]);
    server.serve("/language/slow.json", slow);
  },
  says: &[
    "without the first words: TimeoutError",
    "1 words, as in hallo",
  ],
  may_say: &[],
};

#[test]
fn language() {
  LANGUAGE.try_it();
}

const NEWS: Example = Example {
  name: "news",
  serve: |server| {
    server.serve(
      "/news/today.json",
      json(r#"{"headline": "It works", "number": 42}"#),
    );
    server.serve("/news/cover.png", Resource::bytes(1000, 1));
  },
  says: &["headline: It works", "edition: 42"],
  may_say: &[],
};

#[test]
fn news() {
  NEWS.try_it();
}

const MODEL: Example = Example {
  name: "model",
  serve: |server| {
    // SHA-256 of "hello".
    let hello = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    server.serve(
      "/model/model.json",
      json(&format!(
        r#"{{"version": 1, "shards": [
          {{"name": "a.bin", "integrity": "sha256-{hello}", "size": 5}},
          {{"name": "b.bin", "integrity": "sha256-{hello}", "size": 5}}]}}"#
      )),
    );
    server.serve("/model/a.bin", Resource::text("hello"));
    server.serve("/model/b.bin", Resource::text("hello"));
  },
  says: &[
    "downloading 10 bytes",
    "result: success",
    "stored a.bin 2cf24dba",
    "stored b.bin 2cf24dba",
    "ready: 2 shards, 10 bytes",
  ],
  may_say: &[],
};

#[test]
fn model() {
  MODEL.try_it();
}

const OUTBOX: Example = Example {
  name: "outbox",
  serve: |server| {
    let unavailable = Resource::text("no").script([Behaviour::Status(503)]);
    server.serve("/outbox/messages", unavailable);
    server.serve("/outbox/outbox", Resource::echo());
  },
  says: &["first 202", "sent: {\"text\":\"first\"}"],
  may_say: &[],
};

#[test]
fn outbox() {
  OUTBOX.try_it();
}

const RECORDINGS: Example = Example {
  name: "recordings",
  serve: |server| {
    for name in ["monday", "tuesday"] {
      let path = format!("/recordings/recordings/{name}");
      server.serve(&path, Resource::echo());
    }
  },
  says: &[
    "2 recordings wait",
    "monday: 40000 of 40000 bytes are on the server",
    "tuesday: 60000 of 60000 bytes are on the server",
    "0 recordings are left",
  ],
  may_say: &[],
};

#[test]
fn recordings() {
  RECORDINGS.try_it();
}

#[test]
fn every_example_is_tried() {
  let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/browser");
  let mut there = Vec::new();
  for entry in fs::read_dir(examples).unwrap() {
    let name = entry.unwrap().file_name().into_string().unwrap();
    if name != "README.md" {
      there.push(name);
    }
  }
  there.sort_unstable();
  assert_eq!(there, EXAMPLES.map(|example| example.name));
}

#[test]
#[cfg_attr(
  without_window,
  ignore = "it needs chromium, node to drive it, and xvfb-run for its window"
)]
fn chromium_says_the_same() {
  let server = FaultServer::start_blocking();
  let mut pages = Vec::new();
  for example in EXAMPLES {
    (example.serve)(&server);
    let directory = format!("/{}/", example.name);
    let page = "<!doctype html><script type=module src=page.js></script>";
    let page = Resource::text(page).content_type("text/html");
    pages.push(server.serve(&directory, page));
    pages.push(example.says.len().to_string());
    for name in ["page.js", "sw.js"] {
      let script = fs::read_to_string(example.directory().join(name)).unwrap();
      let script = Resource::text(&script).content_type("text/javascript");
      server.serve(&format!("{directory}{name}"), script);
    }
  }
  let script = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/scripts/examples_in_chromium.mjs"
  );
  let ended = Command::new("xvfb-run")
    .args(["-a", "node", script])
    .args(&pages)
    .output();
  let Ok(ended) = ended else {
    Need::Window.is_missing();
  };
  assert!(ended.status.success(), "{ended:#?}");
  let said = String::from_utf8(ended.stdout).unwrap();
  let said: Vec<serde_json::Value> = said
    .lines()
    .map(|line| serde_json::from_str(line).unwrap())
    .collect();
  for (example, page) in EXAMPLES.iter().zip(pages.chunks(2)) {
    let of_it = said.iter().filter(|line| line["address"] == page[0]);
    let lines: Vec<&str> =
      of_it.map(|line| line["text"].as_str().unwrap()).collect();
    example.has_said(&lines);
  }
}
