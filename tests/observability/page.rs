//! The tables of `docs/observability.md`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use metrics::Unit;

use super::numbers::Numbers;
use super::spans::Spans;

const PAGE: &str = include_str!("../../docs/observability.md");

/// Each row of the tables under a heading, cell by cell, by its first name.
fn rows(heading: &str) -> BTreeMap<String, Vec<&'static str>> {
  let section = PAGE
    .split("\n## ")
    .find(|s| s.starts_with(heading))
    .unwrap();
  let lines = section.lines().filter(|line| line.starts_with("| `"));
  lines
    .map(|line| line.trim_matches('|').split('|').collect::<Vec<_>>())
    // Others explain a field.
    .filter(|cells| cells.len() == 4)
    .map(|cells| (quoted(cells[0]).remove(0), cells))
    .collect()
}

/// What is between backquotes.
fn quoted(cell: &str) -> Vec<String> {
  let parts = cell.split('`').skip(1).step_by(2);
  parts.map(str::to_string).collect()
}

/// Nothing is recorded that is not in the tables, with its labels and fields,
/// and each number that is in them is described to the recorder.
pub fn says_the_same(numbers: &Numbers, spans: &Spans) {
  let rows_of_numbers = rows("Numbers");
  let described = numbers.described();
  let in_page: BTreeSet<&String> = rows_of_numbers.keys().collect();
  assert_eq!(in_page, described.keys().collect());
  for (name, unit) in &described {
    let unit = match unit {
      Some(Unit::Bytes) => "bytes",
      Some(Unit::Seconds) => "seconds",
      _ => "",
    };
    assert_eq!(rows_of_numbers[name][2].trim(), unit, "{name}");
  }
  for (name, labels) in numbers.recorded() {
    let row = &rows_of_numbers[&name];
    assert_eq!(quoted(row[3]), labels, "{name}");
  }
  for (heading, is_event) in [("Spans", false), ("Events", true)] {
    for (name, cells) in rows(heading) {
      let level = cells[1].trim().to_uppercase();
      let known: BTreeSet<String> = quoted(cells[3]).into_iter().collect();
      let found = match is_event {
        true => spans.events(&name),
        false => spans.spans(&name),
      };
      for seen in found {
        assert_eq!(seen.level.as_str(), level, "{name}");
        let mut fields = seen.fields.0.keys();
        let unknown = fields.find(|f| **f != "message" && !known.contains(**f));
        assert_eq!(unknown, None, "{name}");
      }
    }
  }
}
