//! What a response has to say before another origin may read it.

pub(crate) mod corp;
pub(crate) mod preflight;
pub(crate) mod safelist;

use super::forbidden_headers::is_forbidden_response_header_name;
use super::headers::HeaderList;
use super::request::CredentialsMode;

/// [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check). `origin` is
/// the [byte-serialized request origin](https://fetch.spec.whatwg.org/#byte-serializing-a-request-origin).
/// The error is a message about the response.
pub fn cors_check(
  origin: &str,
  credentials_mode: CredentialsMode,
  headers: &HeaderList,
) -> Result<(), String> {
  let include = credentials_mode == CredentialsMode::Include;
  // Steps 1 and 2: without the header no other origin may read the response.
  let Some(allowed) = headers.get("access-control-allow-origin") else {
    return Err("it has no Access-Control-Allow-Origin header".into());
  };
  // Step 3: any origin may, as long as there are no credentials.
  if !include && allowed == "*" {
    return Ok(());
  }
  // Step 4: otherwise the header has to name this origin.
  if allowed != origin {
    return Err(format!(
      "its Access-Control-Allow-Origin is {allowed:?}, and the origin is \
       {origin}"
    ));
  }
  // Step 5: without credentials that is enough.
  if !include {
    return Ok(());
  }
  // Steps 6 and 7: with them the server has to allow them by name.
  match headers.get("access-control-allow-credentials").as_deref() {
    Some("true") => Ok(()),
    // Step 8: everything else fails the check.
    _ => Err("its Access-Control-Allow-Credentials is not true".into()),
  }
}

/// [Extract header list values](https://fetch.spec.whatwg.org/#extract-header-list-values)
/// of a header whose grammar is a list of tokens. `None` when there is no such
/// header, an error when its value is no such list.
pub fn extract_token_list(
  name: &str,
  headers: &HeaderList,
) -> Option<Result<Vec<String>, InvalidList>> {
  let value = headers.get(name)?;
  let is_token = |text: &str| {
    let is_token_char =
      |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.chars().all(is_token_char)
  };
  let mut tokens = Vec::new();
  for token in value.split(',').map(|t| t.trim_matches([' ', '\t'])) {
    if !is_token(token) {
      return Some(Err(InvalidList));
    }
    // RFC 9110 lets a recipient pass over empty elements.
    if !token.is_empty() {
      tokens.push(token.to_string());
    }
  }
  Some(Ok(tokens))
}

/// A header whose value is not a list of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidList;

/// The headers of a
/// [basic filtered response](https://fetch.spec.whatwg.org/#concept-filtered-response-basic).
pub fn basic_filtered_headers(headers: &HeaderList) -> HeaderList {
  filtered(headers, |name| !is_forbidden_response_header_name(name))
}

/// The headers of a
/// [CORS filtered response](https://fetch.spec.whatwg.org/#concept-filtered-response-cors),
/// after [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), step 14.1.
pub fn cors_filtered_headers(
  headers: &HeaderList,
  credentials_mode: CredentialsMode,
) -> HeaderList {
  // Step 14.1.1: the header names that the server exposes.
  let exposed = extract_token_list("access-control-expose-headers", headers)
    .and_then(Result::ok)
    .unwrap_or_default();
  // Step 14.1.2: `*` exposes all of them where there are no credentials.
  let all = credentials_mode != CredentialsMode::Include
    && exposed.iter().any(|name| name == "*");
  // Step 14.1.3: a header is seen when it is safelisted or exposed.
  filtered(headers, |name| {
    let is_exposed =
      all || exposed.iter().any(|e| e.eq_ignore_ascii_case(name));
    is_cors_safelisted_response_header_name(name)
      || (is_exposed && !is_forbidden_response_header_name(name))
  })
}

