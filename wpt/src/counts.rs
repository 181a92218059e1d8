//! How many subtests passed on each page: what is kept of a run, so that the
//! next one can be compared with it.
//!
//! A line for each page, in order: its name, `passed/all`, and the harness's
//! status, with tabs between them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::results::Results;
use crate::results::Status;

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
  pub passed: usize,
  pub all: usize,
  /// `OK`, `ERROR`, `TIMEOUT` or `CRASH`.
  pub status: String,
}

impl Count {
  pub fn of(results: &Results) -> Self {
    let passed = results.subtests.iter();
    let passed = passed.filter(|subtest| subtest.status == Status::Pass);
    Self {
      passed: passed.count(),
      all: results.subtests.len(),
      status: results.status.to_string(),
    }
  }
}

impl fmt::Display for Count {
  fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(formatter, "{}/{}\t{}", self.passed, self.all, self.status)
  }
}

#[derive(Debug, thiserror::Error)]
pub enum CountsError {
  #[error("{path} cannot be read: {source}")]
  Read { path: PathBuf, source: io::Error },
  #[error(
    "{path}, line {line}: {text:?} is not a page, `passed/all` and a status \
     with tabs between them"
  )]
  Parse {
    path: PathBuf,
    line: usize,
    text: String,
  },
}

/// By page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, Count>);

impl Counts {
  pub fn of(results: &[Results]) -> Self {
    let pages = results.iter();
    Self(
      pages
        .map(|page| (page.test.id.clone(), Count::of(page)))
        .collect(),
    )
  }

  /// Reads a recorded run.
  ///
  /// # Errors
  ///
  /// The file cannot be read, or has a line that is none of these.
  pub fn read(path: &Path) -> Result<Self, CountsError> {
    let text =
      fs::read_to_string(path).map_err(|source| CountsError::Read {
        path: path.into(),
        source,
      })?;
    let lines = text.lines().enumerate();
    let counts = lines.map(|(index, line)| {
      parse(line).ok_or_else(|| CountsError::Parse {
        path: path.into(),
        line: index + 1,
        text: line.into(),
      })
    });
    Ok(Self(counts.collect::<Result<_, _>>()?))
  }

  /// Writes these counts to `path`. Pages that are recorded there and did not
  /// run now are kept.
  ///
  /// # Errors
  ///
  /// The file cannot be written, or is there and is no recorded run.
  pub fn record(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut all = match path.exists() {
      true => Self::read(path)?,
      false => Self::default(),
    };
    all.0.extend(self.0.clone());
    let lines = all
      .0
      .iter()
      .map(|(page, count)| format!("{page}\t{count}\n"));
    fs::write(path, lines.collect::<String>())?;
    Ok(())
  }

  /// What is otherwise than in `recorded`, a line for each page that ran now.
  pub fn changes_since(&self, recorded: &Self) -> Vec<String> {
    let mut changes = Vec::new();
    for (page, now) in &self.0 {
      match recorded.0.get(page) {
        Some(before) if before == now => {}
        Some(before) => {
          let (before, now) = (before.to_string(), now.to_string());
          let line = format!("{page}: {before} -> {now}");
          changes.push(line.replace('\t', " "));
        }
        None => {
          changes.push(format!("{page}: new, {now}").replace('\t', " "));
        }
      }
    }
    changes
  }

  /// Subtests passed, of those seen, on the pages that are in both.
  pub fn passed_on_pages_of(&self, other: &Self) -> (usize, usize) {
    let pages = self
      .0
      .iter()
      .filter(|(page, _)| other.0.contains_key(*page));
    pages.fold((0, 0), |(passed, all), (_, count)| {
      (passed + count.passed, all + count.all)
    })
  }
}

fn parse(line: &str) -> Option<(String, Count)> {
  let mut fields = line.split('\t');
  let page = fields.next()?.to_string();
  let (passed, all) = fields.next()?.split_once('/')?;
  let count = Count {
    passed: passed.parse().ok()?,
    all: all.parse().ok()?,
    status: fields.next()?.to_string(),
  };
  fields.next().is_none().then_some((page, count))
}

#[cfg(test)]
mod tests {
  use super::*;

  fn counts(lines: &[&str]) -> Counts {
    Counts(lines.iter().map(|line| parse(line).unwrap()).collect())
  }

  #[test]
  fn a_recorded_run_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.tsv");
    let first = counts(&["/a.html\t1/2\tOK", "/b.html\t0/0\tTIMEOUT"]);
    first.record(&path).unwrap();
    assert_eq!(Counts::read(&path).unwrap(), first);
    counts(&["/a.html\t2/2\tOK"]).record(&path).unwrap();
    let second = counts(&["/a.html\t2/2\tOK", "/b.html\t0/0\tTIMEOUT"]);
    assert_eq!(Counts::read(&path).unwrap(), second);
  }

  #[test]
  fn only_what_changed_is_named() {
    let before = counts(&[
      "/a.html\t1/2\tOK",
      "/b.html\t3/3\tOK",
      "/gone.html\t1/1\tOK",
    ]);
    let now = counts(&[
      "/a.html\t2/2\tOK",
      "/b.html\t3/3\tOK",
      "/c.html\t0/1\tERROR",
    ]);
    let expected = ["/a.html: 1/2 OK -> 2/2 OK", "/c.html: new, 0/1 ERROR"];
    assert_eq!(now.changes_since(&before), expected);
    assert_eq!(now.passed_on_pages_of(&before), (5, 5));
    assert_eq!(before.passed_on_pages_of(&now), (4, 5));
  }

  #[test]
  fn a_line_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.tsv");
    fs::write(&path, "/a.html\t1/2\tOK\n/b.html 1/2\n").unwrap();
    let error = Counts::read(&path).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
  }
}
