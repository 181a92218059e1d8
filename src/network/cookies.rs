//! Cookies: where they are kept, and which may be sent.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;

use cookie_store::RawCookie;
use cookie_store::StoreAction;
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
  /// program that is not a page.
  pub partition: &'a str,
  /// Whether this hop and all before it are of the page's site.
  pub same_site: bool,
}

/// Cookies in memory: gone with the process.
///
/// There is room for as many as Chromium has room for: 3,300 in all, 180 of
/// one registrable domain and partition, each of 4,096 bytes of name and
/// value. The one that was set the longest time ago makes room for another.
#[derive(Default)]
pub struct MemoryCookieStore {
  jar: Mutex<Jar>,
}

/// The cookies, and the order in which they were set.
#[derive(Default)]
struct Jar {
  partitions: HashMap<String, cookie_store::CookieStore>,
  /// The one that was set last is at the end.
  order: VecDeque<Known>,
  /// How many were created.
  created: u64,
}

/// A cookie of the jar.
struct Known {
  key: Key,
  /// Its number among all that were created. One that replaces another has
  /// that one's: RFC 6265, section 5.3, step 11.3.
  created: u64,
}

/// What tells a cookie from another.
#[derive(PartialEq, Eq)]
struct Key {
  partition: String,
  domain: String,
  path: String,
  name: String,
}

opaque_debug!(MemoryCookieStore);

impl Key {
  /// What the limit for one domain counts by.
  fn is_of_the_same_site(&self, other: &Self) -> bool {
    let site = |domain| psl::domain_str(domain).unwrap_or(domain);
    self.partition == other.partition
      && site(&self.domain) == site(&other.domain)
  }
}

impl Jar {
  fn set(
    &mut self,
    partition: &str,
    cookie: cookie_store::Cookie<'static>,
    url: &Url,
  ) {
    let key = Key {
      partition: partition.into(),
      domain: String::from(&cookie.domain),
      path: String::from(&cookie.path),
      name: cookie.name().into(),
    };
    let store = self.partitions.entry(partition.into()).or_default();
    // A cookie that does not fit the URL is passed over, as in a browser.
    let Ok(action) = store.insert(cookie, url) else {
      return;
    };
    let before = self.order.iter().position(|other| other.key == key);
    let before = before.and_then(|index| self.order.remove(index));
    if action == StoreAction::ExpiredExisting {
      return;
    }
    let same_site = |other: &Known| other.key.is_of_the_same_site(&key);
    if self.order.iter().filter(|o| same_site(o)).count() >= MAX_OF_DOMAIN {
      let oldest = self.order.iter().position(same_site);
      self.remove(oldest);
    }
    if self.order.len() >= MAX_COOKIES {
      self.remove(Some(0));
    }
    let created = before.map_or(self.created, |before| before.created);
    self.created += 1;
    self.order.push_back(Known { key, created });
  }

  /// When the cookies of `partition` were created, by domain, path and name.
  fn ages(&self, partition: &str) -> HashMap<(&str, &str, &str), u64> {
    let known = self.order.iter();
    let known = known.filter(|known| known.key.partition == partition);
    let ages = known.map(|Known { key, created }| {
      ((&*key.domain, &*key.path, &*key.name), *created)
    });
    ages.collect()
  }

  fn remove(&mut self, index: Option<usize>) {
    let known = index.and_then(|index| self.order.remove(index));
    if let Some(Known { key, .. }) = known
      && let Some(store) = self.partitions.get_mut(&key.partition)
    {
      store.remove(&key.domain, &key.path, &key.name);
      if store.iter_any().next().is_none() {
        self.partitions.remove(&key.partition);
      }
    }
  }
}

/// In all; Chromium's
/// [`kMaxCookies`](https://source.chromium.org/chromium/chromium/src/+/main:net/cookies/cookie_monster.h).
const MAX_COOKIES: usize = 3300;
/// Of one registrable domain and partition; Chromium's
/// [`kDomainMaxCookies`](https://source.chromium.org/chromium/chromium/src/+/main:net/cookies/cookie_monster.h).
const MAX_OF_DOMAIN: usize = 180;
/// Of name and value together, in bytes:
/// [RFC 6265bis, section 5.6](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6).
const MAX_NAME_AND_VALUE: usize = 4096;
/// Of the value of an attribute, in bytes: same section.
const MAX_ATTRIBUTE: usize = 1024;

impl MemoryCookieStore {
  /// An empty store.
  pub fn new() -> Self {
    Self::default()
  }
}

