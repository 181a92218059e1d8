//! Which file of a crate imports which, read from its paths. No macro of the
//! crate makes a path, so that the text says it all.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

pub struct Imports {
  /// By path below `src`.
  files: BTreeMap<String, Vec<Import>>,
}

struct Import {
  line: usize,
  /// The file that it is from.
  from: String,
  /// Another name for what is elsewhere, in a table of contents.
  is_export: bool,
}

impl Imports {
  /// Those of the sources in `root`.
  pub fn read(root: &Path) -> io::Result<Self> {
    Ok(Self::of(sources(root)?))
  }

  /// Those of files with these paths and texts.
  pub fn of(files: Vec<(String, String)>) -> Self {
    let modules: BTreeMap<Vec<String>, String> = files
      .iter()
      .map(|(path, _)| (module(path), path.clone()))
      .collect();
    let imports = |path: &str, text: &str| {
      let mut found = Vec::new();
      let declared = declared(text);
      for (index, line) in code(text).enumerate() {
        let is_export = line.starts_with("pub") && line.contains(" use ");
        for name in paths(line, &declared) {
          if let Some(from) = resolve(path, &name, &modules)
            && from != path
          {
            found.push(Import {
              line: index + 1,
              from,
              is_export,
            });
          }
        }
      }
      found
    };
    let files = files.iter().map(|(path, text)| {
      let own = imports(path, text);
      (path.clone(), own)
    });
    Self {
      files: files.collect(),
    }
  }

  /// What is imported against `arrows`: modules, with those that each may
  /// import.
  pub fn against(&self, arrows: &[(&str, &[&str])]) -> Vec<String> {
    let module_of = |path: &str| {
      let rows = arrows.iter().map(|(module, _)| *module);
      let own = rows.filter(|module| {
        path
          .strip_prefix(module)
          .is_some_and(|rest| rest.starts_with(['/', '.']))
      });
      own.max_by_key(|module| module.len()).unwrap_or("lib")
    };
    let mut wrong = Vec::new();
    for (path, imports) in &self.files {
      let own = module_of(path);
      let row = arrows.iter().find(|(module, _)| *module == own);
      let Some((_, allowed)) = row else { continue };
      for import in imports {
        let other = module_of(&import.from);
        if other != own && !allowed.contains(&other) {
          wrong.push(format!(
            "src/{path}:{}: {own} must not import {other} (src/{})",
            import.line, import.from
          ));
        }
      }
    }
    wrong
  }

  pub fn folders_with_more_than(&self, most: usize) -> Vec<String> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for path in self.files.keys() {
      let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
      *folders.entry(folder).or_default() += 1;
    }
    folders
      .into_iter()
      .filter(|(_, files)| *files > most)
      .map(|(folder, files)| format!("src/{folder} has {files} files"))
      .collect()
  }

  /// The circles of more than `most` files that lie below `folder`. What a
  /// module re-exports it does not use.
  pub fn circles(&self, folder: &str, most: usize) -> Vec<Vec<&str>> {
    let below = |path: &&String| path.starts_with(folder);
    let reached: BTreeMap<&String, BTreeSet<&String>> = self
      .files
      .keys()
      .filter(below)
      .map(|path| (path, self.reached_from(path, folder)))
      .collect();
    let mut circles = BTreeSet::new();
    for (path, reach) in &reached {
      let back = |other: &&&String| reached[**other].contains(path);
      let circle: Vec<&str> =
        reach.iter().filter(back).map(|p| p.as_str()).collect();
      if circle.len() > most {
        circles.insert(circle);
      }
    }
    circles.into_iter().collect()
  }

  fn reached_from(&self, path: &String, folder: &str) -> BTreeSet<&String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![path];
    while let Some(path) = next.pop() {
      for import in self.files.get(path).into_iter().flatten() {
        let is_below = import.from.starts_with(folder);
        if is_below && !import.is_export && reached.insert(&import.from) {
          next.push(&import.from);
        }
      }
    }
    reached
  }
}

