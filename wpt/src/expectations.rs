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
//! The name `(harness)` stands for the page as a whole.

use std::collections::BTreeMap;
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
  expected: Status,
  #[serde(rename = "reason")]
  _reason: String,
  #[serde(rename = "chromium")]
  _chromium: String,
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

  pub fn of_harness(&self, page: &str) -> Status {
    self.find(page, HARNESS).unwrap_or(Status::Ok)
  }

  pub fn of_subtest(&self, page: &str, name: &str) -> Status {
    self.find(page, name).unwrap_or(Status::Pass)
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

  fn find(&self, page: &str, name: &str) -> Option<Status> {
    Some(self.0.get(page)?.get(name)?.expected)
  }
}
