//! Which subtests failed, and why: what is kept of a run beside its counts.
//!
//! Two files. One is written by `--failing`: the name of a page in a line, and
//! below it a line for each of its failed subtests, which begins with a tab: the
//! cause, a tab, the name of the subtest.
//!
//! The other one is kept by hand: a cause, the pattern of a page and that of a
//! subtest, with tabs between them. In a pattern `*` stands for anything. The
//! first line that fits counts.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::expectations::HARNESS;
use crate::results::Results;
use crate::results::Status;

/// Stands for the cause of what no pattern fits.
pub const UNKNOWN: &str = "?";

#[derive(Debug, thiserror::Error)]
pub enum FailingError {
  #[error("{path} cannot be read: {source}")]
  Read { path: PathBuf, source: io::Error },
  #[error("{path}, line {line}: {text:?} is not {wanted}")]
  Parse {
    path: PathBuf,
    line: usize,
    text: String,
    wanted: &'static str,
  },
}

fn read(path: &Path) -> Result<String, FailingError> {
  fs::read_to_string(path).map_err(|source| FailingError::Read {
    path: path.into(),
    source,
  })
}

/// The names of failed subtests, by page. What did not fail is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failing(BTreeMap<String, Vec<String>>);

impl Failing {
  pub fn of(results: &[Results]) -> Self {
    let pages = results.iter().map(|page| {
      let failed = page
        .subtests
        .iter()
        .filter(|subtest| subtest.status != Status::Pass)
        .map(|subtest| shown(&subtest.name));
      let harness = (page.status != Status::Ok).then(|| HARNESS.to_string());
      (
        page.test.id.clone(),
        harness.into_iter().chain(failed).collect(),
      )
    });
    Self(pages.collect())
  }

  /// Reads what was recorded.
  ///
  /// # Errors
  ///
  /// The file cannot be read, or has a line that is none of these.
  pub fn read(path: &Path) -> Result<Self, FailingError> {
    let mut pages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut page = None;
    for (index, line) in read(path)?.lines().enumerate() {
      if line.starts_with('/') {
        page = Some(pages.entry(line.to_string()).or_default());
        continue;
      }
      let subtest = line.strip_prefix('\t').and_then(|l| l.split_once('\t'));
      let (Some(page), Some((_, name))) = (page.as_mut(), subtest) else {
        return Err(FailingError::Parse {
          path: path.into(),
          line: index + 1,
          text: line.into(),
          wanted: "a page, or a cause and a subtest with tabs before them",
        });
      };
      page.push(name.to_string());
    }
    Ok(Self(pages))
  }

  /// Writes these to `path`, with their causes. Pages that are recorded there
  /// and did not run now are kept. Returns how many there are of each cause.
  ///
  /// # Errors
  ///
  /// The file cannot be written, or is there and was not written by this.
  pub fn record(
    &self,
    path: &Path,
    causes: &Causes,
  ) -> Result<BTreeMap<String, usize>, Box<dyn Error>> {
    let mut all = match path.exists() {
      true => Self::read(path)?,
      false => Self::default(),
    };
    all.0.extend(self.0.clone());
    all.0.retain(|_, subtests| !subtests.is_empty());
    let mut text = String::new();
    let mut counts = BTreeMap::new();
    for (page, subtests) in &all.0 {
      text += &format!("{page}\n");
      for subtest in subtests {
        let cause = causes.of(page, subtest).unwrap_or(UNKNOWN);
        *counts.entry(cause.to_string()).or_default() += 1;
        text += &format!("\t{cause}\t{subtest}\n");
      }
    }
    fs::write(path, text)?;
    Ok(counts)
  }
}

/// The name of a subtest in one line.
fn shown(name: &str) -> String {
  let mut shown = String::new();
  for char in name.chars() {
    match char.is_control() {
      true => shown.extend(char.escape_default()),
      false => shown.push(char),
    }
  }
  shown
}

/// Why subtests fail.
#[derive(Debug, Default)]
pub struct Causes(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
  cause: String,
  page: String,
  subtest: String,
}

