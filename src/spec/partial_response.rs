//! Whether a partial response continues what is stored.

use super::answer::Unusable;
use super::content_range::ContentRange;
use super::content_range::extract_content_range_values;
use super::representation::Likeness;
use super::representation::Representation;
use super::representation::ResumePolicy;
use super::response::Response;

/// [Validate a partial response](https://wicg.github.io/background-fetch/#validate-a-partial-response):
/// whether `partial_response` starts at `expected_range_start` (in bytes) and,
/// where there is a `previous` one, is proven to be of the same
/// representation (deviation E16). Returns the values of its `Content-Range`.
///
/// # Errors
///
/// Why it is invalid.
pub fn validate_partial_response(
  expected_range_start: u64,
  partial_response: &Response,
  previous: Option<(&Representation, ResumePolicy)>,
) -> Result<ContentRange, Unusable> {
  // validate.1: the status; the caller has looked at it.
  // validate.2: it has to say which part it is.
  let Some(range) = extract_content_range_values(partial_response) else {
    return Err(Unusable::NoRange);
  };
  // validate.3: the part has to begin where the stored bytes end.
  if range.first_byte_pos != expected_range_start {
    return Err(Unusable::OtherStart {
      expected: expected_range_start,
      found: range.first_byte_pos,
    });
  }
  // validate.4: it is to continue an earlier response.
  if let Some((previous, policy)) = previous {
    // validate.4.1, validate.4.1.1, validate.4.2, validate.4.2.1,
    // validate.4.2.2: the validators, and the complete lengths
    let partial = Representation::of(partial_response);
    match previous.compare(&partial, policy) {
      Likeness::Same => {}
      Likeness::Different => return Err(Unusable::OtherVersion),
      Likeness::Unproven => return Err(Unusable::Unproven),
    }
  }
  // validate.5: the part may be appended.
  Ok(range)
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

  fn continues(partial: &Response, previous: &Response) -> bool {
    let previous = Representation::of(previous);
    let previous = Some((&previous, ResumePolicy::Validator));
    validate_partial_response(5, partial, previous).is_ok()
  }

  // steps: validate.5
  #[test]
  fn a_range_from_the_expected_start_is_valid() {
    let partial = partial("bytes 5-9/10", &[]);
    let range = validate_partial_response(5, &partial, None).unwrap();
    assert_eq!(range.body_length(), 5);
  }

  // steps: validate.3
  #[test]
  fn another_start_is_invalid() {
    let partial = partial("bytes 5-9/10", &[]);
    let unusable = Unusable::OtherStart {
      expected: 4,
      found: 5,
    };
    let validated = validate_partial_response(4, &partial, None);
    assert_eq!(validated, Err(unusable));
  }

  // steps: validate.2
  #[test]
  fn an_unreadable_range_is_invalid() {
    let partial = partial("items 5-9/10", &[]);
    let validated = validate_partial_response(5, &partial, None);
    assert_eq!(validated, Err(Unusable::NoRange));
  }

  // steps: validate.4, validate.4.1, validate.4.1.1
  #[test]
  fn a_changed_or_vanished_validator_is_invalid() {
    let date = ("Date", "Sun, 06 Sep 2026 10:00:01 GMT");
    for (name, a, b) in [
      ("ETag", "\"a\"", "\"b\""),
      (
        "Last-Modified",
        "Sun, 06 Sep 2026 09:00:00 GMT",
        "Sun, 06 Sep 2026 09:00:01 GMT",
      ),
    ] {
      let previous = response(200, &[(name, a), date]);
      let same = partial("bytes 5-9/10", &[(name, a)]);
      let changed = partial("bytes 5-9/10", &[(name, b)]);
      let vanished = partial("bytes 5-9/10", &[]);
      assert!(continues(&same, &previous));
      assert!(!continues(&changed, &previous));
      assert!(!continues(&vanished, &previous));
    }
  }

  #[test]
  fn without_a_validator_nothing_is_known() {
    let previous = response(200, &[("Content-Length", "10")]);
    assert!(!continues(&partial("bytes 5-9/10", &[]), &previous));
    let with = partial("bytes 5-9/10", &[("ETag", "\"a\"")]);
    assert!(!continues(&with, &previous));
  }

  // steps: validate.4.2, validate.4.2.1, validate.4.2.2
  #[test]
  fn a_known_length_must_stay() {
    let tag = ("ETag", "\"a\"");
    let with = |range| partial(range, &[tag]);
    let next = with("bytes 5-9/10");
    for (previous, valid) in [
      (with("bytes 0-4/10"), true),
      (with("bytes 0-4/*"), true),
      (with("bytes 0-4/11"), false),
      (response(200, &[tag, ("Content-Length", "10")]), true),
      (response(200, &[tag, ("Content-Length", "12")]), false),
    ] {
      assert_eq!(continues(&next, &previous), valid, "{previous:?}");
    }
    // A server need not know it each time.
    let unknown = with("bytes 5-9/*");
    assert!(continues(&unknown, &with("bytes 0-4/10")));
  }
}
