//! What shows servers the caller. It goes to the hosts it is for, and is never
//! stored or logged.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Origin;
use url::Url;

/// The secret headers of every origin.
#[derive(Default)]
pub struct SecretHeaders {
  /// For one URL, or for every other one of its origin.
  by_url: HashMap<Url, Vec<(String, String)>>,
  by_origin: HashMap<Origin, Vec<(String, String)>>,
  netrc: Option<netrc::Netrc>,
}

impl SecretHeaders {
  pub fn with_netrc(netrc: Option<netrc::Netrc>) -> Self {
    Self {
      netrc,
      ..Self::default()
    }
  }

  pub fn is_empty(&self) -> bool {
    self.by_origin.is_empty() && self.netrc.is_none()
  }

  /// `headers` are for `url`, and for what of its origin it redirects to that
  /// has none of its own.
  pub fn add(&mut self, url: &Url, headers: &[(String, String)]) {
    self.by_url.insert(url.clone(), headers.to_vec());
    if headers.is_empty() {
      return;
    }
    let origin = self.by_origin.entry(url.origin());
    origin.or_insert_with(|| headers.to_vec());
  }

  /// Keeps no more than what is needed: that a URL has none means nothing where
  /// no other has some.
  pub fn shrink(&mut self) {
    if self.by_origin.is_empty() {
      self.by_url = HashMap::new();
    }
  }

  /// What is sent to `url`.
  pub fn for_url(&self, url: &Url) -> Vec<(String, String)> {
    let own = self
      .by_url
      .get(url)
      .or_else(|| self.by_origin.get(&url.origin()));
    let mut headers = own.cloned().unwrap_or_default();
    let has =
      |(name, _): &(String, String)| name.eq_ignore_ascii_case("authorization");
    if !headers.iter().any(has)
      && let Some(netrc) = &self.netrc
      && let Some(host) = url.host_str()
      && let Some(machine) =
        netrc.hosts.get(host).or_else(|| netrc.hosts.get("default"))
    {
      headers.push(basic(&machine.login, &machine.password));
    }
    headers
  }
}

/// The header for a user and a password: RFC 7617.
pub fn basic(user: &str, password: &str) -> (String, String) {
  let pair = STANDARD.encode(format!("{user}:{password}"));
  ("authorization".to_string(), format!("Basic {pair}"))
}

/// Takes user and password out of `url`.
pub fn taken_from(url: &mut Url) -> Option<(String, String)> {
  let decoded = |text: &str| crate::file_names::percent_decoded(text);
  let user = decoded(url.username());
  let password = decoded(url.password().unwrap_or_default());
  // A URL that has them has a host, so neither fails.
  let _ = url.set_username("");
  let _ = url.set_password(None);
  (!user.is_empty() || !password.is_empty()).then_some((user, password))
}

/// Whether what a header says is a secret.
pub fn is_secret(name: &str) -> bool {
  let name = name.to_ascii_lowercase();
  [
    "auth",
    "cookie",
    "token",
    "key",
    "secret",
    "password",
    "credential",
  ]
  .iter()
  .any(|word| name.contains(word))
}

/// `url` for a log: without a password, and without what a signature in its
/// query would let others do.
pub fn without_secrets(url: &Url) -> String {
  let mut url = url.clone();
  taken_from(&mut url);
  // Some carry a token there, and none is ever sent.
  url.set_fragment(None);
  if url.query().is_some() {
    let pairs: Vec<(String, String)> = url
      .query_pairs()
      .map(|(name, value)| match is_secret_parameter(&name) {
        true => (name.into_owned(), "hidden".to_string()),
        false => (name.into_owned(), value.into_owned()),
      })
      .collect();
    if pairs.iter().any(|(_, value)| value == "hidden") {
      url.query_pairs_mut().clear().extend_pairs(pairs);
    }
  }
  url.to_string()
}

fn is_secret_parameter(name: &str) -> bool {
  let lower = name.to_ascii_lowercase();
  let of_parameters = ["sig", "session", "jwt", "passw"];
  is_secret(&lower)
    || lower == "policy"
    || of_parameters.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
  use super::*;

  fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
  }

  #[test]
  fn credentials_go_to_their_own_host_only() {
    let mut typed = url("https://u:p%40@a.test/x");
    let (user, password) = taken_from(&mut typed).unwrap();
    assert_eq!(typed.as_str(), "https://a.test/x");
    let mut secrets = SecretHeaders::default();
    secrets.add(&typed, &[basic(&user, &password)]);
    let sent = secrets.for_url(&url("https://a.test/redirected"));
    assert_eq!(sent, [("authorization".into(), "Basic dTpwQA==".into())]);
    assert!(secrets.for_url(&url("https://b.test/x")).is_empty());
    assert!(secrets.for_url(&url("http://a.test/x")).is_empty());
  }

  #[test]
  fn netrc_is_for_hosts_that_have_nothing_else() {
    let netrc = "machine a.test login u password p".parse();
    let mut secrets = SecretHeaders::with_netrc(netrc.ok());
    let sent = secrets.for_url(&url("https://a.test/"));
    assert_eq!(sent, [("authorization".into(), "Basic dTpw".into())]);
    assert!(secrets.for_url(&url("https://b.test/")).is_empty());
    let own = ("Authorization".to_string(), "Bearer x".to_string());
    secrets.add(&url("https://a.test/"), std::slice::from_ref(&own));
    assert_eq!(secrets.for_url(&url("https://a.test/")), [own]);
  }

  #[test]
  fn signatures_are_hidden() {
    let signed = url("https://u:p@a.test/x?a=1&X-Amz-Signature=abc#f");
    assert_eq!(
      without_secrets(&signed),
      "https://a.test/x?a=1&X-Amz-Signature=hidden"
    );
    assert_eq!(
      without_secrets(&url("https://a.test/?q")),
      "https://a.test/?q"
    );
  }
}
