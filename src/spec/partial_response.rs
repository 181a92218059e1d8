//! Whether a partial response continues what is stored.

use super::content_range::extract_content_range_values;
use super::response::Response;

/// [Validate a partial response](https://wicg.github.io/background-fetch/#validate-a-partial-response):
/// whether `partial_response` starts at `expected_range_start` (in bytes) and
/// is of the same version of the resource as `previous_response`.
///
/// The unfiltered headers count: `ETag` and `Content-Range` are not among those
/// that CORS exposes of itself.
pub fn validate_partial_response(
  expected_range_start: u64,
  partial_response: &Response,
  previous_response: Option<&Response>,
) -> bool {
  // validate.1: the status; the caller has looked at it.
  // validate.2
  let Some(range) = extract_content_range_values(partial_response) else {
    return false;
  };
  // validate.3
  if range.first_byte_pos != expected_range_start {
    return false;
  }
  // validate.4
  if let Some(previous) = previous_response {
    // validate.4.1
    for header_name in ["etag", "last-modified"] {
      // validate.4.1.1
      let before = previous.internal_headers().get(header_name);
      let now = partial_response.internal_headers().get(header_name);
      if before.is_some() && before != now {
        return false;
      }
    }
    // validate.4.2
    if previous.status == 206 {
      // validate.4.2.1
      let Some(before) = extract_content_range_values(previous) else {
        return false;
      };
      // validate.4.2.2
      if before.complete_length.is_some()
        && before.complete_length != range.complete_length
      {
        return false;
      }
    }
  }
  // validate.5
  true
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::response;

  fn partial(range: &str, more: &[(&str, &str)]) -> Response {
    let mut response = response(206, more);
    response.headers.append("content-range", range);
    response
  }

  // steps: validate.5
  #[test]
  fn a_range_from_the_expected_start_is_valid() {
    let partial = partial("bytes 5-9/10", &[]);
    assert!(validate_partial_response(5, &partial, None));
  }

  // steps: validate.3
  #[test]
  fn another_start_is_invalid() {
    let partial = partial("bytes 5-9/10", &[]);
    assert!(!validate_partial_response(4, &partial, None));
  }

  // steps: validate.2
  #[test]
  fn an_unreadable_range_is_invalid() {
    let partial = partial("bytes=5-9/10", &[]);
    assert!(!validate_partial_response(5, &partial, None));
  }

  // steps: validate.4, validate.4.1, validate.4.1.1
  #[test]
  fn a_changed_or_vanished_validator_is_invalid() {
    for name in ["ETag", "Last-Modified"] {
      let previous = response(200, &[(name, "a")]);
      let same = partial("bytes 5-9/10", &[(name, "a")]);
      let changed = partial("bytes 5-9/10", &[(name, "b")]);
      let vanished = partial("bytes 5-9/10", &[]);
      assert!(validate_partial_response(5, &same, Some(&previous)));
      assert!(!validate_partial_response(5, &changed, Some(&previous)));
      assert!(!validate_partial_response(5, &vanished, Some(&previous)));
    }
  }

  #[test]
  fn a_validator_that_was_not_there_before_says_nothing() {
    let previous = response(200, &[]);
    let partial = partial("bytes 5-9/10", &[("ETag", "a")]);
    assert!(validate_partial_response(5, &partial, Some(&previous)));
  }

  // steps: validate.4.2, validate.4.2.1, validate.4.2.2
  #[test]
  fn a_known_length_must_stay() {
    let next = partial("bytes 5-9/10", &[]);
    let with = |range| partial(range, &[]);
    for (previous, valid) in [
      (with("bytes 0-4/10"), true),
      (with("bytes 0-4/*"), true),
      (with("bytes 0-4/11"), false),
      (with("bytes=0-4/10"), false),
    ] {
      let got = validate_partial_response(5, &next, Some(&previous));
      assert_eq!(got, valid);
    }
    let unknown = with("bytes 5-9/*");
    let known = with("bytes 0-4/10");
    assert!(!validate_partial_response(5, &unknown, Some(&known)));
  }
}
