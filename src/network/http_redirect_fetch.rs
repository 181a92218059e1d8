//! [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch)

use futures::FutureExt;
use futures::future::BoxFuture;
use url::Url;

use super::NetworkError;
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::fetch::ResponseTainting;
use super::main_fetch::main_fetch_recursive;
use super::route::authority;
use crate::spec::REDIRECT_LIMIT;
use crate::spec::RequestMode;
use crate::spec::becomes_get;
use crate::spec::delete_request_body_headers;
use crate::spec::is_http_scheme;
use crate::spec::location_url;
use crate::spec::parse_referrer_policy;

/// [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#concept-http-redirect-fetch)
pub(super) fn http_redirect_fetch(
  fetch: &mut Fetch,
  response: InternalResponse,
) -> BoxFuture<'_, Result<InternalResponse, NetworkError>> {
  async move {
    // Steps 3 and 5: where the redirect leads; one that cannot be parsed is an
    // error.
    let location = location_url(
      response.status,
      &response.headers,
      &fetch.request.url,
      fetch.request.url.fragment(),
    )
    .map_err(|_| {
      let authority = authority(&fetch.request.url);
      let message = format!("{authority} redirects to what is not a URL");
      NetworkError::bad_answer(message)
    })?;
    // Step 4: without a location it is a response like any other.
    let Some(location_url) = location else {
      return Ok(response);
    };
    let status = response.status;
    let new_policy = parse_referrer_policy(&response.headers);
    // The connection serves the next hop only when the body is done with; a
    // redirect's body is of no use.
    drop(response);
    // Steps 6 to 10: refuse a redirect that may not be followed.
    may_follow(fetch, &location_url)
      .map_err(|reason| redirect_error(fetch, reason))?;
    fetch.redirect_count += 1;
    // Step 11: a body that is a stream cannot be sent a second time.
    if status != 303 && !fetch.can_send_again() {
      return Err(redirect_error(
        fetch,
        "the body of the request is a stream, which cannot be sent again",
      ));
    }
    // Step 12: some redirects turn the request into a GET.
    if becomes_get(status, &fetch.request.method) {
      // Step 12.1: it has no body any more.
      fetch.request.method = "GET".into();
      fetch.request.body_length = None;
      fetch.body = None;
      // Step 12.2: nor the headers that describe one.
      delete_request_body_headers(&mut fetch.request.headers);
    }
    // Step 13: credentials of the author are not for another origin.
    if fetch.request.url.origin() != location_url.origin() {
      fetch.request.headers.delete("authorization");
      // A program may set these itself; they were for the host it named.
      fetch.request.headers.delete("proxy-authorization");
      fetch.request.headers.delete("cookie");
      fetch.request.headers.delete("host");
    }
    // Step 18: the target joins the URL list.
    fetch.request.url = location_url.clone();
    fetch.url_list.push(location_url);
    // Step 19: the redirect may bring a new referrer policy.
    if let Some(policy) = new_policy {
      fetch.referrer_policy = policy;
    }
    // Steps 20 and 22: the next hop is a main fetch, as a part of this one.
    main_fetch_recursive(fetch).await
  }
  .boxed()
}

/// Steps 6, 7, 9 and 10: whether the redirect may be followed.
fn may_follow(fetch: &Fetch, location_url: &Url) -> Result<(), &'static str> {
  // Step 6: only to an HTTP(S) scheme.
  if !is_http_scheme(location_url) {
    return Err("its target is neither http: nor https:");
  }
  // Step 7: not more often than the limit.
  if fetch.redirect_count >= REDIRECT_LIMIT {
    return Err("it is one more than the 20 that are followed");
  }
  let includes_credentials =
    !location_url.username().is_empty() || location_url.password().is_some();
  if !fetch.is_browser() || !includes_credentials {
    return Ok(());
  }
  // Step 9: in CORS mode, credentials in a URL of another origin are refused.
  if fetch.request.mode == RequestMode::Cors
    && fetch.origin != location_url.origin()
  {
    return Err("its target includes credentials for another origin");
  }
  // Step 10: after a CORS hop, credentials in any URL are.
  if fetch.response_tainting == ResponseTainting::Cors {
    return Err("its target includes credentials");
  }
  Ok(())
}

fn redirect_error(fetch: &Fetch, reason: &str) -> NetworkError {
  let authority = authority(&fetch.request.url);
  NetworkError::refused(format!(
    "the redirect from {authority} is not followed: {reason}"
  ))
}
