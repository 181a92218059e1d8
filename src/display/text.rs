//! Human-readable words and numbers.

use std::time::Duration;

use super::BackgroundFetchSnapshot;
use super::Waiting;
use crate::spec::BackgroundFetchFailureReason;

/// The title, or the id where there is none: display.4
pub fn name(background_fetch: &BackgroundFetchSnapshot) -> String {
  match background_fetch.title.trim() {
    "" => printable(&background_fetch.id),
    title => printable(title),
  }
}

/// What failed and why, in one sentence without its full stop.
pub fn failure(background_fetch: &BackgroundFetchSnapshot) -> String {
  let id = printable(&background_fetch.id);
  let reason = background_fetch.failure_reason;
  let diagnostic = background_fetch.diagnostic.as_deref().map(printable);
  match (reason, diagnostic) {
    (BackgroundFetchFailureReason::Aborted, _) => format!("{id} was aborted"),
    (reason, None) => format!("{id} failed ({})", reason.as_str()),
    (reason, Some(why)) => format!("{id} failed ({}): {why}", reason.as_str()),
  }
}

/// Why nothing comes at the moment, in one sentence without its full stop.
pub fn waiting(waiting: &Waiting) -> String {
  let reason = printable(&waiting.reason);
  match waiting.offline {
    true => format!("waiting for the network: {reason}"),
    false => format!("trying again: {reason}"),
  }
}

/// `text` on one line. Titles, ids and diagnostics come from scripts and
/// servers, which must not move the cursor or reorder what is around them.
pub fn printable(text: &str) -> String {
  let shown = |c: char| match c {
    '\n' | '\t' => ' ',
    c if c.is_control() || reorders(c) => '\u{fffd}',
    c => c,
  };
  text.chars().map(shown).collect()
}

/// Whether `c` changes the direction in which text runs.
pub fn reorders(c: char) -> bool {
  matches!(
    c,
    '\u{061c}'
      | '\u{200e}'..='\u{200f}'
      | '\u{2028}'..='\u{202e}'
      | '\u{2066}'..='\u{2069}'
  )
}

/// A number of bytes: `17 B`, `9.5 KiB`, `256 MiB`.
pub fn bytes(bytes: u64) -> String {
  const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  if bytes < 1024 {
    return format!("{bytes} B");
  }
  let mut amount = bytes as f64 / 1024.0;
  let mut unit = 0;
  // What would be shown as 1024 is 1.0 of the next unit.
  while amount >= 1023.95 && unit + 1 < UNITS.len() {
    amount /= 1024.0;
    unit += 1;
  }
  match (amount * 10.0).round() / 10.0 {
    amount if amount >= 99.95 || amount.fract() == 0.0 => {
      format!("{amount:.0} {}", UNITS[unit])
    }
    amount => format!("{amount:.1} {}", UNITS[unit]),
  }
}

/// A length of time: `0.3 s`, `42 s`, `3 min 5 s`, `2 h 7 min`.
pub fn duration(duration: Duration) -> String {
  let seconds = duration.as_secs();
  match seconds {
    0..10 => format!("{:.1} s", duration.as_secs_f64()),
    10..60 => format!("{seconds} s"),
    60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
    _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn bytes_are_shown_with_three_digits_or_less() {
    assert_eq!(bytes(0), "0 B");
    assert_eq!(bytes(1023), "1023 B");
    assert_eq!(bytes(1536), "1.5 KiB");
    assert_eq!(bytes(1024 * 1024 - 1), "1 MiB");
    assert_eq!(bytes(256 << 20), "256 MiB");
    assert_eq!(bytes(u64::MAX), "16 EiB");
  }

  #[test]
  fn a_title_cannot_drive_the_terminal() {
    assert_eq!(
      printable("a\x1b[2Jb\nc\u{202e}d"),
      "a\u{fffd}[2Jb c\u{fffd}d"
    );
  }
}