impl Causes {
  /// # Errors
  ///
  /// The file cannot be read, or has a line that is not a pattern.
  pub fn read(path: &Path) -> Result<Self, FailingError> {
    let text = read(path)?;
    let lines = text.lines().enumerate();
    let patterns = lines
      .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
      .map(
        |(index, line)| match *line.split('\t').collect::<Vec<_>>() {
          [cause, page, subtest] => Ok(Pattern {
            cause: cause.into(),
            page: page.into(),
            subtest: subtest.into(),
          }),
          _ => Err(FailingError::Parse {
            path: path.into(),
            line: index + 1,
            text: line.into(),
            wanted: "a cause, a page and a subtest with tabs between them",
          }),
        },
      );
    Ok(Self(patterns.collect::<Result<_, _>>()?))
  }

  pub fn of(&self, page: &str, subtest: &str) -> Option<&str> {
    Some(&self.find(page, subtest)?.cause)
  }

  fn find(&self, page: &str, subtest: &str) -> Option<&Pattern> {
    let fits = |pattern: &&Pattern| {
      fits(&pattern.page, page) && fits(&pattern.subtest, subtest)
    };
    self.0.iter().find(fits)
  }
}

/// Whether `text` is as `pattern`, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
  let Some((start, rest)) = pattern.split_once('*') else {
    return pattern == text;
  };
  let Some(mut text) = text.strip_prefix(start) else {
    return false;
  };
  let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
  for part in middle.split('*') {
    let Some(at) = text.find(part) else {
      return false;
    };
    text = &text[at + part.len()..];
  }
  text.ends_with(end)
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn a_star_stands_for_anything() {
    for (pattern, text, expected) in [
      ("/a.html", "/a.html", true),
      ("/a.html", "/a.html?x", false),
      ("/a*", "/a.html", true),
      ("*a*b*c", "xaybzc", true),
      ("*a*b*c", "xaybz", false),
      ("a*a", "a", false),
      ("*", "", true),
    ] {
      assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
  }

  #[test]
  fn what_is_recorded_is_read_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (path, list) = (
      folder.path().join("failing.tsv"),
      folder.path().join("causes.tsv"),
    );
    fs::write(&list, "# why\nold\t/a.html\tone*\n").unwrap();
    let causes = Causes::read(&list).unwrap();
    let failing = |pages: &[(&str, &[&str])]| {
      let pages = pages.iter().map(|(page, subtests)| {
        let subtests = subtests.iter().map(|s| s.to_string()).collect();
        (page.to_string(), subtests)
      });
      Failing(pages.collect())
    };
    let first = failing(&[("/a.html", &["one", "two"]), ("/b.html", &["x"])]);
    let count = |failing: &Failing| {
      let counts = failing.record(&path, &causes).unwrap();
      (counts["old"], counts[UNKNOWN])
    };
    assert_eq!(count(&first), (1, 2));
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, "/a.html\n\told\tone\n\t?\ttwo\n/b.html\n\t?\tx\n");
    let second = failing(&[("/b.html", &[])]);
    assert_eq!(count(&second), (1, 1));
    let left = failing(&[("/a.html", &["one", "two"])]);
    assert_eq!(Failing::read(&path).unwrap(), left);
  }

  /// What is recorded in this repository has causes, all of which the table in
  /// `docs/conformance.md` counts.
  #[test]
  fn every_recorded_failure_has_a_cause_that_the_table_counts() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let causes = Causes::read(&own.join("recorded/causes.tsv")).unwrap();
    let failing = Failing::read(&own.join("recorded/failing.tsv")).unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unused: Vec<_> = causes.0.iter().collect();
    for (page, subtests) in &failing.0 {
      for subtest in subtests {
        let found = causes.find(page, subtest);
        let found = found.unwrap_or_else(|| panic!("{page}: {subtest}"));
        *counts.entry(&found.cause).or_default() += 1;
        unused.retain(|pattern| !std::ptr::eq(*pattern, found));
      }
    }
    assert!(unused.is_empty(), "no failure is as {unused:#?}");
    let docs = fs::read_to_string(own.join("../docs/conformance.md")).unwrap();
    let (_, table) = docs.split_once("| cause | subtests |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().filter_map(|line| {
      let mut cells = line.strip_prefix("| `")?.split(" | ");
      let cause = cells.next()?.strip_suffix('`')?;
      Some((cause, cells.next()?.parse().ok()?))
    });
    assert_eq!(rows.collect::<BTreeMap<_, usize>>(), counts);
  }

  #[test]
  fn a_line_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("failing.tsv");
    fs::write(&path, "/a.html\nx\n").unwrap();
    let error = Failing::read(&path).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
    let error = Causes::read(&path).unwrap_err().to_string();
    assert!(error.contains("line 1"), "{error}");
  }
}
