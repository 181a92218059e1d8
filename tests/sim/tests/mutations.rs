//! The changes of `mutations.patch`, by which `mutations.sh` tries the
//! simulation itself, fit the code of today.

use std::fs;
use std::path::Path;

/// A place in a file that the patch changes: its lines as they have to be, one
/// after the other.
struct Hunk {
  file: String,
  lines: Vec<String>,
}

#[test]
fn every_change_fits_the_code() {
  let here = Path::new(env!("CARGO_MANIFEST_DIR"));
  let patch = fs::read_to_string(here.join("mutations.patch")).unwrap();
  let hunks = hunks(&patch);
  assert!(hunks.len() > 10, "the patch is read wrong");
  let misfits = hunks.iter().filter(|hunk| !fits(hunk, &here.join("../..")));
  let misfits: Vec<String> = misfits
    .map(|hunk| format!("{}:\n{}", hunk.file, hunk.lines.join("\n")))
    .collect();
  assert!(
    misfits.is_empty(),
    "tests/sim/mutations.patch expects lines that are not there:\n{}",
    misfits.join("\n\n")
  );
}

fn hunks(patch: &str) -> Vec<Hunk> {
  let mut hunks: Vec<Hunk> = Vec::new();
  let mut file = String::new();
  for line in patch.lines() {
    if let Some(name) = line.strip_prefix("--- a/") {
      file = name.to_string();
    } else if line.starts_with("@@ ") {
      let lines = Vec::new();
      let file = file.clone();
      hunks.push(Hunk { file, lines });
    } else if let Some(hunk) = hunks.last_mut()
      && let Some(expected) = line.strip_prefix([' ', '-'])
      && hunk.file == file
    {
      hunk.lines.push(expected.to_string());
    }
  }
  hunks
}

fn fits(hunk: &Hunk, root: &Path) -> bool {
  let text = fs::read_to_string(root.join(&hunk.file)).unwrap_or_default();
  let lines: Vec<&str> = text.lines().collect();
  lines
    .windows(hunk.lines.len())
    .any(|part| part == hunk.lines)
}
