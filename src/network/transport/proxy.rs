//! The proxies: which one a request goes through, and what it is called in
//! errors.
//!
//! A setting that is not understood is an error. To pass over it would send
//! requests straight to their servers, past the proxy that was meant.

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use crate::network::NetworkConfigError;
use crate::network::Proxy;

/// The proxies of a network, and the hosts that are reached without one.
pub(super) struct Proxies {
  http: Option<Url>,
  https: Option<Url>,
  /// As in `NO_PROXY`.
  exceptions: String,
  /// Intercepts every URL but those of the exceptions.
  intercepts: Matcher,
}

impl Proxies {
  pub(crate) fn new(proxy: &Proxy) -> Result<Self, NetworkConfigError> {
    match proxy {
      Proxy::Environment => {
        Self::from_variables(|name| match std::env::var(name) {
          Ok(value) => Some(value),
          Err(std::env::VarError::NotPresent) => None,
          // Shown in the error that it leads to.
          Err(std::env::VarError::NotUnicode(value)) => {
            Some(value.to_string_lossy().into())
          }
        })
      }
      Proxy::Direct => Ok(Self::rules(None, None, String::new())),
      Proxy::Url(url) => {
        let proxy = parse("the proxy", url)?;
        Ok(Self::rules(Some(proxy.clone()), Some(proxy), String::new()))
      }
    }
  }

  /// As curl reads them: an empty variable counts as one that is not there,
  /// and lower case comes first.
  fn from_variables(
    variable: impl Fn(&str) -> Option<String>,
  ) -> Result<Self, NetworkConfigError> {
    let first = |names: &[&'static str]| {
      names.iter().find_map(|name| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.map(|value| (*name, value))
      })
    };
    let proxy = |names: &[&'static str]| {
      first(names)
        .map(|(name, value)| parse(name, &value))
        .transpose()
    };
    // In a CGI script HTTP_PROXY is the client's `Proxy` header.
    let http = match variable("REQUEST_METHOD") {
      Some(_) => proxy(&["http_proxy"])?,
      None => proxy(&["http_proxy", "HTTP_PROXY"])?,
    };
    let https = proxy(&["https_proxy", "HTTPS_PROXY"])?;
    let all = proxy(&["all_proxy", "ALL_PROXY"])?;
    let exceptions = first(&["no_proxy", "NO_PROXY"]);
    Ok(Self::rules(
      http.or_else(|| all.clone()),
      https.or(all),
      exceptions.map(|(_, value)| value).unwrap_or_default(),
    ))
  }

  fn rules(http: Option<Url>, https: Option<Url>, exceptions: String) -> Self {
    // The transport takes it for all names, and not for addresses.
    let (http, https) = match exceptions.split(',').any(|e| e.trim() == "*") {
      true => (None, None),
      false => (http, https),
    };
    let intercepts = Matcher::builder()
      .all("http://proxy.invalid")
      .no(exceptions.as_str())
      .build();
    Self {
      http,
      https,
      exceptions,
      intercepts,
    }
  }

  /// The proxy that a request to `url` goes through.
  pub(crate) fn of(&self, url: &Url) -> Option<&Url> {
    let proxy = match url.scheme() {
      "https" => self.https.as_ref(),
      _ => self.http.as_ref(),
    }?;
    let uri = url.as_str().parse().ok()?;
    self.intercepts.intercept(&uri).map(|_| proxy)
  }

  /// The same rules for the transport.
  pub(crate) fn apply(
    &self,
    builder: reqwest::ClientBuilder,
  ) -> Result<reqwest::ClientBuilder, NetworkConfigError> {
    // What the transport reads from the environment itself.
    let mut builder = builder.no_proxy();
    let exceptions = reqwest::NoProxy::from_string(&self.exceptions);
    type Rule = fn(Url) -> reqwest::Result<reqwest::Proxy>;
    let rules: [(_, Rule); 2] = [
      (&self.http, |url| reqwest::Proxy::http(url)),
      (&self.https, |url| reqwest::Proxy::https(url)),
    ];
    for (url, rule) in rules {
      if let Some(url) = url {
        let proxy = rule(url.clone()).map_err(NetworkConfigError::Client)?;
        builder = builder.proxy(proxy.no_proxy(exceptions.clone()));
      }
    }
    Ok(builder)
  }
}

