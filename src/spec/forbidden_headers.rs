//! Headers that a script may not set.

use super::headers::HeaderList;

/// [Forbidden request-header](https://fetch.spec.whatwg.org/#forbidden-request-header)
pub fn is_forbidden_request_header(name: &str, value: &str) -> bool {
  let name = name.to_ascii_lowercase();
  // Step 1: some names are never a script's to set.
  if FORBIDDEN.contains(&name.as_str()) {
    return true;
  }
  // Step 2: nor are those with these prefixes.
  if name.starts_with("proxy-") || name.starts_with("sec-") {
    return true;
  }
  // Step 3: headers that override the method may not name a forbidden one.
  if matches!(
    name.as_str(),
    "x-http-method" | "x-http-method-override" | "x-method-override"
  ) {
    return value.split(',').any(|m| is_forbidden_method(m.trim()));
  }
  // Step 4: everything else may be set.
  false
}

/// Headers that frame the message: anyone who sends it sets them, whatever the
/// policy, or a message could be smuggled into another.
pub fn is_framing_header(name: &str) -> bool {
  const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
  ];
  FRAMING.iter().any(|n| name.eq_ignore_ascii_case(n))
}

/// `headers` without the forbidden ones.
pub fn without_forbidden_headers(headers: &HeaderList) -> HeaderList {
  headers
    .iter()
    .filter(|(name, value)| !is_forbidden_request_header(name, value))
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect()
}

/// [Forbidden method](https://fetch.spec.whatwg.org/#forbidden-method)
pub fn is_forbidden_method(method: &str) -> bool {
  ["CONNECT", "TRACE", "TRACK"]
    .iter()
    .any(|forbidden| method.eq_ignore_ascii_case(forbidden))
}

/// [Forbidden response-header name](https://fetch.spec.whatwg.org/#forbidden-response-header-name)
pub fn is_forbidden_response_header_name(name: &str) -> bool {
  name.eq_ignore_ascii_case("set-cookie")
    || name.eq_ignore_ascii_case("set-cookie2")
}

const FORBIDDEN: [&str; 21] = [
  "accept-charset",
  "accept-encoding",
  "access-control-request-headers",
  "access-control-request-method",
  "connection",
  "content-length",
  "cookie",
  "cookie2",
  "date",
  "dnt",
  "expect",
  "host",
  "keep-alive",
  "origin",
  "referer",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
];

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;

  #[test]
  fn forbidden_names_and_prefixes() {
    for name in ["Cookie", "HOST", "Proxy-X", "sec-fetch-mode", "via"] {
      assert!(is_forbidden_request_header(name, ""), "{name}");
    }
    for name in ["accept", "x-cookie", "range", "security", "user-agent"] {
      assert!(!is_forbidden_request_header(name, ""), "{name}");
    }
  }

  #[test]
  fn every_name_of_the_standard_is_forbidden() {
    let names = "Accept-Charset Accept-Encoding \
      Access-Control-Request-Headers Access-Control-Request-Method \
      Connection Content-Length Cookie Cookie2 Date DNT Expect Host \
      Keep-Alive Origin Referer Set-Cookie TE Trailer Transfer-Encoding \
      Upgrade Via";
    for name in names.split_ascii_whitespace() {
      assert!(is_forbidden_request_header(name, ""), "{name}");
    }
  }

  #[test]
  fn every_header_that_frames_is_known() {
    let names = "Connection Content-Length Expect Keep-Alive \
      Proxy-Connection TE Trailer Transfer-Encoding Upgrade";
    for name in names.split_ascii_whitespace() {
      assert!(is_framing_header(name), "{name}");
    }
  }

  #[test]
  fn a_method_may_not_be_smuggled() {
    for name in [
      "X-HTTP-Method",
      "X-HTTP-Method-Override",
      "X-Method-Override",
    ] {
      assert!(is_forbidden_request_header(name, "GET, trace"), "{name}");
      assert!(!is_forbidden_request_header(name, "PUT"), "{name}");
    }
    assert!(!is_forbidden_request_header("x-other", "trace"));
  }

  #[test]
  fn filtering_keeps_the_rest_in_order() {
    let list = headers(&[("A", "1"), ("Origin", "x"), ("B", "2")]);
    let kept = headers(&[("A", "1"), ("B", "2")]);
    assert_eq!(without_forbidden_headers(&list), kept);
  }

  #[test]
  fn framing_headers_are_never_the_authors() {
    assert!(is_framing_header("Content-Length"));
    assert!(is_framing_header("transfer-encoding"));
    assert!(!is_framing_header("content-type"));
  }

  #[test]
  fn cookies_are_kept_from_scripts() {
    assert!(is_forbidden_response_header_name("Set-Cookie"));
    assert!(!is_forbidden_response_header_name("cookie"));
  }
}