/// [CORS-safelisted response-header name](https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name),
/// given an empty list.
fn is_cors_safelisted_response_header_name(name: &str) -> bool {
  const SAFE: [&str; 7] = [
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
  ];
  SAFE.iter().any(|safe| name.eq_ignore_ascii_case(safe))
}

fn filtered(headers: &HeaderList, keep: impl Fn(&str) -> bool) -> HeaderList {
  headers
    .iter()
    .filter(|(name, _)| keep(name))
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect()
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;

  const ACAO: &str = "Access-Control-Allow-Origin";
  const ACAC: &str = "Access-Control-Allow-Credentials";
  const EXPOSE: &str = "Access-Control-Expose-Headers";

  fn check(mode: CredentialsMode, list: &[(&str, &str)]) -> bool {
    cors_check("https://a.test", mode, &headers(list)).is_ok()
  }

  #[test]
  fn the_origin_has_to_be_allowed() {
    let mode = CredentialsMode::SameOrigin;
    assert!(check(mode, &[(ACAO, "*")]));
    assert!(check(mode, &[(ACAO, "https://a.test")]));
    assert!(!check(mode, &[]));
    assert!(!check(mode, &[(ACAO, "https://b.test")]));
    assert!(!check(mode, &[(ACAO, "HTTPS://a.test")]));
    assert!(!check(mode, &[(ACAO, "https://a.test"), (ACAO, "*")]));
  }

  #[test]
  fn credentials_need_more_than_a_star() {
    let mode = CredentialsMode::Include;
    let origin = (ACAO, "https://a.test");
    assert!(check(mode, &[origin, (ACAC, "true")]));
    assert!(!check(mode, &[(ACAO, "*"), (ACAC, "true")]));
    assert!(!check(mode, &[origin]));
    assert!(!check(mode, &[origin, (ACAC, "True")]));
  }

  #[test]
  fn cors_exposes_the_safe_and_the_named() {
    let list = [
      ("Content-Type", "a"),
      ("ETag", "b"),
      ("X-Hidden", "c"),
      ("Set-Cookie", "d"),
      (EXPOSE, "etag, set-cookie"),
    ];
    let mode = CredentialsMode::Include;
    let kept = cors_filtered_headers(&headers(&list), mode);
    assert_eq!(kept, headers(&[("Content-Type", "a"), ("ETag", "b")]));
  }

  #[test]
  fn every_safe_header_is_shown() {
    let safe = "Cache-Control Content-Language Content-Length Content-Type \
      Expires Last-Modified Pragma";
    for name in safe.split_ascii_whitespace() {
      let list = headers(&[(name, "1")]);
      let kept = cors_filtered_headers(&list, CredentialsMode::Include);
      assert!(kept.contains(name), "{name}");
    }
  }

  #[test]
  fn a_star_exposes_all_but_only_without_credentials() {
    let list = headers(&[("ETag", "b"), ("Set-Cookie", "d"), (EXPOSE, "*")]);
    let kept = cors_filtered_headers(&list, CredentialsMode::SameOrigin);
    assert!(kept.contains("etag") && !kept.contains("set-cookie"));
    let kept = cors_filtered_headers(&list, CredentialsMode::Include);
    assert!(!kept.contains("etag"));
  }

  #[test]
  fn a_basic_response_hides_cookies_only() {
    let list = headers(&[("ETag", "b"), ("Set-Cookie", "d")]);
    assert_eq!(basic_filtered_headers(&list), headers(&[("ETag", "b")]));
  }

  #[test]
  fn a_list_of_tokens_is_read_or_refused() {
    let extract = |value| {
      let list = headers(&[("A", value)]);
      extract_token_list("a", &list)
    };
    let tokens = vec!["b".to_string(), "C".to_string()];
    assert_eq!(extract("b,, C\t"), Some(Ok(tokens)));
    assert_eq!(extract("b c"), Some(Err(InvalidList)));
    assert_eq!(extract_token_list("z", &HeaderList::new()), None);
  }
}
