//! What the documents say: links lead somewhere, and what a reader copies is
//! what is tested. Blocks of Rust are doctests of the crate; those of
//! JavaScript are in `types.rs`, and commands in `document_commands.rs`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

fn repository() -> &'static Path {
  Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document for readers, with its text.
pub fn all() -> Vec<(PathBuf, String)> {
  let folders = ["", "docs", "examples", "examples/browser", "wpt"];
  let mut all = Vec::new();
  for folder in folders {
    for entry in fs::read_dir(repository().join(folder)).unwrap() {
      let path = entry.unwrap().path();
      if path.extension().is_some_and(|extension| extension == "md") {
        let text = fs::read_to_string(&path).unwrap();
        all.push((path, text));
      }
    }
  }
  all.sort();
  all
}

/// A block of code.
pub struct Fence {
  /// Its document and line.
  pub at: String,
  /// What stands behind its first three ticks.
  pub info: String,
  pub block: String,
}

/// Those of every document.
pub fn fences() -> Vec<Fence> {
  let all = all().into_iter();
  all
    .flat_map(|(path, text)| fences_of(&path, &text))
    .collect()
}

fn fences_of(path: &Path, text: &str) -> Vec<Fence> {
  let mut found = Vec::new();
  let mut open: Option<Fence> = None;
  for (number, line) in text.lines().enumerate() {
    let ticks = line.trim_start().strip_prefix("```");
    match (open.take(), ticks) {
      (None, Some(info)) => {
        open = Some(Fence {
          at: format!("{}:{}", path.display(), number + 1),
          info: info.to_string(),
          block: String::new(),
        });
      }
      (Some(fence), Some(_)) => found.push(fence),
      (Some(mut fence), None) => {
        fence.block.push_str(line);
        fence.block.push('\n');
        open = Some(fence);
      }
      (None, None) => {}
    }
  }
  assert!(open.is_none(), "{}: a block has no end", path.display());
  found
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
  let mut is_code = false;
  let lines = text.lines().filter(|line| {
    let is_fence = line.trim_start().starts_with("```");
    is_code ^= is_fence;
    !is_code && !is_fence
  });
  lines.collect::<Vec<_>>().join("\n")
}

/// The targets of `[text](target)` and `[name]: target`.
fn links(text: &str) -> Vec<String> {
  let text = prose(text);
  let inline = text.split("](").skip(1);
  let inline = inline.filter_map(|rest| rest.split_once(')'));
  let mut all: Vec<String> =
    inline.map(|(target, _)| target.to_string()).collect();
  for line in text.lines().filter(|line| line.starts_with('[')) {
    if let Some((_, target)) = line.split_once("]: ") {
      all.push(target.to_string());
    }
  }
  all
}

/// The anchors of a document's headings, as its hosts make them.
fn anchors(text: &str) -> HashSet<String> {
  let prose = prose(text);
  let headings = prose.lines().filter(|line| line.starts_with('#'));
  let anchor = |heading: &str| {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter_map(|c| match c {
      ' ' => Some('-'),
      c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
      _ => None,
    });
    kept.collect()
  };
  headings.map(anchor).collect()
}

#[test]
fn every_link_within_the_repository_leads_somewhere() {
  let mut wrong = Vec::new();
  for (path, text) in all() {
    for link in links(&text) {
      if link.starts_with("http://") || link.starts_with("https://") {
        continue;
      }
      let (file, anchor) = match link.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (link.as_str(), None),
      };
      let target = match file {
        "" => path.clone(),
        file => path.parent().unwrap().join(file),
      };
      let is_there = match anchor {
        None => target.exists(),
        Some(anchor) => fs::read_to_string(&target)
          .is_ok_and(|text| anchors(&text).contains(anchor)),
      };
      if !is_there {
        wrong.push(format!("{}: {link}", path.display()));
      }
    }
  }
  assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readme_can_be_read_in_one_sitting() {
  let text = fs::read_to_string(repository().join("README.md")).unwrap();
  let lines = text.lines().count();
  assert!(lines <= 150, "README.md has {lines} lines");
}

#[test]
fn what_the_documents_say_of_dependencies_is_what_an_embedder_has() {
  let embedder = repository().join("examples/embedder/Cargo.toml");
  let embedder = fs::read_to_string(embedder).unwrap();
  let own = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
  let mut seen = 0;
  for Fence { at, info, block } in fences() {
    if info == "toml" {
      for dependency in block.lines().filter(|line| line.contains(" = ")) {
        let at = format!("{at}: {dependency}");
        let (name, version) = dependency.split_once(" = ").unwrap();
        match name {
          "background_fetch" => {
            let version = version.trim_matches('"');
            let has = own.contains(&format!("\nversion = \"{version}."));
            assert!(has, "{at}");
          }
          "deno_core" | "tokio" => {
            assert!(embedder.contains(dependency), "{at}")
          }
          _ => continue,
        }
        seen += 1;
      }
    }
  }
  assert!(seen >= 6, "{seen} dependencies");
}

