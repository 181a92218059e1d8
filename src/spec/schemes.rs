//! Schemes, and which URLs are delivered securely.

use url::Host;
use url::Origin;
use url::Url;

/// Whether the scheme is an
/// [HTTP(S) scheme](https://fetch.spec.whatwg.org/#http-scheme).
pub fn is_http_scheme(url: &Url) -> bool {
  matches!(url.scheme(), "http" | "https")
}

/// [Is origin potentially trustworthy?](https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy)
pub fn is_potentially_trustworthy_origin(origin: &Origin) -> bool {
  // Steps 1 and 2: an opaque origin is never trustworthy.
  let Origin::Tuple(scheme, host, _) = origin else {
    return false;
  };
  // Step 3: a scheme with TLS always is.
  if matches!(scheme.as_str(), "https" | "wss") {
    return true;
  }
  // Steps 4 to 7: `file:` has an opaque origin here.
  is_loopback(host)
}

/// [Is url potentially trustworthy?](https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy)
pub fn is_potentially_trustworthy_url(url: &Url) -> bool {
  // Step 1: a blank document is trustworthy,
  matches!(url.as_str(), "about:blank" | "about:srcdoc")
    // Step 2: so is what the URL itself holds,
    || url.scheme() == "data"
    // Step 3: and otherwise what its origin is.
    || is_potentially_trustworthy_origin(&url.origin())
}

/// Whether the host is this machine: the algorithm for origins, steps 4 and 5.
fn is_loopback(host: &Host) -> bool {
  match host {
    Host::Ipv4(address) => address.is_loopback(),
    Host::Ipv6(address) => address.is_loopback(),
    Host::Domain(domain) => is_localhost(domain),
  }
}

/// Whether a host name is this machine's, or below it. Such a name is trusted
/// without encryption, so it must never be resolved to another machine:
/// [RFC 6761, section 6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3).
pub fn is_localhost(domain: &str) -> bool {
  let domain = domain.strip_suffix('.').unwrap_or(domain);
  domain == "localhost" || domain.ends_with(".localhost")
}

/// [Should fetching request be blocked as mixed content?](https://w3c.github.io/webappsec-mixed-content/#should-block-fetch)
///
/// `client` is the URL of the page or worker that asks.
pub fn should_be_blocked_as_mixed_content(client: &Url, url: &Url) -> bool {
  // Step 1.1: A page that is not secure itself restricts nothing.
  is_potentially_trustworthy_origin(&client.origin())
    // Step 1.2: a secure page may not fetch from an insecure place.
    && !is_potentially_trustworthy_url(url)
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::url;

  #[test]
  fn secure_and_loopback_urls_are_trustworthy() {
    for text in [
      "https://example.com",
      "wss://example.com",
      "http://127.0.0.1:81",
      "http://127.9.9.9",
      "http://[::1]",
      "http://localhost",
      "http://LOCALHOST.:1",
      "http://a.localhost",
      "data:,x",
      "about:blank",
    ] {
      assert!(is_potentially_trustworthy_url(&url(text)), "{text}");
    }
  }

  #[test]
  fn others_are_not() {
    for text in [
      "http://example.com",
      "http://128.0.0.1",
      "http://[::2]",
      "http://localhost.example.com",
      "http://notlocalhost",
      "ftp://example.com",
      "about:config",
    ] {
      assert!(!is_potentially_trustworthy_url(&url(text)), "{text}");
    }
  }

  #[test]
  fn mixed_content_is_an_insecure_url_on_a_secure_page() {
    let blocked =
      |page, text| should_be_blocked_as_mixed_content(&url(page), &url(text));
    assert!(blocked("https://a.test", "http://b.test"));
    assert!(!blocked("https://a.test", "https://b.test"));
    assert!(!blocked("https://a.test", "http://localhost:8000"));
    assert!(!blocked("http://a.test", "http://b.test"));
  }
}
