//! Every subtest says which steps of the specification it checks, and these
//! exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_subtest_names_a_step() {
  let root = Path::new(env!("CARGO_MANIFEST_DIR"));
  let table = read(&root.join("../tests/steps/steps.txt"));
  let steps: BTreeSet<&str> = table.lines().filter_map(first_word).collect();
  let mut complaints = Vec::new();
  let mut subtests = 0;
  for entry in fs::read_dir(root.join("background-fetch")).unwrap() {
    let path = entry.unwrap().path();
    if path.is_file() {
      let source = read(&path);
      let name = path.file_name().unwrap().to_string_lossy();
      let found = titled(&source);
      assert!(!found.is_empty(), "{name} has no subtests");
      subtests += found.len();
      complaints.extend(complain(&name, &found, &steps));
    }
  }
  assert!(subtests > 200, "only {subtests} subtests were found");
  assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn read(path: &Path) -> String {
  fs::read_to_string(path).unwrap()
}

fn first_word(line: &str) -> Option<&str> {
  line.split_whitespace().next().filter(|word| *word != "#")
}

/// A subtest's title, and the steps that stand above it or in it.
struct Subtest<'a> {
  title: &'a str,
  steps: Vec<&'a str>,
}

/// A subtest ends with the line of its title: `}, "title");`.
fn titled(source: &str) -> Vec<Subtest<'_>> {
  let mut found = Vec::new();
  let mut steps = Vec::new();
  for line in source.lines() {
    if let Some((_, list)) = line.split_once("// steps:") {
      steps.extend(list.split(',').map(str::trim));
    } else if let Some(title) = title(line) {
      let steps = std::mem::take(&mut steps);
      found.push(Subtest { title, steps });
    }
  }
  found
}

fn title(line: &str) -> Option<&str> {
  let quote = |c| ['"', '`'].contains(&c);
  let call = line.trim().strip_suffix(");")?;
  let (before, title) = call.strip_suffix(quote)?.split_once(quote)?;
  // Calls within a test begin with a name, those of another's helper too.
  let ends_a_test =
    before.starts_with('}') || before.starts_with("promise_test(");
  ends_a_test.then_some(title)
}

fn complain(
  file: &str,
  subtests: &[Subtest],
  known: &BTreeSet<&str>,
) -> Vec<String> {
  let mut complaints = Vec::new();
  for Subtest { title, steps } in subtests {
    if steps.is_empty() {
      complaints.push(format!("{file}: \"{title}\" names no step"));
    }
    for step in steps.iter().filter(|step| !known.contains(*step)) {
      complaints.push(format!("{file}: \"{title}\" names {step:?}: no step"));
    }
  }
  complaints
}
