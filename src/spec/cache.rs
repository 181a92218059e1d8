//! What may be in a [cache](https://w3c.github.io/ServiceWorker/#cache-interface).

use super::matching::CacheQueryOptions;
use super::matching::request_matches_cached_item;
use super::request::Request;
use super::response::Response;
use super::response::ResponseType;
use super::schemes::is_http_scheme;

/// Whether a request may be put into a cache; the error is a message for the
/// `TypeError`. Of [`put()`](https://w3c.github.io/ServiceWorker/#cache-put)
/// step 4, of [`addAll()`](https://w3c.github.io/ServiceWorker/#cache-addAll)
/// steps 3 and 5.3.
pub fn may_cache_request(request: &Request) -> Result<(), String> {
  // Step 4: "If innerRequest's url's scheme is not one of "http" and "https",
  // or innerRequest's method is not `GET`"
  if !is_http_scheme(&request.url) {
    return Err(format!(
      "{} cannot be cached: its scheme is neither http nor https",
      request.url
    ));
  }
  if !request.is_get() {
    return Err(format!(
      "{} cannot be cached: the method of its request is {} and not GET",
      request.url, request.method
    ));
  }
  Ok(())
}

/// Whether a cache can have anything for `request`:
/// [`matchAll()`](https://w3c.github.io/ServiceWorker/#cache-matchall), 2.1,
/// and the same step of `match()`, `delete()` and `keys()`.
pub fn may_be_cached(request: &Request, options: CacheQueryOptions) -> bool {
  // Step 2.1.2: "If r's method is not `GET` and options.ignoreMethod is false,
  // return a promise resolved with an empty array."
  options.ignore_method || request.is_get()
}

/// Whether a response may be put into a cache: `put()`, steps 5 to 7.
pub fn may_cache_response(response: &Response) -> Result<(), String> {
  // An opaque response has the status 0 and no headers.
  if response.response_type == ResponseType::Opaque {
    return Ok(());
  }
  // Step 6: "If innerResponse's status is 206"
  if response.status == 206 {
    return Err("a partial response (206) cannot be cached".to_string());
  }
  // Step 7: "If innerResponse's header list contains a header named `Vary`" and
  // one of its values is "*"
  let vary = response.internal_headers().get("vary").unwrap_or_default();
  if vary.split(',').any(|value| value.trim() == "*") {
    return Err(
      "a response with `Vary: *` matches no request, so it cannot be cached"
        .to_string(),
    );
  }
  Ok(())
}

/// Whether what was fetched for `add()` and `addAll()` may be put into a cache:
/// [`addAll()`](https://w3c.github.io/ServiceWorker/#cache-addAll), 5.8.
pub fn may_add_response(response: &Response) -> Result<(), String> {
  // Step 5.8.1: "response's status is not an ok status"; that of an opaque
  // response is 0.
  let is_opaque = response.response_type == ResponseType::Opaque;
  if is_opaque || !response.is_ok() {
    let url = response.url_list.last().map_or("", |url| url.as_str());
    let status = if is_opaque { 0 } else { response.status };
    return Err(format!(
      "{url} cannot be added to the cache: its status is {status}"
    ));
  }
  may_cache_response(response)
}

/// Whether two operations of one batch are about the same request:
/// [Batch Cache Operations](https://w3c.github.io/ServiceWorker/#batch-cache-operations),
/// 4.2.3: "If the result of running Query Cache with operation's request,
/// operation's options, and addedItems is not empty".
pub fn has_duplicates(items: &[(&Request, &Response)]) -> bool {
  let options = CacheQueryOptions::default();
  items.iter().enumerate().any(|(index, (request, _))| {
    items[..index].iter().any(|(added, response)| {
      request_matches_cached_item(request, added, Some(response), options)
    })
  })
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::spec::test_support::headers;
  use crate::spec::test_support::response;
  use crate::spec::test_support::url;

  #[test]
  fn only_what_is_got_over_http_can_be_cached() {
    let get = |text| may_cache_request(&Request::get(url(text)));
    assert!(get("http://a.test/").is_ok());
    assert!(get("https://a.test/?x#y").is_ok());
    assert!(get("data:,x").is_err());
    let mut post = Request::get(url("https://a.test/"));
    post.method = "POST".into();
    assert!(may_cache_request(&post).unwrap_err().contains("POST"));
  }

  #[test]
  fn a_part_and_what_varies_by_everything_cannot_be_cached() {
    assert!(may_cache_response(&response(200, &[])).is_ok());
    assert!(may_cache_response(&response(404, &[])).is_ok());
    assert!(may_cache_response(&response(206, &[])).is_err());
    let vary = |value| may_cache_response(&response(200, &[("Vary", value)]));
    assert!(vary("accept").is_ok());
    assert!(vary("*").is_err());
    assert!(vary("accept, *").is_err());
    for (status, headers) in [(206, &[][..]), (200, &[("Vary", "*")])] {
      let mut opaque = response(status, headers);
      opaque.response_type = ResponseType::Opaque;
      assert!(may_cache_response(&opaque).is_ok());
    }
  }

  #[test]
  fn what_is_added_has_an_ok_status_that_the_page_may_see() {
    assert!(may_add_response(&response(204, &[])).is_ok());
    assert!(may_add_response(&response(404, &[])).is_err());
    assert!(may_add_response(&response(206, &[])).is_err());
    let mut opaque = response(200, &[]);
    opaque.response_type = ResponseType::Opaque;
    assert!(may_add_response(&opaque).is_err());
  }

  #[test]
  fn a_batch_names_each_request_once() {
    let (a, b) = (url("https://a.test/1#x"), url("https://a.test/1#y"));
    let (a, b) = (Request::get(a), Request::get(b));
    let plain = response(200, &[]);
    let varies = response(200, &[("Vary", "accept")]);
    assert!(has_duplicates(&[(&a, &plain), (&b, &plain)]));
    let mut other = b.clone();
    other.headers = headers(&[("accept", "x")]);
    assert!(!has_duplicates(&[(&a, &varies), (&other, &varies)]));
    assert!(has_duplicates(&[(&a, &plain), (&other, &varies)]));
  }
}
