//! Numbers of bytes as users write them.

use std::num::NonZeroU64;

/// A whole number greater than 0, with K, M or G behind it for 1024, its
/// square or its cube.
pub fn parse(text: &str) -> Result<NonZeroU64, String> {
  let (digits, factor) = match text.to_ascii_uppercase().chars().last() {
    Some('K') => (&text[..text.len() - 1], 1 << 10),
    Some('M') => (&text[..text.len() - 1], 1 << 20),
    Some('G') => (&text[..text.len() - 1], 1 << 30),
    _ => (text, 1),
  };
  let number = match digits.bytes().all(|b| b.is_ascii_digit()) {
    true => digits.parse::<u64>().ok(),
    false => None,
  };
  number
    .and_then(|number| NonZeroU64::new(number.checked_mul(factor)?))
    .ok_or_else(|| {
      "it has to be a number of bytes greater than 0, such as 65536, 500K, 2M \
       or 1G"
        .to_string()
    })
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn suffixes_are_powers_of_1024() {
    for (text, bytes) in [
      ("1", 1),
      ("500k", 500 << 10),
      ("2M", 2 << 20),
      ("3G", 3 << 30),
    ] {
      assert_eq!(parse(text).map(NonZeroU64::get), Ok(bytes));
    }
  }

  #[test]
  fn what_is_no_number_of_bytes_is_refused() {
    for text in [
      "",
      "0",
      "K",
      "-1",
      "+1",
      "1.5M",
      "1T",
      "1KB",
      "é",
      "99999999999G",
    ] {
      assert!(parse(text).is_err(), "{text}");
    }
  }
}
