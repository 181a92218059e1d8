//! What a server has to answer before a request that CORS does not trust.

use super::extract_token_list;
use super::safelist::cors_unsafe_request_header_names;
use super::safelist::is_cors_non_wildcard_request_header_name;
use super::safelist::is_cors_safelisted_method;
use crate::spec::headers::HeaderList;
use crate::spec::request::CredentialsMode;

/// What a preflight allows, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightGrant {
  /// Methods; `*` stands for all.
  pub methods: Vec<String>,
  /// Header names; `*` stands for all but `Authorization`.
  pub header_names: Vec<String>,
  /// In seconds.
  pub max_age: u64,
}

/// How long a grant lasts when the server does not say, in seconds.
const DEFAULT_MAX_AGE: u64 = 5;
/// The longest that a grant lasts, in seconds: the imposed limit of step 7.10.
const MAX_AGE_LIMIT: u64 = 7200;

/// Whether the request has to be preceded by a preflight, under
/// [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), step 12.
pub fn needs_preflight(method: &str, headers: &HeaderList) -> bool {
  !is_cors_safelisted_method(method)
    || !cors_unsafe_request_header_names(headers).is_empty()
}

/// The headers of the preflight for a request, under
/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch),
/// steps 2 to 5.
pub fn preflight_headers(method: &str, headers: &HeaderList) -> HeaderList {
  let mut preflight = HeaderList::new();
  // Step 2: it accepts an answer of any type.
  preflight.append("accept", "*/*");
  // Step 3: it names the method that is to follow.
  preflight.append("access-control-request-method", method);
  // Step 4: the headers that are not safe without asking.
  let names = cors_unsafe_request_header_names(headers);
  // Step 5: it names those headers.
  if !names.is_empty() {
    preflight.append("access-control-request-headers", names.join(","));
  }
  preflight
}

/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch),
/// step 7, after the CORS check and the status: what the response allows, or a message
/// about why it does not allow the request.
pub fn validate_preflight_response(
  method: &str,
  headers: &HeaderList,
  credentials_mode: CredentialsMode,
  response_headers: &HeaderList,
) -> Result<PreflightGrant, String> {
  let extract = |name: &str| {
    extract_token_list(name, response_headers)
      .unwrap_or(Ok(Vec::new()))
      .map_err(|_| format!("its {name} header cannot be read"))
  };
  // Steps 7.1 and 7.3: the methods that are allowed; a bad list fails.
  let methods = extract("Access-Control-Allow-Methods")?;
  // Steps 7.2 and 7.3: the headers that are allowed; a bad list fails.
  let header_names = extract("Access-Control-Allow-Headers")?;
  // Step 7.4: The use-CORS-preflight flag is never set.
  let wildcard = credentials_mode != CredentialsMode::Include;
  let star = |list: &[String]| wildcard && list.iter().any(|i| i == "*");
  // Step 7.5: the method has to be allowed, safe or covered by `*`.
  if !methods.iter().any(|allowed| allowed == method)
    && !is_cors_safelisted_method(method)
    && !star(&methods)
  {
    return Err(format!(
      "its Access-Control-Allow-Methods does not allow {method}"
    ));
  }
  let named = |name: &str| {
    header_names
      .iter()
      .any(|allowed| allowed.eq_ignore_ascii_case(name))
  };
  let refused =
    |name: &str| format!("its Access-Control-Allow-Headers lacks {name}");
  // Step 7.6: some headers have to be allowed by name.
  for (name, _) in headers.iter() {
    if is_cors_non_wildcard_request_header_name(name) && !named(name) {
      return Err(refused(name));
    }
  }
  // Step 7.7: the other unsafe headers may be covered by `*`.
  for name in cors_unsafe_request_header_names(headers) {
    if !named(&name) && !star(&header_names) {
      return Err(refused(&name));
    }
  }
  Ok(PreflightGrant {
    // Steps 7.8 to 7.10: how long the grant lasts, within our limit.
    max_age: max_age(response_headers).min(MAX_AGE_LIMIT),
    methods,
    header_names,
  })
}

