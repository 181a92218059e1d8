//! Finds the names of steps in comments.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// A name in a comment.
pub struct Mention {
  pub step: String,
  /// The path from the root, and the line.
  pub place: String,
  /// The test below a `// steps:` comment; `None` in the code.
  pub test: Option<String>,
}

/// Every mention in the Rust and JavaScript below `directory`. What is not in
/// a `// steps:` comment counts only where there is `code`.
pub fn mentions(
  root: &Path,
  directory: &str,
  algorithms: &[String],
  code: bool,
) -> io::Result<Vec<Mention>> {
  let mut found = Vec::new();
  for path in files(&root.join(directory))? {
    let text = fs::read_to_string(&path)?;
    let is_script = path.extension().is_some_and(|e| e == "js");
    let shown = path.strip_prefix(root).unwrap_or(&path).display();
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
      let Some(comment) = comment(line) else {
        continue;
      };
      let list = comment.trim_start().strip_prefix("steps:");
      if list.is_none() && !code {
        continue;
      }
      let test = list.map(|_| match is_script {
        true => title_below(&lines[index..]),
        false => function_below(&lines[index..]),
      });
      for step in steps(list.unwrap_or(comment), algorithms) {
        found.push(Mention {
          step,
          place: format!("{shown}:{}", index + 1),
          test: test.clone(),
        });
      }
    }
  }
  Ok(found)
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
  let mut found = Vec::new();
  let mut entries = match fs::read_dir(directory) {
    Ok(entries) => entries.collect::<Result<Vec<_>, _>>()?,
    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
    Err(error) => return Err(error),
  };
  entries.sort_by_key(|entry| entry.path());
  for entry in entries {
    let path = entry.path();
    // This tool's own examples are not steps.
    if path.is_dir() && !path.ends_with("tests/steps") {
      found.extend(files(&path)?);
    } else if path.extension().is_some_and(|e| e == "rs" || e == "js") {
      found.push(path);
    }
  }
  Ok(found)
}

/// What a line says after `//`, or inside of `/* */` over several lines.
pub fn comment(line: &str) -> Option<&str> {
  if let Some(rest) = line.trim_start().strip_prefix("* ") {
    return Some(rest);
  }
  let at = line.find("//").filter(|&at| !line[..at].ends_with(':'))?;
  Some(line[at..].trim_start_matches(['/', '!']))
}

/// The names in a comment; `a.1 to a.3` are three.
fn steps(comment: &str, algorithms: &[String]) -> Vec<String> {
  let is_part = |c: char| !(c.is_ascii_alphanumeric() || c == '.');
  let mut names: Vec<String> = Vec::new();
  let mut range = false;
  for word in comment.split(is_part).filter(|word| !word.is_empty()) {
    let name = word.trim_end_matches('.');
    let algorithm = name.split_once('.').map(|(algorithm, _)| algorithm);
    let is_step = |rest: &str| {
      rest.starts_with(|c: char| c.is_ascii_digit())
        || ["body.", "response."]
          .iter()
          .any(|list| rest.contains(list))
    };
    let rest = name.split_once('.').map_or("", |(_, rest)| rest);
    if !is_step(rest)
      || algorithm.is_none_or(|a| !algorithms.iter().any(|known| known == a))
    {
      range = word == "to" && !names.is_empty();
      continue;
    }
    if std::mem::take(&mut range) {
      let first = names.last().cloned().unwrap_or_default();
      names.extend(between(&first, name));
    }
    names.push(name.to_string());
  }
  names
}

fn between(first: &str, last: &str) -> Vec<String> {
  let split = |name: &str| {
    let (parent, number) = name.rsplit_once('.')?;
    Some((parent.to_string(), number.parse::<u32>().ok()?))
  };
  match (split(first), split(last)) {
    (Some((parent, first)), Some((same, last))) if parent == same => {
      (first + 1..last).map(|n| format!("{parent}.{n}")).collect()
    }
    _ => Vec::new(),
  }
}

/// The name of the function that follows.
fn function_below(lines: &[&str]) -> String {
  let below = lines.iter().take(16).skip(1);
  let mut functions = below.filter_map(|line| line.split_once("fn "));
  let end = |c: char| !(c.is_alphanumeric() || c == '_');
  let name = functions
    .next()
    .and_then(|(_, rest)| rest.split(end).next());
  name.unwrap_or_default().to_string()
}

/// A JavaScript test has its title behind its last brace, so that a comment
/// may stand above the test or in it. Calls within a test begin with a name.
fn title_below(lines: &[&str]) -> String {
  let quotes = ['\'', '"', '`'];
  let title = |line: &&str| {
    let line = line.trim();
    let call = line.strip_prefix('}')?.trim_end_matches(';');
    let body = call.strip_suffix(')')?.strip_suffix(quotes)?;
    let start = body.find(quotes)?;
    Some(body[start + 1..].to_string())
  };
  lines.iter().find_map(title).unwrap_or_default()
}