#[test]
fn every_block_of_code_is_of_a_kind_that_something_tests() {
  let mut kinds = HashSet::new();
  for Fence { at, info, .. } in fences() {
    // Diagrams and figures are nothing to run.
    let kind = info.split([' ', ',']).next().unwrap();
    let known = ["text", "toml", "rust", "js", "sh", "console"];
    assert!(known.contains(&kind), "{at}: who tests {kind:?}?");
    let is_left_out = info.contains("ignore") || info.contains("compile_fail");
    assert!(!is_left_out, "{at}: it is not compiled");
    kinds.insert(kind.to_string());
  }
  assert!(kinds.len() >= 5, "{kinds:?}");
}

/// No compiler knows the modules of an extension.
#[test]
fn what_a_host_with_globals_of_its_own_copies_is_what_one_has() {
  let host = repository().join("examples/embedder/js/globals.js");
  let host = fs::read_to_string(host).unwrap();
  let mut seen = 0;
  for Fence { at, info, block } in fences() {
    if info == "js ext" {
      let code = block.lines().filter(|line| !line.starts_with("//"));
      for line in code {
        assert!(host.contains(line), "{at}: no host has {line:?}");
        seen += 1;
      }
    }
  }
  assert!(seen >= 5, "{seen} lines");
}

/// The public fields of a struct, read from its file.
fn fields(file: &str, name: &str) -> Vec<String> {
  let text = fs::read_to_string(repository().join("src").join(file)).unwrap();
  let (_, rest) = text.split_once(&format!("pub struct {name} {{\n")).unwrap();
  let (body, _) = rest.split_once("\n}").unwrap();
  let lines = body.lines().filter_map(|line| line.strip_prefix("  pub "));
  let names = lines.map(|line| line.split_once(':').unwrap().0.to_string());
  names.collect()
}

#[test]
fn every_option_is_in_the_guide_with_its_default() {
  let guide = repository().join("docs/embedding.md");
  let guide = fs::read_to_string(guide).unwrap();
  let rows: Vec<&str> = guide
    .lines()
    .filter(|line| line.starts_with("| `"))
    .collect();
  let mut missing = Vec::new();
  for (file, name, prefix) in [
    ("engine/config.rs", "EngineConfig", ""),
    ("engine/policy.rs", "RetryPolicy", "retry."),
    ("engine/policy.rs", "Concurrency", "concurrency."),
    ("engine/policy.rs", "SegmentPolicy", "segments."),
    ("engine/policy.rs", "CheckpointPolicy", "checkpoint."),
    (
      "service_worker/delegate.rs",
      "ServiceWorkerLimits",
      "service_worker_limits.",
    ),
    ("network/config.rs", "NetworkConfig", ""),
    ("engine/realm/options.rs", "RealmOptions", ""),
    ("engine/workers/registrations.rs", "RegisterOptions", ""),
    ("extension/options.rs", "ExtensionOptions", ""),
  ] {
    for field in fields(file, name) {
      // `retry.attempts`, or `first_delay` in a row that begins with another.
      let is_in = |row: &&str| {
        row.contains(&format!("`{prefix}{field}`"))
          || row.contains(&format!("`{field}`"))
          || row.contains(&format!("| `{field}."))
      };
      if !rows.iter().any(is_in) {
        missing.push(format!("{name}::{field}"));
      }
    }
  }
  assert!(missing.is_empty(), "not in docs/embedding.md: {missing:#?}");
}

/// A path through the code: at most so many files have to be opened.
const MAX_STOPS: usize = 12;

#[test]
fn the_paths_through_the_code_are_short_and_true() {
  let page = repository().join("docs/architecture.md");
  let text = fs::read_to_string(page).unwrap();
  let mut paths = 0;
  for section in text.split("\n## ") {
    let stops: Vec<&str> = section
      .lines()
      .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
      .collect();
    if stops.is_empty() {
      continue;
    }
    paths += 1;
    assert!(stops.len() <= MAX_STOPS, "{} stops", stops.len());
    for stop in stops {
      let files: Vec<String> = links(stop);
      assert!(!files.is_empty(), "no file: {stop}");
      let files = files
        .iter()
        .map(|file| repository().join("docs").join(file));
      let code: String = files.map(|file| source(&file)).collect();
      for name in stop.split('`').skip(1).step_by(2) {
        // What is called, without what it belongs to.
        let name = name.trim_end_matches("()");
        let name = name.rsplit("::").next().unwrap();
        let is_a_file = name.ends_with('/') || name.contains('.');
        let is_known = is_a_file || code.contains(name);
        assert!(is_known || name.contains('/'), "{name} is not in: {stop}");
      }
    }
  }
  assert_eq!(paths, 3);
}

/// The code of a file, or of a folder.
fn source(path: &Path) -> String {
  if path.is_file() {
    return fs::read_to_string(path).unwrap();
  }
  let entries = fs::read_dir(path).unwrap();
  entries
    .map(|entry| source(&entry.unwrap().path()))
    .collect()
}
