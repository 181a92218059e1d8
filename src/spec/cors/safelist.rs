//! What a request may carry across origins without asking first.

use crate::spec::headers::HeaderList;

/// [CORS-safelisted method](https://fetch.spec.whatwg.org/#cors-safelisted-method)
pub fn is_cors_safelisted_method(method: &str) -> bool {
  matches!(method, "GET" | "HEAD" | "POST")
}

/// [CORS-safelisted request-header](https://fetch.spec.whatwg.org/#cors-safelisted-request-header)
pub fn is_cors_safelisted_request_header(name: &str, value: &str) -> bool {
  // Step 1: One `char` is one byte.
  if value.chars().count() > 128 {
    return false;
  }
  // Step 2: which values are safe depends on the name.
  match name.to_ascii_lowercase().as_str() {
    "accept" => !value.chars().any(is_unsafe_byte),
    "accept-language" | "content-language" => value
      .chars()
      .all(|c| c.is_ascii_alphanumeric() || " *,-.;=".contains(c)),
    "content-type" => {
      !value.chars().any(is_unsafe_byte)
        && matches!(
          mime_essence(value).as_deref(),
          Some(
            "application/x-www-form-urlencoded"
              | "multipart/form-data"
              | "text/plain"
          )
        )
    }
    "range" => is_simple_range(value),
    _ => false,
  }
}

/// [CORS-unsafe request-header names](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names),
/// in lower case, sorted, each once.
pub fn cors_unsafe_request_header_names(headers: &HeaderList) -> Vec<String> {
  // Steps 1 and 2: names that are unsafe, and names that may become so.
  let mut unsafe_names = Vec::new();
  let mut potentially_unsafe_names = Vec::new();
  // Step 3: how long the safe values are together.
  let mut safelist_value_size = 0;
  // Step 4: look at each header of the request.
  for (name, value) in headers.iter() {
    if is_cors_safelisted_request_header(name, value) {
      // Step 4.2: a safe one counts for the size.
      potentially_unsafe_names.push(name.to_ascii_lowercase());
      safelist_value_size += value.chars().count();
    } else {
      // Step 4.1: an unsafe one is unsafe whatever the size.
      unsafe_names.push(name.to_ascii_lowercase());
    }
  }
  // Step 5: too many safe bytes make all of them unsafe.
  if safelist_value_size > 1024 {
    unsafe_names.append(&mut potentially_unsafe_names);
  }
  // Step 6: each name once, in lower case, sorted.
  unsafe_names.sort_unstable();
  unsafe_names.dedup();
  unsafe_names
}

/// Those headers that a request with the guard
/// ["request-no-cors"](https://fetch.spec.whatwg.org/#concept-headers-append)
/// may have:
/// [no-CORS-safelisted request-headers](https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header).
pub fn no_cors_safelisted_headers(headers: &HeaderList) -> HeaderList {
  let is_safelisted_name = |name: &str| {
    [
      "accept",
      "accept-language",
      "content-language",
      "content-type",
    ]
    .iter()
    .any(|safelisted| name.eq_ignore_ascii_case(safelisted))
  };
  headers
    .iter()
    .filter(|(name, value)| {
      is_safelisted_name(name) && is_cors_safelisted_request_header(name, value)
    })
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect()
}

/// [CORS non-wildcard request-header name](https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name)
pub fn is_cors_non_wildcard_request_header_name(name: &str) -> bool {
  name.eq_ignore_ascii_case("authorization")
}

/// [CORS-unsafe request-header byte](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte)
fn is_unsafe_byte(c: char) -> bool {
  (c < ' ' && c != '\t') || "\"():<>?@[\\]{}\u{7f}".contains(c)
}

/// The [essence](https://mimesniff.spec.whatwg.org/#mime-type-essence) of a
/// MIME type.
fn mime_essence(value: &str) -> Option<String> {
  let essence = value.split(';').next()?;
  let essence = essence.trim_matches([' ', '\t', '\r', '\n']);
  let (main, sub) = essence.split_once('/')?;
  let is_token = |text: &str| {
    let is_token_char =
      |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(is_token_char)
  };
  (is_token(main) && is_token(sub)).then(|| essence.to_ascii_lowercase())
}

/// [Parse a single range header value](https://fetch.spec.whatwg.org/#simple-range-header-value)
/// without white space, and with a start.
fn is_simple_range(value: &str) -> bool {
  let Some((start, end)) = value
    .strip_prefix("bytes=")
    .and_then(|range| range.split_once('-'))
  else {
    return false;
  };
  let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
  let number = |t: &str| t.parse::<u128>().unwrap_or(u128::MAX);
  let start_ok = !start.is_empty() && digits(start);
  start_ok && digits(end) && (end.is_empty() || number(start) <= number(end))
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;

  #[test]
  fn only_plain_methods_are_safelisted() {
    assert!(is_cors_safelisted_method("POST"));
    assert!(!is_cors_safelisted_method("PUT"));
    assert!(!is_cors_safelisted_method("post"));
  }

  #[test]
  fn safelisted_headers() {
    let long = "a".repeat(129);
    for (name, value, safe) in [
      ("Accept", "text/html, */*;q=0.1", true),
      ("Accept", "a(b)", false),
      ("Accept", long.as_str(), false),
      ("Accept-Language", "de-CH;q=0.5, *", true),
      ("Content-Language", "a@b", false),
      ("Content-Type", "Text/Plain;charset=utf-8", true),
      ("Content-Type", "multipart/form-data; boundary=x", true),
      ("Content-Type", "application/json", false),
      ("Content-Type", "text/plain;charset=\"a\"", false),
      ("Content-Type", "plain", false),
      ("Range", "bytes=5-", true),
      ("Range", "bytes=5-9", true),
      ("Range", "bytes=-5", false),
      ("Range", "bytes=9-5", false),
      ("Range", "bytes= 5-", false),
      ("Range", "bytes=0-1,3-4", false),
      ("If-Range", "\"a\"", false),
      ("X-Custom", "", false),
    ] {
      let got = is_cors_safelisted_request_header(name, value);
      assert_eq!(got, safe, "{name}: {value}");
    }
  }

  #[test]
  fn unsafe_names_are_sorted_and_unique() {
    let list = headers(&[
      ("X-B", "1"),
      ("accept", "a"),
      ("x-a", "1"),
      ("x-b", "2"),
      ("Content-Type", "application/json"),
    ]);
    let names = cors_unsafe_request_header_names(&list);
    assert_eq!(names, ["content-type", "x-a", "x-b"]);
  }

  #[test]
  fn too_much_of_the_safe_is_unsafe() {
    let value = "a".repeat(128);
    let one = ("Accept", value.as_str());
    assert!(cors_unsafe_request_header_names(&headers(&[one; 8])).is_empty());
    let names = cors_unsafe_request_header_names(&headers(&[one; 9]));
    assert_eq!(names, ["accept"]);
  }
}
