//! `wptreport.json`, in the format that wpt.fyi reads.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use serde_json::Value;
use serde_json::json;

use crate::expectations::Expectations;
use crate::expectations::Expected;
use crate::results::Results;
use crate::results::Status;

/// Writes the results to `path`; times are in milliseconds.
///
/// # Errors
///
/// The file cannot be written.
pub fn write(
  path: &Path,
  results: &[Results],
  expectations: &Expectations,
  start: SystemTime,
) -> io::Result<()> {
  let results: Vec<_> = results
    .iter()
    .map(|page| of_page(page, expectations))
    .collect();
  let report = json!({
    "run_info": {
      "product": "background_fetch",
      "browser_version": env!("CARGO_PKG_VERSION"),
      "os": std::env::consts::OS,
      "processor": std::env::consts::ARCH,
      "debug": cfg!(debug_assertions),
    },
    "time_start": milliseconds(start),
    "time_end": milliseconds(SystemTime::now()),
    "results": results,
  });
  if let Some(folder) = path.parent() {
    fs::create_dir_all(folder)?;
  }
  fs::write(path, report.to_string())
}

fn of_page(page: &Results, expectations: &Expectations) -> Value {
  let id = &page.test.id;
  let subtests = page.subtests.iter().map(|subtest| {
    let expected = expectations.of_subtest(id, &subtest.name);
    let value = json!({
      "name": subtest.name,
      "status": subtest.status,
      "message": subtest.message,
    });
    with_expected(value, subtest.status, &expected)
  });
  let value = json!({
    "test": id,
    "status": page.status,
    "message": page.message,
    "duration": page.duration.as_millis() as u64,
    "subtests": subtests.collect::<Vec<_>>(),
  });
  with_expected(value, page.status, &expectations.of_harness(id))
}

/// Only what was not expected says what was; what else would have been right
/// is listed as if it came and went.
fn with_expected(
  mut value: Value,
  status: Status,
  expected: &Expected,
) -> Value {
  let statuses = expected.statuses();
  if let Some(first) = statuses.first().filter(|first| **first != status) {
    value["expected"] = json!(first);
  }
  value["known_intermittent"] = json!(statuses.get(1..).unwrap_or_default());
  value
}

fn milliseconds(time: SystemTime) -> u64 {
  let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
  u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