impl CookieStore for MemoryCookieStore {
  fn cookies(&self, context: &CookieContext<'_>) -> Option<String> {
    let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
    let store = jar.partitions.get(context.partition)?;
    let mut cookies = store.matches(context.url);
    cookies.retain(|cookie| context.same_site || is_for_cross_site(cookie));
    // RFC 6265, section 5.4, step 2: the more specific path comes first, and
    // of two the one that was created first.
    let ages = jar.ages(context.partition);
    cookies.sort_by_key(|cookie| {
      let domain = String::from(&cookie.domain);
      let path = String::from(&cookie.path);
      let age = ages.get(&(&*domain, &*path, cookie.name()));
      (Reverse(path.len()), age.copied())
    });
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
    let parsed =
      cookie_store::Cookie::try_from_raw_cookie(&cookie, context.url);
    if let Ok(cookie) = parsed {
      let mut jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
      jar.set(context.partition, cookie.into_owned(), context.url);
    }
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
  if cookie.name().len() + cookie.value().len() > MAX_NAME_AND_VALUE {
    return false;
  }
  // A path that is too long counts as none, which would widen the cookie.
  let attributes = [cookie.path(), cookie.domain()];
  if attributes.iter().flatten().any(|a| a.len() > MAX_ATTRIBUTE) {
    return false;
  }
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
  fn of_two_cookies_the_one_that_was_created_first_comes_first() {
    let names = ["c", "b", "z", "a", "y", "d"];
    let set: Vec<_> = names.iter().map(|name| format!("{name}=1")).collect();
    let mut set: Vec<_> = set.iter().map(|cookie| (A, &**cookie)).collect();
    // One that is set once more keeps its place.
    set.push((A, "b=2"));
    let expected = "c=1; b=2; z=1; a=1; y=1; d=1";
    assert_eq!(sent(&set, A, true).as_deref(), Some(expected));
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

  fn kept(store: &MemoryCookieStore, partition: &str, url: &str) -> usize {
    let context = CookieContext {
      url: &Url::parse(url).unwrap(),
      partition,
      same_site: true,
    };
    let cookies = store.cookies(&context).unwrap_or_default();
    cookies.split("; ").filter(|c| !c.is_empty()).count()
  }

  #[test]
  fn one_domain_has_room_for_so_many_and_the_oldest_goes_first() {
    let set: Vec<String> = (0..1000).map(|i| format!("c{i}=1")).collect();
    let set: Vec<(&str, &str)> = set.iter().map(|c| (A, &c[..])).collect();
    let cookies = sent(&set, A, true).unwrap();
    let mut cookies: Vec<&str> = cookies.split("; ").collect();
    cookies.sort();
    assert_eq!(cookies.len(), MAX_OF_DOMAIN);
    assert!(cookies.contains(&"c999=1") && !cookies.contains(&"c819=1"));
    // Set again, a cookie is new again.
    let again = [&set[..180], &set[..1], &set[999..]].concat();
    let cookies = sent(&again, A, true).unwrap();
    assert!(cookies.split("; ").any(|c| c == "c0=1"), "{cookies}");
    assert!(!cookies.split("; ").any(|c| c == "c1=1"), "{cookies}");
  }

  #[test]
  fn sites_below_one_domain_share_its_room() {
    let store = MemoryCookieStore::new();
    for i in 0..400 {
      let url = Url::parse(&format!("https://h{i}.example.com/")).unwrap();
      store.set_cookie(&context(&url, true), "a=1; Domain=example.com");
      store.set_cookie(&context(&url, true), "b=1");
    }
    let jar = store.jar.lock().unwrap();
    assert_eq!(jar.order.len(), MAX_OF_DOMAIN);
  }

  #[test]
  fn all_have_room_for_so_many_and_no_partition_is_left_behind() {
    let store = MemoryCookieStore::new();
    for i in 0..MAX_COOKIES + 100 {
      let url = Url::parse(A).unwrap();
      let context = CookieContext {
        url: &url,
        partition: &format!("https://page{i}.test"),
        same_site: true,
      };
      store.set_cookie(&context, "a=1");
    }
    assert_eq!(store.jar.lock().unwrap().order.len(), MAX_COOKIES);
    assert_eq!(store.jar.lock().unwrap().partitions.len(), MAX_COOKIES);
    assert_eq!(kept(&store, "https://page99.test", A), 0);
    assert_eq!(kept(&store, "https://page100.test", A), 1);
  }

  #[test]
  fn a_cookie_has_a_largest_size() {
    let of = |length: usize| format!("a={}", "x".repeat(length - 1));
    assert!(sent(&[(A, &of(4096))], A, true).is_some());
    assert_eq!(sent(&[(A, &of(4097))], A, true), None);
    let path = format!("a=1; Path=/{}", "x".repeat(2000));
    assert_eq!(sent(&[(A, &path)], A, true), None);
  }

  #[test]
  fn a_cookie_that_is_deleted_takes_no_room() {
    let store = MemoryCookieStore::new();
    let url = Url::parse(A).unwrap();
    for _ in 0..3 {
      store.set_cookie(&context(&url, true), "a=1");
      store.set_cookie(&context(&url, true), "a=1; Max-Age=0");
    }
    assert!(store.jar.lock().unwrap().order.is_empty());
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
