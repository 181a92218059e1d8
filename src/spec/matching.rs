//! Whether a request is the one that was asked for.

use serde::Deserialize;
use serde::Serialize;
use url::Position;
use url::Url;

use super::request::Request;
use super::response::Response;

/// [`CacheQueryOptions`](https://w3c.github.io/ServiceWorker/#dictdef-cachequeryoptions)
#[derive(
  Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase", default)]
pub struct CacheQueryOptions {
  pub ignore_search: bool,
  pub ignore_method: bool,
  pub ignore_vary: bool,
}

/// [Request matches cached item](https://w3c.github.io/ServiceWorker/#request-matches-cached-item).
///
/// `request` and `response` are the record's. A record of another method than
/// `GET` is found with `ignore_method` only, whatever the query's method.
pub fn request_matches_cached_item(
  request_query: &Request,
  request: &Request,
  response: Option<&Response>,
  options: CacheQueryOptions,
) -> bool {
  // Step 1: only a `GET` is found, unless the method is ignored.
  if !options.ignore_method && !request.is_get() {
    return false;
  }
  // Steps 2 to 5: the URLs have to be equal, as far as they are compared.
  if compared_part(&request_query.url, options)
    != compared_part(&request.url, options)
  {
    return false;
  }
  // Step 6: without a response or a `Vary` there is no more to compare.
  let Some(response) = response else {
    return true;
  };
  if options.ignore_vary {
    return true;
  }
  // Step 7: the header names that the response varies by.
  let field_values = response
    .filtered_headers()
    .into_iter()
    .flat_map(|headers| headers.values("vary"))
    .flat_map(|value| value.split(','))
    .map(|value| value.trim_matches([' ', '\t']))
    .filter(|value| !value.is_empty());
  // Step 8: each of them has to have the same value.
  for field_value in field_values {
    // Step 8.1: `*`, or a value that differs, does not match.
    if field_value == "*"
      || request.headers.get(field_value)
        != request_query.headers.get(field_value)
    {
      return false;
    }
  }
  // Step 9: nothing has differed.
  true
}

/// What of a URL is compared: all but its fragment, and but its query when that
/// is ignored.
pub(crate) fn compared_part(url: &Url, options: CacheQueryOptions) -> &str {
  if options.ignore_search {
    &url[..Position::AfterPath]
  } else {
    &url[..Position::AfterQuery]
  }
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;
  use crate::spec::test_support::response;
  use crate::spec::test_support::url;

  const STRICT: CacheQueryOptions = CacheQueryOptions {
    ignore_search: false,
    ignore_method: false,
    ignore_vary: false,
  };

  fn get(text: &str) -> Request {
    Request::get(url(text))
  }

  fn matches(query: &str, record: &str, options: CacheQueryOptions) -> bool {
    request_matches_cached_item(&get(query), &get(record), None, options)
  }

  #[test]
  fn the_url_decides_without_its_fragment() {
    assert!(matches("https://a.test/x#1", "https://a.test/x#2", STRICT));
    assert!(!matches("https://a.test/x", "https://a.test/y", STRICT));
    assert!(!matches("https://a.test/x", "https://b.test/x", STRICT));
  }

  #[test]
  fn the_query_counts_unless_ignored() {
    let ignore_search = CacheQueryOptions {
      ignore_search: true,
      ..STRICT
    };
    let (query, record) = ("https://a.test/x", "https://a.test/x?id=3");
    assert!(!matches(query, record, STRICT));
    assert!(!matches(query, "https://a.test/x?", STRICT));
    assert!(matches(query, record, ignore_search));
    assert!(matches(record, query, ignore_search));
    assert!(!matches(record, "https://a.test/y", ignore_search));
  }

  #[test]
  fn a_record_of_another_method_is_found_only_with_ignore_method() {
    let query = get("https://a.test/x");
    let mut record = query.clone();
    record.method = "PUT".into();
    let ignore_method = CacheQueryOptions {
      ignore_method: true,
      ..STRICT
    };
    assert!(!request_matches_cached_item(&query, &record, None, STRICT));
    assert!(request_matches_cached_item(
      &query,
      &record,
      None,
      ignore_method
    ));
  }

  #[test]
  fn vary_compares_the_headers_it_names() {
    let mut record = get("https://a.test/x");
    record.headers = headers(&[("Accept", "a"), ("accept", "b"), ("X", "1")]);
    let mut query = get("https://a.test/x");
    query.headers = headers(&[("ACCEPT", "a, b"), ("X", "2")]);
    let matches = |vary: &str, options| {
      let response = response(200, &[("Vary", vary)]);
      request_matches_cached_item(&query, &record, Some(&response), options)
    };
    assert!(matches("accept", STRICT));
    assert!(matches("accept, absent", STRICT));
    assert!(!matches("accept, x", STRICT));
    assert!(!matches("*", STRICT));
    assert!(!matches("absent ,\t*", STRICT));
    let ignore_vary = CacheQueryOptions {
      ignore_vary: true,
      ..STRICT
    };
    assert!(matches("accept, x", ignore_vary));
  }
}
