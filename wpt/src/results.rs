//! What a page of tests has to say at its end.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

use crate::discover::Test;

/// The status of a subtest, or (`Ok`, `Error`, `Timeout`) of the harness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
  Pass,
  Fail,
  Timeout,
  #[serde(rename = "NOTRUN")]
  NotRun,
  PreconditionFailed,
  Ok,
  Error,
  /// The realm ended before the harness did.
  Crash,
}

impl Status {
  /// By the number that testharness.js has for a subtest's status.
  pub fn of_subtest(number: u32) -> Self {
    match number {
      0 => Self::Pass,
      1 => Self::Fail,
      2 => Self::Timeout,
      3 => Self::NotRun,
      _ => Self::PreconditionFailed,
    }
  }

  /// By the number that testharness.js has for the harness's status.
  pub fn of_harness(number: u32) -> Self {
    match number {
      0 => Self::Ok,
      1 => Self::Error,
      2 => Self::Timeout,
      _ => Self::PreconditionFailed,
    }
  }
}

impl fmt::Display for Status {
  fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let name = match self {
      Self::Pass => "PASS",
      Self::Fail => "FAIL",
      Self::Timeout => "TIMEOUT",
      Self::NotRun => "NOTRUN",
      Self::PreconditionFailed => "PRECONDITION_FAILED",
      Self::Ok => "OK",
      Self::Error => "ERROR",
      Self::Crash => "CRASH",
    };
    formatter.pad(name)
  }
}

#[derive(Clone, Debug)]
pub struct Subtest {
  pub name: String,
  pub status: Status,
  pub message: Option<String>,
}

/// The results of one page.
#[derive(Clone, Debug)]
pub struct Results {
  pub test: Test,
  pub status: Status,
  pub message: Option<String>,
  pub subtests: Vec<Subtest>,
  pub duration: Duration,
  /// What the realm wrote to its console.
  pub console: String,
  /// Whether its thread was left behind.
  pub is_abandoned: bool,
}
