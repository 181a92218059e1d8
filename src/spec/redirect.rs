//! What a redirect makes of a request.

use std::fmt::Write;

use url::Url;

use super::headers::HeaderList;

/// How many redirects a request follows, as
/// [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch)
/// has it.
pub const REDIRECT_LIMIT: u32 = 20;

/// [Redirect status](https://fetch.spec.whatwg.org/#redirect-status)
pub fn is_redirect_status(status: u16) -> bool {
  matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// A `Location` that is not a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidLocation;

/// [Location URL](https://fetch.spec.whatwg.org/#concept-response-location-url)
/// of a response that came from `url`, given `request_fragment`.
pub fn location_url(
  status: u16,
  headers: &HeaderList,
  url: &Url,
  request_fragment: Option<&str>,
) -> Result<Option<Url>, InvalidLocation> {
  // Step 1: only a redirect has a location URL.
  if !is_redirect_status(status) {
    return Ok(None);
  }
  // Step 2: One value only, as the header's grammar has it; the same one twice
  // leads to one place all the same.
  let mut values = headers.values("location");
  let Some(value) = values.next() else {
    return Ok(None);
  };
  if values.any(|other| other != value) {
    return Err(InvalidLocation);
  }
  // Step 3: Like every browser does, bytes that are UTF-8 are taken as such,
  // and others stay what they are.
  let bytes: Option<Vec<u8>> =
    value.chars().map(|c| u8::try_from(c).ok()).collect();
  let decoded = match bytes.as_deref().map(str::from_utf8) {
    Some(Ok(decoded)) => decoded.to_owned(),
    _ => percent_encode_beyond_ascii(value),
  };
  let mut location = url.join(&decoded).map_err(|_| InvalidLocation)?;
  // Step 4: a fragment is inherited where the location has none.
  if location.fragment().is_none() {
    location.set_fragment(request_fragment);
  }
  // Step 5: hand the location URL to the caller.
  Ok(Some(location))
}

/// `value` with each byte beyond ASCII as `%XX`.
fn percent_encode_beyond_ascii(value: &str) -> String {
  let mut encoded = String::with_capacity(value.len());
  for c in value.chars() {
    match u8::try_from(c) {
      Ok(byte) if !byte.is_ascii() => {
        // Writing to a string cannot fail.
        let _ = write!(encoded, "%{byte:02X}");
      }
      _ => encoded.push(c),
    }
  }
  encoded
}

/// [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch),
/// step 12: whether the request continues as a `GET` without a body.
pub fn becomes_get(status: u16, method: &str) -> bool {
  (matches!(status, 301 | 302) && method == "POST")
    || (status == 303 && !matches!(method, "GET" | "HEAD"))
}

/// [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch),
/// step 12.2: removes each
/// [request-body-header name](https://fetch.spec.whatwg.org/#request-body-header-name).
pub fn delete_request_body_headers(headers: &mut HeaderList) {
  for name in [
    "content-encoding",
    "content-language",
    "content-location",
    "content-type",
  ] {
    headers.delete(name);
  }
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;
  use crate::spec::test_support::url;

  fn location(
    status: u16,
    value: &str,
  ) -> Result<Option<Url>, InvalidLocation> {
    let headers = headers(&[("Location", value)]);
    let base = url("https://a.test/dir/file");
    location_url(status, &headers, &base, Some("old"))
  }

  fn followed(value: &str) -> String {
    location(302, value).unwrap().unwrap().into()
  }

  #[test]
  fn a_location_is_relative_to_the_url_that_answered() {
    assert_eq!(followed("../x"), "https://a.test/x#old");
    assert_eq!(followed("//b.test"), "https://b.test/#old");
    assert_eq!(followed("?q"), "https://a.test/dir/file?q#old");
  }

  #[test]
  fn its_own_fragment_wins() {
    assert_eq!(followed("/x#new"), "https://a.test/x#new");
    assert_eq!(followed("/x#"), "https://a.test/x#");
  }

  #[test]
  fn utf8_bytes_are_read_as_such() {
    assert_eq!(followed("/\u{c3}\u{a9}"), "https://a.test/%C3%A9#old");
  }

  #[test]
  fn other_bytes_stay_what_they_are() {
    assert_eq!(followed("/?\u{ff}%41"), "https://a.test/?%FF%41#old");
  }

  #[test]
  fn only_a_redirect_status_redirects() {
    for status in [301, 302, 303, 307, 308] {
      assert!(location(status, "/").unwrap().is_some());
    }
    for status in [200, 300, 304, 305, 306] {
      assert_eq!(location(status, "/"), Ok(None));
    }
  }

  #[test]
  fn a_missing_location_is_no_redirect_and_a_bad_one_fails() {
    let base = url("https://a.test/");
    let none = location_url(302, &HeaderList::new(), &base, None);
    assert_eq!(none, Ok(None));
    assert_eq!(location(302, "http://[x"), Err(InvalidLocation));
    let two = headers(&[("location", "/a"), ("location", "/b")]);
    let two = location_url(302, &two, &base, None);
    assert_eq!(two, Err(InvalidLocation));
  }

  #[test]
  fn the_method_changes_as_the_web_has_it() {
    assert!(becomes_get(301, "POST") && becomes_get(302, "POST"));
    assert!(becomes_get(303, "POST") && becomes_get(303, "PUT"));
    assert!(!becomes_get(301, "PUT") && !becomes_get(303, "HEAD"));
    assert!(!becomes_get(307, "POST") && !becomes_get(308, "POST"));
  }

  #[test]
  fn body_headers_go_and_others_stay() {
    let mut list = headers(&[
      ("Content-Encoding", "x"),
      ("Content-Language", "x"),
      ("Content-Location", "x"),
      ("Content-Type", "x"),
      ("Accept", "y"),
    ]);
    delete_request_body_headers(&mut list);
    assert_eq!(list, headers(&[("Accept", "y")]));
  }
}
