//! Lengths of time as users write them.

use std::time::Duration;

/// A whole number with s, m, h or d behind it; without, it is in seconds.
pub fn parse(text: &str) -> Result<Duration, String> {
  let seconds = match text.chars().last() {
    Some('s') => 1,
    Some('m') => 60,
    Some('h') => 60 * 60,
    Some('d') => 24 * 60 * 60,
    _ => 0,
  };
  let digits = match seconds {
    0 => text,
    _ => &text[..text.len() - 1],
  };
  let number = match digits.bytes().all(|b| b.is_ascii_digit()) {
    true => digits.parse::<u64>().ok(),
    false => None,
  };
  number
    .and_then(|number| number.checked_mul(seconds.max(1)))
    .map(Duration::from_secs)
    .ok_or_else(|| {
      "it has to be a length of time, such as 90s, 30m, 12h or 7d".to_string()
    })
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn units_are_known() {
    for (text, seconds) in [
      ("90", 90),
      ("90s", 90),
      ("2m", 120),
      ("1h", 3600),
      ("7d", 604_800),
    ] {
      assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "d", "-1s", "1.5h", "1w", "é", "99999999999999999999d"] {
      assert!(parse(text).is_err(), "{text}");
    }
  }
}
