//! How long a server wants to be left alone.

use std::time::Duration;
use std::time::SystemTime;

use super::content_range::digits;
use super::response::Response;

/// What [`Retry-After`](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)
/// asks for, in seconds or as a date; `None` without one that can be read. A
/// date counts from the server's own `Date`, where there is one, and else from
/// `now`.
pub fn retry_after(response: &Response, now: SystemTime) -> Option<Duration> {
  let headers = response.internal_headers();
  let value = headers.first("retry-after")?.trim_matches([' ', '\t']);
  if let Some(seconds) = digits(value) {
    return Some(Duration::from_secs(seconds));
  }
  let then = httpdate::parse_http_date(value).ok()?;
  let date = headers.first("date");
  let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
  // One that is over already asks for nothing.
  Some(
    then
      .duration_since(date.unwrap_or(now))
      .unwrap_or(Duration::ZERO),
  )
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::response;

  fn of(headers: &[(&str, &str)]) -> Option<u64> {
    let now = httpdate::parse_http_date("Sun, 06 Sep 2026 10:00:00 GMT");
    let after = retry_after(&response(503, headers), now.unwrap())?;
    Some(after.as_secs())
  }

  #[test]
  fn seconds_and_dates_are_read() {
    assert_eq!(of(&[("Retry-After", "120")]), Some(120));
    assert_eq!(of(&[("Retry-After", " 0 ")]), Some(0));
    let then = ("Retry-After", "Sun, 06 Sep 2026 10:01:00 GMT");
    assert_eq!(of(&[then]), Some(60));
    // The server's clock counts, which may be wrong.
    let date = ("Date", "Sun, 06 Sep 2026 10:00:50 GMT");
    assert_eq!(of(&[then, date]), Some(10));
    let late = ("Date", "Sun, 06 Sep 2026 11:00:00 GMT");
    assert_eq!(of(&[then, late]), Some(0));
  }

  #[test]
  fn anything_else_says_nothing() {
    assert_eq!(of(&[]), None);
    for value in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
      assert_eq!(of(&[("Retry-After", value)]), None, "{value}");
    }
  }
}