/// The paths below `root` of its sources, and their texts.
pub fn sources(root: &Path) -> io::Result<Vec<(String, String)>> {
  let mut files = Vec::new();
  collect(root, root, &mut files)?;
  Ok(files)
}

fn collect(
  root: &Path,
  directory: &Path,
  files: &mut Vec<(String, String)>,
) -> io::Result<()> {
  for entry in fs::read_dir(directory)? {
    let path = entry?.path();
    if path.is_dir() {
      collect(root, &path, files)?;
    } else if path.extension().is_some_and(|e| e == "rs") {
      let below = path.strip_prefix(root).unwrap_or(&path);
      let text = fs::read_to_string(&path)?;
      files.push((below.to_string_lossy().into_owned(), text));
    }
  }
  Ok(())
}

/// The program, a crate of its own: for its arrow the compiler cares.
const PROGRAM: [&str; 2] = ["bin", "bgfetch"];

/// The path of the module in a file; those of the program are below its folder.
fn module(path: &str) -> Vec<String> {
  let path = path.trim_end_matches(".rs");
  let mut module: Vec<String> = path.split('/').map(String::from).collect();
  if matches!(
    module.last().map(String::as_str),
    Some("mod" | "lib" | "main")
  ) {
    module.pop();
  }
  module
}

/// The lines without comments, up to the tests at the end: these may use what
/// they like. Nor does it import a module to be visible in it.
pub fn code(text: &str) -> impl Iterator<Item = &str> {
  text
    .lines()
    .take_while(|line| !line.ends_with("mod tests {"))
    .map(|line| line.split("//").next().unwrap_or_default())
    .map(|line| match line.trim_start().strip_prefix("pub(in ") {
      Some(rest) => rest.split_once(')').map_or("", |(_, rest)| rest),
      None => line,
    })
}

/// The modules that a file declares.
fn declared(text: &str) -> BTreeSet<&str> {
  let declarations = code(text).filter_map(|line| {
    let (before, name) = line.trim().strip_suffix(';')?.rsplit_once(' ')?;
    before.ends_with("mod").then_some(name)
  });
  declarations.collect()
}

/// Every path in a line that begins in the crate or in a module that the file
/// declares, those in braces spelled out.
fn paths(line: &str, declared: &BTreeSet<&str>) -> Vec<String> {
  let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
  let mut found = Vec::new();
  let mut rest = line;
  while let Some(start) = rest.find(|c: char| is_part(c)) {
    let word = &rest[start..];
    let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
    let (path, after) = word.split_at(end);
    rest = after;
    // `pub(crate)` and `&self` lead nowhere.
    let Some((first, _)) = path.split_once("::") else {
      continue;
    };
    let path = if declared.contains(first) {
      format!("self::{path}")
    } else if matches!(first, "crate" | "super" | "self") {
      path.to_string()
    } else {
      continue;
    };
    match (path.strip_suffix("::"), after.strip_prefix('{')) {
      (Some(path), Some(group)) => {
        let group = group.split('}').next().unwrap_or_default();
        let names = group.split(',').map(str::trim);
        found.extend(names.map(|name| format!("{path}::{name}")));
      }
      _ => found.push(path),
    }
  }
  found
}

/// The file with the module that `name`, in the file at `path`, leads into.
fn resolve(
  path: &str,
  name: &str,
  modules: &BTreeMap<Vec<String>, String>,
) -> Option<String> {
  let mut names = name.split("::").peekable();
  let mut base = module(path);
  match names.next()? {
    "crate" if base.starts_with(&PROGRAM.map(String::from)) => {
      base.truncate(PROGRAM.len());
    }
    "crate" => base.clear(),
    "super" => {
      base.pop();
      while names.peek() == Some(&"super") {
        names.next();
        base.pop();
      }
    }
    _ => {}
  }
  for name in names {
    base.push(name.to_string());
    if !modules.contains_key(&base) {
      base.pop();
      break;
    }
  }
  modules.get(&base).cloned()
}
