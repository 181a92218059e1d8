//! Every step of the specification is somewhere in the code, and a test checks
//! it; `cargo steps` prints the table. Steps of other standards are written in
//! one way, which `CONTRIBUTING.md` has.

#[path = "../steps/src/scan.rs"]
mod scan;
#[path = "../steps/src/table.rs"]
mod table;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use self::table::Table;

#[test]
fn every_step_has_its_code_and_its_tests() {
  let table = Table::read(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
  let complaints = table.complaints();
  assert!(complaints.is_empty(), "{}", complaints.join("\n"));
  assert!(table.to_string().lines().count() > 100);
}

#[test]
fn steps_are_written_in_one_way() {
  let root = Path::new(env!("CARGO_MANIFEST_DIR"));
  let mut wrong = Vec::new();
  for folder in ["src", "js"] {
    for path in sources(&root.join(folder)) {
      let text = fs::read_to_string(&path).unwrap();
      for (index, line) in text.lines().enumerate() {
        if is_written_otherwise(line) {
          let line = line.trim();
          wrong.push(format!("{}:{}: {line}", path.display(), index + 1));
        }
      }
    }
  }
  assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn other_ways_to_write_a_step_are_found() {
  for line in [
    "  // 12. Let request be a new request.",
    "// 3 to 9.",
    "// 4.4, 5. Both alphabets",
    "/// Step 23 of [main fetch](https://fetch.spec.whatwg.org/)",
    "  /// Steps 7.12 to 7.15 of",
    "//! the condition of step 4.1 of HTTP fetch",
    "// Step 7. If it is null",
  ] {
    assert!(is_written_otherwise(line), "{line}");
  }
  for line in [
    "// Step 12: Let request be a new request.",
    "// Steps 3 to 9.",
    "/// [Main fetch](https://fetch.spec.whatwg.org/), step 23.",
    "// Step 22. Step 20 is the caller's.",
    "//! 1. No event is lost.",
    "// perform.8.4: Set bgFetch's result",
    "let x = 3; // 3 of them",
  ] {
    assert!(!is_written_otherwise(line), "{line}");
  }
}

fn is_written_otherwise(line: &str) -> bool {
  let Some(comment) = line.trim_start().strip_prefix("//") else {
    return false;
  };
  // A list of laws or rules is not one of steps, and stands in documentation.
  let begins_with_number = comment.strip_prefix(' ').is_some_and(|comment| {
    let rest = without_numbers(comment);
    rest.len() < comment.len() && (rest.is_empty() || rest.starts_with(". "))
  });
  let words = comment.to_lowercase();
  let mut named = ["step ", "steps "].iter().filter_map(|word| {
    let (before, rest) = words.split_once(word)?;
    let numbers = without_numbers(rest);
    (numbers.len() < rest.len()).then_some((before, numbers))
  });
  begins_with_number
    || named.any(|(before, rest)| {
      let is_a_sentence = rest.starts_with(". ") && before.trim().is_empty();
      let goes_to_another = rest.trim_start_matches(". ").starts_with("step ");
      rest.trim_start().starts_with("of ")
        || rest.trim() == "of"
        || (is_a_sentence && !goes_to_another)
    })
}

/// What follows after `4.1`, `3 to 9` and `4.4, 5`.
fn without_numbers(text: &str) -> &str {
  let mut rest = text;
  loop {
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    if digits.len() == rest.len() {
      return rest;
    }
    let further = [".", ", and ", ", ", " to ", " and "];
    let is_number =
      |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
    let next = further.iter().filter_map(|word| digits.strip_prefix(word));
    match next.into_iter().find(is_number) {
      Some(next) => rest = next,
      None if digits == "." => return "",
      None => return digits,
    }
  }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
  let mut found = Vec::new();
  for entry in fs::read_dir(folder).unwrap() {
    let path = entry.unwrap().path();
    if path.is_dir() {
      found.extend(sources(&path));
    } else if path.extension().is_some_and(|e| e == "rs" || e == "js") {
      found.push(path);
    }
  }
  found
}
