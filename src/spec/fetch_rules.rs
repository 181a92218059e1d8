//! What may be registered at all.

use url::Url;

use super::csp::parse_csp_list;
use super::csp::should_be_blocked_by_csp;
use super::ports::should_be_blocked_due_to_a_bad_port;
use super::request::Destination;
use super::schemes::is_http_scheme;

/// The page or worker that asks, where there is one.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
  pub url: &'a Url,
  /// The values of `Content-Security-Policy` that govern it.
  pub csp: &'a [String],
}

/// Whether `fetch()` takes a request for `url`; the error is a message for
/// the `TypeError` that it rejects with.
///
/// The specification has no such step. Web-platform-tests and browsers do
/// (see [issue 169](https://github.com/WICG/background-fetch/issues/169)): what
/// can never be fetched is refused at once. Mixed content is not: it
/// registers, and its record fails. `client` is `None` for a program that is
/// no page.
pub fn may_register(
  url: &Url,
  client: Option<Client<'_>>,
) -> Result<(), String> {
  if !is_http_scheme(url) {
    return Err(format!(
      "{url} cannot be fetched in the background: only http: and https: URLs \
       can"
    ));
  }
  if !url.username().is_empty() || url.password().is_some() {
    return Err(format!(
      "a URL for {} cannot be fetched in the background: it includes \
       credentials",
      url.host_str().unwrap_or_default()
    ));
  }
  if should_be_blocked_due_to_a_bad_port(url) {
    return Err(format!(
      "{url} cannot be fetched: its port is blocked, because it belongs to \
       another protocol"
    ));
  }
  if let Some(client) = client {
    let policies = parse_csp_list(client.csp);
    let blocked = should_be_blocked_by_csp(
      &policies,
      client.url,
      Destination::Empty,
      url,
      0,
    );
    if let Some(directive) = blocked {
      return Err(format!(
        "{url} cannot be fetched: the Content Security Policy's {directive} \
         does not allow it"
      ));
    }
  }
  Ok(())
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::url;

  fn at_the_door(text: &str, csp: &[&str]) -> Result<(), String> {
    let page = url("https://page.test/");
    let csp: Vec<String> = csp.iter().map(|s| s.to_string()).collect();
    let client = Client {
      url: &page,
      csp: &csp,
    };
    may_register(&url(text), Some(client))
  }

  #[test]
  fn http_and_loopback_and_mixed_content_register() {
    for text in [
      "https://example.com",
      "https://example.com:80",
      "http://127.0.0.1",
      "http://[::1]",
      "http://localhost",
      "http://example.com",
    ] {
      assert_eq!(at_the_door(text, &[]), Ok(()), "{text}");
    }
  }

  #[test]
  fn other_schemes_bad_ports_and_credentials_are_refused() {
    for text in [
      "wss:127.0.0.1",
      "file:///",
      "data:text/plain,foo",
      "foobar:bazqux",
      "https://example.com:587",
      "https://user@example.com",
      "https://:password@example.com",
    ] {
      assert!(at_the_door(text, &[]).is_err(), "{text}");
    }
  }

  #[test]
  fn no_password_is_repeated() {
    let error = at_the_door("https://me:hunter2@example.com", &[]).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
  }

  #[test]
  fn csp_refuses_for_a_page_and_not_for_a_program() {
    let none = "connect-src 'none'";
    assert!(at_the_door("https://example.com", &[none]).is_err());
    assert_eq!(may_register(&url("https://example.com"), None), Ok(()));
  }
}
