//! [CORS-preflight cache](https://fetch.spec.whatwg.org/#concept-cache)

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::spec::HeaderList;
use crate::spec::PreflightGrant;
use crate::spec::cors_unsafe_request_header_names;
use crate::spec::is_cors_non_wildcard_request_header_name;
use crate::spec::is_cors_safelisted_method;

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PreflightKey {
  /// The network partition key: the site of the page.
  pub partition: String,
  /// The byte-serialized origin.
  pub origin: String,
  pub url: Url,
}

struct Entry {
  key: PreflightKey,
  /// Whether the credentials mode was "include".
  credentials: bool,
  expires: Instant,
  grant: PreflightGrant,
}

/// What servers have allowed of late.
#[derive(Default)]
pub(super) struct PreflightCache {
  entries: Vec<Entry>,
}

impl PreflightCache {
  /// Whether the request needs no preflight: the condition of
  /// [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch), step 4.1,
  /// negated.
  pub(crate) fn allows(
    &self,
    key: &PreflightKey,
    credentials: bool,
    method: &str,
    headers: &HeaderList,
    now: Instant,
  ) -> bool {
    // https://fetch.spec.whatwg.org/#concept-cache-match
    let grants = || {
      self.entries.iter().filter(move |entry| {
        entry.key == *key
          && entry.expires > now
          && (entry.credentials || !credentials)
      })
    };
    let method_matches = is_cors_safelisted_method(method)
      || grants().any(|entry| {
        let mut methods = entry.grant.methods.iter();
        methods.any(|m| m == method || (m == "*" && !credentials))
      });
    let name_matches = |name: &String| {
      let wildcard =
        !credentials && !is_cors_non_wildcard_request_header_name(name);
      grants().any(|entry| {
        let mut names = entry.grant.header_names.iter();
        names.any(|n| n.eq_ignore_ascii_case(name) || (n == "*" && wildcard))
      })
    };
    method_matches
      && cors_unsafe_request_header_names(headers)
        .iter()
        .all(name_matches)
  }

  /// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch),
  /// steps 7.12 to 7.15: remembers what a preflight has allowed.
  pub(crate) fn insert(
    &mut self,
    key: PreflightKey,
    credentials: bool,
    grant: PreflightGrant,
    now: Instant,
  ) {
    self.entries.retain(|entry| {
      let replaced = entry.key == key && entry.credentials == credentials;
      entry.expires > now && !replaced
    });
    if self.entries.len() >= MAX_ENTRIES {
      self.entries.remove(0);
    }
    let expires = now + Duration::from_secs(grant.max_age);
    self.entries.push(Entry {
      key,
      credentials,
      expires,
      grant,
    });
  }

  /// [Clear cache entries](https://fetch.spec.whatwg.org/#concept-cache-clear)
  pub(crate) fn clear(&mut self, key: &PreflightKey) {
    self.entries.retain(|entry| entry.key != *key);
  }
}

/// Beyond this, the oldest is forgotten: the search is linear.
const MAX_ENTRIES: usize = 256;

#[cfg(test)]
mod tests {
  use super::*;

  fn key() -> PreflightKey {
    PreflightKey {
      partition: "https://page.test".into(),
      origin: "https://page.test".into(),
      url: Url::parse("https://api.test/").unwrap(),
    }
  }

  fn grant(methods: &[&str]) -> PreflightGrant {
    PreflightGrant {
      methods: methods.iter().map(|m| m.to_string()).collect(),
      header_names: vec!["x-a".into()],
      max_age: 10,
    }
  }

  #[test]
  fn a_grant_holds_for_its_key_its_words_and_its_time() {
    let now = Instant::now();
    let mut cache = PreflightCache::default();
    cache.insert(key(), false, grant(&["PUT"]), now);
    let none = HeaderList::new();
    assert!(cache.allows(&key(), false, "PUT", &none, now));
    assert!(!cache.allows(&key(), false, "PATCH", &none, now));
    assert!(!cache.allows(&key(), true, "PUT", &none, now));
    let later = now + Duration::from_secs(10);
    assert!(!cache.allows(&key(), false, "PUT", &none, later));
    let mut other = key();
    other.origin = "https://other.test".into();
    assert!(!cache.allows(&other, false, "PUT", &none, now));
    let mut list = HeaderList::new();
    list.append("X-A", "1");
    assert!(cache.allows(&key(), false, "PUT", &list, now));
    list.append("X-B", "1");
    assert!(!cache.allows(&key(), false, "PUT", &list, now));
    cache.clear(&key());
    assert!(!cache.allows(&key(), false, "PUT", &none, now));
  }
}
