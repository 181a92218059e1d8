//! What the documents say: links lead somewhere, and what a reader copies is
//! what is tested. Blocks of Rust are doctests of the crate; those of
//! JavaScript are in `types.rs`.

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

/// The blocks of code whose first line says `language`, each with its line.
pub fn blocks(text: &str, language: &str) -> Vec<(usize, String)> {
  let mut found = Vec::new();
  let mut open: Option<(usize, bool, String)> = None;
  for (number, line) in text.lines().enumerate() {
    let fence = line.trim_start().strip_prefix("```");
    match (&mut open, fence) {
      (None, Some(of)) => {
        open = Some((number + 1, of == language, String::new()));
      }
      (Some(_), Some(_)) => {
        let (number, is_meant, block) = open.take().unwrap();
        if is_meant {
          found.push((number, block));
        }
      }
      (Some((_, _, block)), None) => {
        block.push_str(line);
        block.push('\n');
      }
      (None, None) => {}
    }
  }
  assert!(open.is_none(), "a block of code has no end");
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
  for (path, text) in all() {
    for (line, block) in blocks(&text, "toml") {
      for dependency in block.lines().filter(|line| line.contains(" = ")) {
        let at = format!("{}:{line}: {dependency}", path.display());
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
