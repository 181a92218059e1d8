//! What this project expects of a test, where that is not success.
//!
//! A JSON file, by page and subtest:
//!
//! ```json
//! {
//!   "/background-fetch/get.https.window.html": {
//!     "name of the subtest": {
//!       "expected": "FAIL",
//!       "reason": "why that is right",
//!       "chromium": "what Chromium does: PASS or FAIL"
//!     }
//!   }
//! }
//! ```
//!
//! Where several are right, `"expected"` is a list: `["PASS", "FAIL"]`. The
//! name `(harness)` stands for the page as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;

use crate::results::Results;
use crate::results::Status;

pub const HARNESS: &str = "(harness)";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
  expected: Expected,
  #[serde(rename = "reason")]
  _reason: String,
  #[serde(rename = "chromium")]
  _chromium: String,
}

/// The statuses that are right.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Expected {
  One(Status),
  Several(Vec<Status>),
}

impl Expected {
  pub fn contains(&self, status: Status) -> bool {
    self.statuses().contains(&status)
  }

  pub fn statuses(&self) -> &[Status] {
    match self {
      Self::One(status) => std::slice::from_ref(status),
      Self::Several(statuses) => statuses,
    }
  }
}

impl fmt::Display for Expected {
  fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let names = self.statuses().iter().map(Status::to_string);
    formatter.write_str(&names.collect::<Vec<_>>().join(" or "))
  }
}

#[derive(Debug, Default)]
pub struct Expectations(BTreeMap<String, BTreeMap<String, Expectation>>);

/// Why there are no expectations.
#[derive(Debug, thiserror::Error)]
pub enum ExpectationsError {
  #[error("{path} cannot be read: {source}")]
  Read { path: PathBuf, source: io::Error },
  #[error("{path} is no list of expectations: {source}")]
  Parse {
    path: PathBuf,
    source: serde_json::Error,
  },
}

impl Expectations {
  /// # Errors
  ///
  /// The file cannot be read, or an entry lacks a reason.
  pub fn read(path: &Path) -> Result<Self, ExpectationsError> {
    let text = fs::read(path).map_err(|source| ExpectationsError::Read {
      path: path.into(),
      source,
    })?;
    let entries = serde_json::from_slice(&text);
    entries
      .map(Self)
      .map_err(|source| ExpectationsError::Parse {
        path: path.into(),
        source,
      })
  }

  pub fn of_harness(&self, page: &str) -> Expected {
    self
      .find(page, HARNESS)
      .unwrap_or(Expected::One(Status::Ok))
  }

  pub fn of_subtest(&self, page: &str, name: &str) -> Expected {
    self.find(page, name).unwrap_or(Expected::One(Status::Pass))
  }

  /// Names that are listed for a page, and that it does not have.
  pub fn missing<'a>(&'a self, results: &Results) -> Vec<&'a str> {
    let Some(entries) = self.0.get(&results.test.id) else {
      return Vec::new();
    };
    let has = |name: &str| results.subtests.iter().any(|s| s.name == name);
    entries
      .keys()
      .map(String::as_str)
      .filter(|name| *name != HARNESS && !has(name))
      .collect()
  }

  fn find(&self, page: &str, name: &str) -> Option<Expected> {
    Some(self.0.get(page)?.get(name)?.expected.clone())
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn one_status_or_several_are_expected() {
    let expectations: Expectations = Expectations(
      serde_json::from_str(
        r#"{ "/p": {
          "one": { "expected": "FAIL", "reason": "", "chromium": "" },
          "two": { "expected": ["PASS", "FAIL"], "reason": "", "chromium": "" }
        } }"#,
      )
      .unwrap(),
    );
    let one = expectations.of_subtest("/p", "one");
    assert!(one.contains(Status::Fail) && !one.contains(Status::Pass));
    let two = expectations.of_subtest("/p", "two");
    assert!(two.contains(Status::Fail) && two.contains(Status::Pass));
    assert_eq!(two.to_string(), "PASS or FAIL");
    assert!(
      expectations
        .of_subtest("/p", "other")
        .contains(Status::Pass)
    );
  }
}
