//! Every step of the specification is somewhere in the code, and a test checks
//! it; `cargo steps` prints the table. Steps are written in one way, which
//! `CONTRIBUTING.md` has, and each says what it does.

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

#[test]
fn each_step_says_what_it_does() {
  let root = Path::new(env!("CARGO_MANIFEST_DIR"));
  let mut wrong = Vec::new();
  for folder in ["src", "js"] {
    for path in sources(&root.join(folder)) {
      let text = fs::read_to_string(&path).unwrap();
      for (line, comment) in steps_without_words(&text) {
        wrong.push(format!("{}:{line}: {comment}", path.display()));
      }
    }
  }
  assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_step_without_words_is_found() {
  for text in [
    "// Step 4.1.",
    "  // Steps 4, 5 and 7 to 9.",
    "// Step 1: otherwise.",
    "/// perform.8.5.1, perform.8.5.2",
    "// complete.14.2: \"aborted\"",
    "// https://fetch.spec.whatwg.org/#fetch-method, step 4",
    "// Step 3: the next one has none.\n// Step 4.",
    "fetch(); // Step 4.",
  ] {
    assert_eq!(steps_without_words(text).len(), 1, "{text}");
  }
  for text in [
    "// Step 4.1: the same origin matches.",
    "// perform.8.5.1,\n// perform.8.5.2: the result is a failure.",
    "/// [Main fetch](https://fetch.spec.whatwg.org/), step 7: what it blocks.",
    "// steps: perform.8.5.1, perform.8.5.2",
    "// A file of 1.5 MiB",
  ] {
    assert!(steps_without_words(text).is_empty(), "{text}");
  }
}

/// How many words say at the least what a step does.
const WORDS: usize = 3;

/// The comments that name steps and say nothing of them, with their lines.
fn steps_without_words(text: &str) -> Vec<(usize, String)> {
  let mut wrong = comments(text);
  wrong.retain(|(_, comment)| {
    let words = comment.split_whitespace();
    let of_names = ["step", "steps", "to", "and"];
    let words = words.filter(|word| {
      let word = word.to_lowercase();
      let letters = word.chars().filter(|c| c.is_alphabetic()).count();
      letters > 1
        && !word.contains("://")
        && !is_name(&word)
        && !of_names.contains(&word.as_str())
    });
    names_step(comment) && words.count() < WORDS
  });
  wrong
}

/// The comments of a text, with their first lines. What stands on lines of its
/// own is one comment up to the next line that begins with a step.
fn comments(text: &str) -> Vec<(usize, String)> {
  let mut found: Vec<(usize, String)> = Vec::new();
  let mut may_continue = false;
  for (index, line) in text.lines().enumerate() {
    // What a test covers is a list without words.
    let comment = scan::comment(line).map(str::trim);
    let Some(comment) = comment.filter(|c| !c.starts_with("steps:")) else {
      may_continue = false;
      continue;
    };
    let is_alone = line.trim_start().starts_with(['/', '*']);
    match found.last_mut() {
      Some((_, before))
        if may_continue
          && is_alone
          && (before.ends_with([',', ':']) || !begins_with_step(comment)) =>
      {
        before.push(' ');
        before.push_str(comment);
      }
      _ => found.push((index + 1, comment.to_string())),
    }
    may_continue = is_alone;
  }
  found
}

fn begins_with_step(comment: &str) -> bool {
  let is_numbered = ["Step ", "Steps "]
    .iter()
    .filter_map(|word| comment.strip_prefix(word))
    .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
  is_numbered || comment.split(' ').next().is_some_and(is_name)
}

fn names_step(comment: &str) -> bool {
  let words: Vec<&str> = comment.split_whitespace().collect();
  let is_step = |word: &str| ["step", "steps"].contains(&word);
  let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
  let numbered =
    |pair: &[&str]| is_step(&pair[0].to_lowercase()) && is_number(pair[1]);
  words.windows(2).any(numbered) || words.iter().any(|word| is_name(word))
}

/// Whether a word is one such as `perform.8.4`.
fn is_name(word: &str) -> bool {
  let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
  word.split_once('.').is_some_and(|(algorithm, rest)| {
    let is_algorithm = |c: char| c.is_ascii_alphabetic();
    algorithm.len() > 1
      && algorithm.chars().all(is_algorithm)
      && is_number(rest)
  })
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
