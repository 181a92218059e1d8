//! The values of `Content-Range`.

use super::response::Response;

/// What a `Content-Range` header says, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
  /// The offset of the first byte of the body in the whole resource.
  pub first_byte_pos: u64,
  /// The offset of the last byte of the body, inclusive.
  pub last_byte_pos: u64,
  /// The length of the whole resource; `None` when the server wrote `*`.
  pub complete_length: Option<u64>,
}

impl ContentRange {
  /// The length of the body, in bytes.
  ///
  /// Saturates for the one range whose length does not fit.
  pub fn body_length(&self) -> u64 {
    (self.last_byte_pos - self.first_byte_pos).saturating_add(1)
  }
}

/// [Extract content-range values](https://wicg.github.io/background-fetch/#extract-content-range-values).
///
/// `None` is the specification's failure. What is read is a single satisfied
/// range of bytes: `bytes 0-9/10`, as
/// [RFC 9110, section 14.4](https://www.rfc-editor.org/rfc/rfc9110#section-14.4)
/// has it, and what servers write in its place and cannot mean otherwise, such
/// as the `bytes=0-9/10` of the text (deviation E2).
pub fn extract_content_range_values(
  response: &Response,
) -> Option<ContentRange> {
  // extract.1, extract.2: without the header there is nothing to extract.
  let content_range_value =
    response.internal_headers().first("content-range")?;
  // extract.3: parse the value by its grammar.
  parse(content_range_value)
}

/// The complete length that a 416 reports with `bytes */N`
/// ([RFC 9110, section 14.4](https://www.rfc-editor.org/rfc/rfc9110#section-14.4)).
pub(super) fn complete_length_of_unsatisfied_range(
  response: &Response,
) -> Option<u64> {
  let value = response.internal_headers().first("content-range")?;
  let (star, length) = after_unit(value)?.split_once('/')?;
  (star.trim_matches(BLANKS) == "*").then(|| number(length))?
}

fn parse(value: &str) -> Option<ContentRange> {
  let (positions, complete_length) = after_unit(value)?.split_once('/')?;
  let (first, last) = positions.split_once('-')?;
  let range = ContentRange {
    // extract.4: where the part begins.
    first_byte_pos: number(first)?,
    // extract.5: where it ends, inclusively.
    last_byte_pos: number(last)?,
    // extract.6, extract.7: how long the whole is, unless that is unknown.
    complete_length: match complete_length.trim_matches(BLANKS) {
      "*" => None,
      length => Some(number(length)?),
    },
  };
  // RFC 9110 calls these two invalid: a recipient must not use them.
  let in_order = range.last_byte_pos >= range.first_byte_pos;
  let inside = range
    .complete_length
    .is_none_or(|l| l > range.last_byte_pos);
  // extract.8: hand the three numbers to the caller.
  (in_order && inside).then_some(range)
}

const BLANKS: [char; 2] = [' ', '\t'];

/// What follows the unit, when that is bytes.
fn after_unit(value: &str) -> Option<&str> {
  let (unit, rest) = value.trim_matches(BLANKS).split_at_checked(5)?;
  let range = rest.trim_start_matches([' ', '\t', '=', ':']);
  let separated = range.len() < rest.len();
  (separated && unit.eq_ignore_ascii_case("bytes")).then_some(range)
}

fn number(text: &str) -> Option<u64> {
  digits(text.trim_matches(BLANKS))
}

/// `1*DIGIT`. `u64::from_str` alone would also take a leading `+`.
pub(super) fn digits(text: &str) -> Option<u64> {
  let all = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
  all.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::response;

  fn extract(value: &str) -> Option<ContentRange> {
    let response = response(206, &[("Content-Range", value)]);
    extract_content_range_values(&response)
  }

  // steps: extract.4 to extract.6, extract.8
  #[test]
  fn a_single_range_is_read() {
    let range = extract("bytes 5-9/10").unwrap();
    assert_eq!(range.first_byte_pos, 5);
    assert_eq!(range.last_byte_pos, 9);
    assert_eq!(range.complete_length, Some(10));
    assert_eq!(range.body_length(), 5);
  }

  // steps: extract.7
  #[test]
  fn an_unknown_length_is_none() {
    assert_eq!(extract("bytes 0-0/*").unwrap().complete_length, None);
  }

  #[test]
  fn what_cannot_be_mistaken_is_read() {
    let range = extract("bytes 5-9/10");
    assert!(range.is_some());
    for value in [
      "BYTES 5-9/10",
      "bytes=5-9/10",
      "Bytes: 5-9/10",
      "bytes:5-9/10",
      "bytes  5-9/10",
      "bytes\t5-9/10",
      " bytes 5 - 9 / 10 ",
      "bytes = 5-9/10",
    ] {
      assert_eq!(extract(value), range, "{value:?}");
    }
  }

  #[test]
  fn a_416_tells_the_complete_length() {
    let of = |value| {
      let response = response(416, &[("Content-Range", value)]);
      complete_length_of_unsatisfied_range(&response)
    };
    for value in ["bytes */10", "Bytes=*/10", "bytes: * / 10"] {
      assert_eq!(of(value), Some(10), "{value:?}");
    }
    for value in ["*/10", "bytes */", "bytes */*", "items */10", "bytes 0-1/9"]
    {
      assert_eq!(of(value), None, "{value:?}");
    }
  }

  // steps: extract.2
  #[test]
  fn the_first_header_counts() {
    let response = response(
      206,
      &[
        ("content-range", "bytes 1-2/3"),
        ("content-range", "bytes 0-2/3"),
      ],
    );
    let range = extract_content_range_values(&response).unwrap();
    assert_eq!(range.first_byte_pos, 1);
  }

  // steps: extract.3
  #[test]
  fn anything_else_is_a_failure() {
    for value in [
      "",
      "bytes",
      "bytes ",
      "items 0-1/2",
      "bytes 0-1",
      "bytes 0/2",
      "bytes */2",
      "bytes -1/2",
      "bytes 0-/2",
      "bytes 0-1/",
      "bytes0-1/2",
      "bytes-0-1/2",
      "bytes 0 1-2/3",
      "bytes=0-1",
      "bytes; 0-1/2",
      "0-1/2",
      "bytes +0-1/2",
      "bytes 0-1,3-4/9",
      "bytes 0-1/2, bytes 0-1/2",
      "bytes 2-1/9",
      "bytes 0-2/2",
      "bytes 0-1/18446744073709551616",
      "bytes 0-18446744073709551616/*",
      "bytes \u{661}-\u{662}/\u{663}",
    ] {
      assert_eq!(extract(value), None, "{value:?}");
    }
  }

  // steps: extract.1
  #[test]
  fn no_header_is_a_failure() {
    assert_eq!(extract_content_range_values(&response(206, &[])), None);
  }
}