fn max_age(headers: &HeaderList) -> u64 {
  headers
    .get("access-control-max-age")
    .filter(|value| value.bytes().all(|b| b.is_ascii_digit()))
    .filter(|value| !value.is_empty())
    // Only digits, so what fails to parse is too large.
    .map_or(DEFAULT_MAX_AGE, |value| value.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;

  const METHODS: &str = "Access-Control-Allow-Methods";
  const HEADERS: &str = "Access-Control-Allow-Headers";
  const MAX_AGE: &str = "Access-Control-Max-Age";

  fn validate(
    request: (&str, &[(&str, &str)], CredentialsMode),
    answer: &[(&str, &str)],
  ) -> Result<PreflightGrant, String> {
    let (method, list, mode) = request;
    validate_preflight_response(method, &headers(list), mode, &headers(answer))
  }

  #[test]
  fn an_unusual_request_needs_one() {
    assert!(needs_preflight("PUT", &HeaderList::new()));
    assert!(needs_preflight("GET", &headers(&[("X", "1")])));
    assert!(!needs_preflight("GET", &headers(&[("Range", "bytes=5-")])));
  }

  #[test]
  fn the_preflight_names_what_is_asked() {
    let got = preflight_headers("PUT", &headers(&[("X-B", ""), ("X-A", "")]));
    let expected = headers(&[
      ("accept", "*/*"),
      ("access-control-request-method", "PUT"),
      ("access-control-request-headers", "x-a,x-b"),
    ]);
    assert_eq!(got, expected);
  }

  #[test]
  fn the_method_has_to_be_allowed() {
    let put: (&str, &[(&str, &str)], _) =
      ("PUT", &[], CredentialsMode::SameOrigin);
    assert!(validate(put, &[(METHODS, "GET, PUT")]).is_ok());
    assert!(validate(put, &[(METHODS, "*")]).is_ok());
    assert!(validate(put, &[(METHODS, "put")]).is_err());
    assert!(validate(put, &[]).is_err());
    assert!(validate(put, &[(METHODS, "PUT;")]).is_err());
    let with_credentials = ("PUT", put.1, CredentialsMode::Include);
    assert!(validate(with_credentials, &[(METHODS, "*")]).is_err());
  }

  #[test]
  fn every_unsafe_header_has_to_be_allowed() {
    let list: &[(&str, &str)] = &[("X-A", "1"), ("X-B", "2")];
    let get = ("GET", list, CredentialsMode::SameOrigin);
    assert!(validate(get, &[(HEADERS, "x-b, X-a")]).is_ok());
    assert!(validate(get, &[(HEADERS, "*")]).is_ok());
    assert!(validate(get, &[(HEADERS, "x-a")]).is_err());
    let with_credentials = ("GET", list, CredentialsMode::Include);
    assert!(validate(with_credentials, &[(HEADERS, "*")]).is_err());
  }

  #[test]
  fn a_star_does_not_stand_for_authorization() {
    let list: &[(&str, &str)] = &[("Authorization", "x")];
    let get = ("GET", list, CredentialsMode::SameOrigin);
    assert!(validate(get, &[(HEADERS, "*")]).is_err());
    assert!(validate(get, &[(HEADERS, "*, authorization")]).is_ok());
  }

  #[test]
  fn a_grant_lasts_as_long_as_it_says_within_limits() {
    let age = |answer: &[(&str, &str)]| {
      let get: (&str, &[(&str, &str)], _) = ("GET", &[], CredentialsMode::Omit);
      validate(get, answer).unwrap().max_age
    };
    assert_eq!(age(&[]), 5);
    assert_eq!(age(&[(MAX_AGE, "60")]), 60);
    assert_eq!(age(&[(MAX_AGE, "-1")]), 5);
    assert_eq!(age(&[(MAX_AGE, "99999999999999999999")]), 7200);
  }
}
