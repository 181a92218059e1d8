//! Cookies: where they are kept, and which may be sent.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use cookie_store::RawCookie;
use url::Url;

/// Keeps the cookies of all pages.
///
/// Cookies are partitioned: those that a fetch for one site's page received
/// are never sent for another site's page.
pub trait CookieStore: Send + Sync {
  /// The value of the `Cookie` header, or `None` when there is nothing to
  /// send. See
  /// [append a request `Cookie` header](https://fetch.spec.whatwg.org/#append-a-request-cookie-header).
  fn cookies(&self, context: &CookieContext<'_>) -> Option<String>;

  /// Keeps a value of a `Set-Cookie` header. See
  /// [parse and store response `Set-Cookie` headers](https://fetch.spec.whatwg.org/#parse-and-store-response-set-cookie-headers).
  fn set_cookie(&self, context: &CookieContext<'_>, set_cookie: &str);
}

/// Where a cookie goes to or comes from.
#[derive(Clone, Copy, Debug)]
pub struct CookieContext<'a> {
  /// The URL of this hop.
  pub url: &'a Url,
  /// The site of the page or worker, `https://example.com`; empty for a
  /// program that is no page.
  pub partition: &'a str,
  /// Whether this hop and all before it are of the page's site.
  pub same_site: bool,
}

/// Cookies in memory: gone with the process.
#[derive(Default)]
pub struct MemoryCookieStore {
  partitions: Mutex<HashMap<String, cookie_store::CookieStore>>,
}

impl MemoryCookieStore {
  /// An empty store.
  pub fn new() -> Self {
    Self::default()
  }
}

impl CookieStore for MemoryCookieStore {
  fn cookies(&self, context: &CookieContext<'_>) -> Option<String> {
    let partitions = self
      .partitions
      .lock()
      .unwrap_or_else(PoisonError::into_inner);
    let store = partitions.get(context.partition)?;
    let mut cookies = store.matches(context.url);
    cookies.retain(|cookie| context.same_site || is_for_cross_site(cookie));
    // RFC 6265, section 5.4: the more specific path comes first.
    cookies.sort_by_key(|c| std::cmp::Reverse(c.path.len()));
    let pairs: Vec<String> = cookies
      .iter()
      .map(|c| format!("{}={}", c.name(), c.value()))
      .collect();
    (!pairs.is_empty()).then(|| pairs.join("; "))
  }

  fn set_cookie(&self, context: &CookieContext<'_>, set_cookie: &str) {
    let Ok(cookie) = RawCookie::parse(set_cookie.to_string()) else {
      return;
    };
    let cross_site = !context.same_site && !is_for_cross_site(&cookie);
    if cross_site || !may_be_set(&cookie, context.url) {
      return;
    }
    let mut partitions = self
      .partitions
      .lock()
      .unwrap_or_else(PoisonError::into_inner);
    let store = partitions.entry(context.partition.to_string()).or_default();
    // A cookie that does not fit the URL is passed over, as in a browser.
    let _ = store.insert_raw(&cookie, context.url);
  }
}

/// Whether a cookie crosses sites: only one that says so itself, and that no
/// network can read.
fn is_for_cross_site(cookie: &RawCookie<'_>) -> bool {
  cookie.secure() == Some(true)
    && cookie.same_site().is_some_and(|mode| mode.is_none())
}

/// The checks of
/// [RFC 6265bis, section 5.7](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7)
/// that the cookie crate leaves to its caller: the secure scheme, the name
/// prefixes, and public suffixes.
fn may_be_set(cookie: &RawCookie<'_>, url: &Url) -> bool {
  let secure = cookie.secure() == Some(true);
  if secure && url.scheme() != "https" {
    return false;
  }
  let name = cookie.name().to_ascii_lowercase();
  if name.starts_with("__secure-") && !secure {
    return false;
  }
  let host_only = cookie.domain().is_none_or(str::is_empty);
  if name.starts_with("__host-")
    && !(secure && host_only && cookie.path() == Some("/"))
  {
    return false;
  }
  let Some(domain) = cookie.domain() else {
    return true;
  };
  let domain = domain.trim_start_matches('.').to_ascii_lowercase();
  psl::domain_str(&domain).is_some() || url.host_str() == Some(&domain)
}

#[cfg(test)]
mod tests {
  use super::*;

  fn context(url: &Url, same_site: bool) -> CookieContext<'_> {
    CookieContext {
      url,
      partition: "https://page.test",
      same_site,
    }
  }

  fn sent(set: &[(&str, &str)], url: &str, same_site: bool) -> Option<String> {
    let store = MemoryCookieStore::new();
    for (from, set_cookie) in set {
      let from = Url::parse(from).unwrap();
      store.set_cookie(&context(&from, same_site), set_cookie);
    }
    store.cookies(&context(&Url::parse(url).unwrap(), same_site))
  }

  const A: &str = "https://www.example.com/dir/x";

  #[test]
  fn a_cookie_comes_back_to_its_host_and_path() {
    let set = [(A, "a=1; Path=/"), (A, "b=2")];
    assert_eq!(sent(&set, A, true).as_deref(), Some("b=2; a=1"));
    let other = "https://www.example.com/y";
    assert_eq!(sent(&set, other, true).as_deref(), Some("a=1"));
    assert_eq!(sent(&set, "https://example.org/", true), None);
  }

  #[test]
  fn across_sites_only_what_says_so_is_sent_or_kept() {
    let none = [(A, "a=1; SameSite=None; Secure"), (A, "b=2")];
    assert_eq!(sent(&none, A, false).as_deref(), Some("a=1"));
    assert_eq!(sent(&[(A, "a=1; SameSite=Lax")], A, false), None);
    assert_eq!(sent(&[(A, "a=1; SameSite=None")], A, false), None);
  }

  #[test]
  fn a_cookie_for_a_whole_suffix_is_refused() {
    let set = [(A, "a=1; Domain=com"), (A, "b=2; Domain=example.com")];
    assert_eq!(sent(&set, A, true).as_deref(), Some("b=2"));
  }

  #[test]
  fn prefixes_and_secure_are_kept_to() {
    let http = "http://www.example.com/dir/x";
    assert_eq!(sent(&[(http, "a=1; Secure")], A, true), None);
    assert_eq!(sent(&[(A, "a=1; Secure")], http, true), None);
    assert_eq!(sent(&[(A, "__Secure-a=1")], A, true), None);
    assert_eq!(sent(&[(A, "__Host-a=1; Secure")], A, true), None);
    let good = [(A, "__Host-a=1; Secure; Path=/")];
    assert_eq!(sent(&good, A, true).as_deref(), Some("__Host-a=1"));
  }

  #[test]
  fn another_pages_partition_is_another_jar() {
    let store = MemoryCookieStore::new();
    let url = Url::parse(A).unwrap();
    let context = |partition| CookieContext {
      url: &url,
      partition,
      same_site: true,
    };
    store.set_cookie(&context("https://one.test"), "a=1");
    assert!(store.cookies(&context("https://one.test")).is_some());
    assert!(store.cookies(&context("https://two.test")).is_none());
  }
}