const KINDS: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// The URL of a proxy; `http:` is understood when there is no scheme.
fn parse(setting: &str, value: &str) -> Result<Url, NetworkConfigError> {
  let invalid = |reason: String| NetworkConfigError::Proxy {
    setting: setting.into(),
    value: without_credentials(value),
    reason,
  };
  let trimmed = value.trim();
  if trimmed.contains(|c: char| c.is_whitespace() || c.is_control()) {
    return Err(invalid("there is a blank in it".into()));
  }
  let with_scheme = match trimmed.contains("://") {
    true => trimmed.to_string(),
    false => format!("http://{trimmed}"),
  };
  let url = Url::parse(&with_scheme).map_err(|e| invalid(e.to_string()))?;
  if !KINDS.contains(&url.scheme()) {
    return Err(invalid(format!(
      "proxies of the kind {}: are not supported, only http:, https:, socks5: \
       and socks5h: (which resolves names itself)",
      url.scheme()
    )));
  }
  // What the transport cannot read it would pass over.
  let read = Matcher::builder().all(url.as_str()).build();
  let anywhere = http::Uri::from_static("http://server.invalid/");
  match read.intercept(&anywhere) {
    Some(_) => Ok(url),
    None => Err(invalid("its host or its port is not one".into())),
  }
}

/// `value` without a user's name and password.
fn without_credentials(value: &str) -> String {
  match value.rsplit_once('@') {
    None => value.into(),
    Some((before, host)) => match before.split_once("://") {
      Some((scheme, _)) => format!("{scheme}://…@{host}"),
      None => format!("…@{host}"),
    },
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn proxies(
    variables: &[(&str, &str)],
  ) -> Result<Proxies, NetworkConfigError> {
    Proxies::from_variables(|wanted| {
      let found = variables.iter().find(|(name, _)| *name == wanted);
      found.map(|(_, value)| value.to_string())
    })
  }

  fn through(variables: &[(&str, &str)], url: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    let proxies = proxies(variables).unwrap();
    proxies.of(&url).map(|proxy| proxy.to_string())
  }

  const SERVER: &str = "http://server.test/x";

  #[test]
  fn a_proxy_is_read_as_people_write_it() {
    for value in [
      "http://127.0.0.1:3128",
      "http://127.0.0.1:3128/",
      "127.0.0.1:3128",
      "127.0.0.1:3128/",
      " 127.0.0.1:3128\n",
      "HTTP://127.0.0.1:3128/a/path",
    ] {
      let proxy = through(&[("http_proxy", value)], SERVER);
      let proxy = proxy.expect(value);
      assert!(proxy.starts_with("http://127.0.0.1:3128/"), "{proxy}");
    }
    let named = through(&[("http_proxy", "proxy:3128/")], SERVER);
    assert_eq!(named.as_deref(), Some("http://proxy:3128/"));
  }

  #[test]
  fn what_is_not_a_proxy_is_an_error_and_never_no_proxy() {
    for value in [
      "::::",
      " ",
      "http://",
      "http:// proxy:1",
      "proxy:port",
      "socks9://127.0.0.1:1080",
      "ftp://proxy",
      "http://proxy:99999",
    ] {
      for name in ["http_proxy", "HTTPS_PROXY", "all_proxy"] {
        let error = proxies(&[(name, value)]).err().expect(value);
        assert!(error.to_string().contains(name), "{error}");
      }
    }
  }

  #[test]
  fn no_password_is_repeated() {
    let value = "socks9://me:hunter2@proxy";
    let error = proxies(&[("all_proxy", value)]).err().unwrap().to_string();
    assert!(!error.contains("hunter2"), "{error}");
    assert!(error.contains("@proxy"), "{error}");
  }

  #[test]
  fn the_first_variable_that_is_not_empty_counts() {
    let both = [("http_proxy", ""), ("HTTP_PROXY", "two:1")];
    assert_eq!(through(&both, SERVER).as_deref(), Some("http://two:1/"));
    let all = [("all_proxy", "all:1"), ("http_proxy", "one:1")];
    assert_eq!(through(&all, SERVER).as_deref(), Some("http://one:1/"));
    let secure = "https://server.test";
    assert_eq!(through(&all, secure).as_deref(), Some("http://all:1/"));
    let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "evil:1")];
    assert_eq!(through(&cgi, SERVER), None);
    assert_eq!(through(&[("http_proxy", "")], SERVER), None);
  }

  #[test]
  fn exceptions_go_straight_to_the_server() {
    let variables = [
      ("all_proxy", "proxy:1"),
      ("no_proxy", "server.test,10.0.0.0/8,::1"),
    ];
    for direct in [SERVER, "https://a.server.test", "http://10.1.2.3:1/"] {
      assert_eq!(through(&variables, direct), None, "{direct}");
    }
    assert_eq!(through(&variables, "http://[::1]:8/"), None);
    assert!(through(&variables, "http://otherserver.test").is_some());
    for no_proxy in ["*", " * ", "a.test,*"] {
      let variables = [("all_proxy", "proxy:1"), ("no_proxy", no_proxy)];
      for direct in [SERVER, "http://127.0.0.1:1/", "https://[::1]/"] {
        assert_eq!(through(&variables, direct), None, "{no_proxy} {direct}");
      }
    }
  }
}
