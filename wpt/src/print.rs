//! Results for a person to read.

use crate::discover::Test;
use crate::expectations::Expectations;
use crate::expectations::Expected;
use crate::expectations::HARNESS;
use crate::results::Results;
use crate::results::Status;

/// Counts over all pages.
#[derive(Debug, Default)]
pub struct Summary {
  pub pages: usize,
  pub passed: usize,
  pub failed_as_expected: usize,
  pub unexpected: usize,
  /// Subtests that were seen.
  pub seen: usize,
  /// Pages whose threads were left behind.
  pub abandoned: Vec<String>,
}

/// More pages than this are not left behind: that many threads that do nothing
/// but turn would make the rest fail.
pub const MAX_ABANDONED: usize = 3;

impl Summary {
  /// Prints a page, and counts it.
  pub fn add(&mut self, page: &Results, expectations: &Expectations) {
    let id = &page.test.id;
    let before = self.unexpected;
    println!("{id}");
    self.pages += 1;
    self.seen += page.subtests.len();
    if page.is_abandoned {
      self.abandoned.push(id.clone());
    }
    let harness = expectations.of_harness(id);
    if page.status != Status::Ok || !harness.contains(Status::Ok) {
      let message = page.message.as_deref();
      self.line(HARNESS, page.status, &harness, message);
    }
    for subtest in &page.subtests {
      let expected = expectations.of_subtest(id, &subtest.name);
      let message = subtest.message.as_deref();
      self.line(&subtest.name, subtest.status, &expected, message);
    }
    for name in expectations.missing(page) {
      self.unexpected += 1;
      println!("  MISSING  {name} (listed in the expectations)");
    }
    if self.unexpected > before && !page.console.is_empty() {
      println!("  what the realm wrote:");
      for line in page.console.lines() {
        println!("    {line}");
      }
    }
  }

  fn line(
    &mut self,
    name: &str,
    status: Status,
    expected: &Expected,
    message: Option<&str>,
  ) {
    let success = [Status::Pass, Status::Ok].contains(&status);
    let remark = if !expected.contains(status) {
      self.unexpected += 1;
      format!(" (expected {expected})")
    } else if success {
      self.passed += usize::from(name != HARNESS);
      String::new()
    } else {
      self.failed_as_expected += 1;
      " (as expected)".to_string()
    };
    println!("  {status:8} {name}{remark}");
    if let Some(message) = message.filter(|_| !success) {
      for line in message.lines() {
        println!("             {line}");
      }
    }
  }

  pub fn print(&self) {
    for page in &self.abandoned {
      println!("abandoned: {page}");
    }
    println!(
      "{} pages: {} of {} subtests passed, {} failed as expected, {} \
       unexpected",
      self.pages,
      self.passed,
      self.seen,
      self.failed_as_expected,
      self.unexpected
    );
  }
}

/// Names the pages that cannot run, and why, so that they are not taken for
/// tests that passed.
pub fn print_not_run(tests: &[Test]) {
  for test in tests {
    let reason = test.scope.not_run().unwrap_or_default();
    println!("not run: {} ({reason})", test.id);
  }
}
