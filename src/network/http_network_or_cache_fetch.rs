//! [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch),
//! without a cache.

use super::NetworkError;
use super::cookies::CookieContext;
use super::decode::ACCEPT_ENCODING;
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::fetch::ResponseTainting;
use super::http_network_fetch::Connection;
use super::http_network_fetch::http_network_fetch;
use super::route::authority;
use super::route::proxy_authentication_required;
use crate::spec::CredentialsMode;
use crate::spec::Destination;
use crate::spec::HeaderList;
use crate::spec::ReferrerPolicy;
use crate::spec::RequestMode;
use crate::spec::is_potentially_trustworthy_url;
use crate::spec::same_site;

/// [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch)
pub(super) async fn http_network_or_cache_fetch(
  fetch: &Fetch,
) -> Result<InternalResponse, NetworkError> {
  // Step 8.3: whether credentials are included.
  let include_credentials = match fetch.request.credentials {
    CredentialsMode::Include => true,
    CredentialsMode::SameOrigin => {
      fetch.response_tainting == ResponseTainting::Basic
    }
    CredentialsMode::Omit => false,
  };
  let headers = request_headers(fetch, include_credentials);
  // Step 10.1: There is no cache, so it has nothing.
  if fetch.request.cache == "only-if-cached" {
    return Err(NetworkError::refused(format!(
      "{} may be taken from the HTTP cache only, and there is none here",
      authority(&fetch.request.url)
    )));
  }
  // Step 11.2: forward the request to the network.
  let response =
    http_network_fetch(fetch, &headers, Connection::AnyGood).await?;
  store_cookies(fetch, include_credentials, &response);
  // Step 15: No user can be asked for a password here.
  // Step 16.1: If request's traversable for user prompts is "no-traversable",
  // then return a network error.
  if response.status == 407 {
    return Err(NetworkError::refused(unexpected_407(fetch)));
  }
  // Step 17: a misdirected request is sent again on its own connection.
  if response.status == 421 && fetch.can_send_again() {
    let response = http_network_fetch(fetch, &headers, Connection::New).await?;
    store_cookies(fetch, include_credentials, &response);
    return Ok(response);
  }
  // Step 19: hand the response to the caller.
  Ok(response)
}

/// Why a 407 fails: anyone who sent it wants what only a proxy may ask for.
fn unexpected_407(fetch: &Fetch) -> String {
  let url = &fetch.request.url;
  match fetch.network.transport().proxy(url) {
    Some(proxy) if url.scheme() == "http" => {
      proxy_authentication_required(&authority(proxy))
    }
    _ => format!(
      "{} answered 407, as if it were a proxy that wants a password",
      authority(url)
    ),
  }
}

/// Steps 8.5 to 8.21: what goes out.
fn request_headers(fetch: &Fetch, include_credentials: bool) -> HeaderList {
  let mut headers = fetch.request.headers.clone();
  let set_if_absent = |headers: &mut HeaderList, name: &str, value: &str| {
    if !headers.contains(name) {
      headers.append(name, value);
    }
  };
  // Steps 8.5 to 8.9: The transport writes `Content-Length`, from the exact
  // size of the body, unless there is nothing to send.
  let is_nothing = match &fetch.body {
    // Step 8.6: "If httpRequest's body is null and httpRequest's method is
    // `POST` or `PUT`, then set contentLength to 0."
    None => matches!(fetch.request.method.as_str(), "POST" | "PUT"),
    // Step 8.7: "If httpRequest's body is non-null and httpRequest's body's
    // length is non-null, then set contentLength to httpRequest's body's
    // length."
    Some(body) => body.length == Some(0),
  };
  if is_nothing {
    headers.set("content-length", "0");
  }
  // Step 8.10: The limit for keepalive is for what no user sees; a background
  // fetch is shown, and may be large:
  // https://wicg.github.io/background-fetch/#privacy-and-bandwidth
  if fetch.is_browser() {
    // Step 8.11: the referrer that was determined becomes `Referer`.
    if let Some(referrer) = &fetch.referrer {
      headers.append("referer", referrer.as_str());
    }
    // Step 8.12: the `Origin` header, where the request has one.
    append_request_origin_header(fetch, &mut headers);
    // Step 8.13: the `Sec-Fetch-*` headers say what asks.
    append_fetch_metadata_headers(fetch, &mut headers);
  }
  // Step 8.15: the default `User-Agent`, unless the author has set one.
  let user_agent = &fetch.network.config().user_agent;
  set_if_absent(&mut headers, "user-agent", user_agent);
  // Step 8.16: Without a cache, "default" and "no-store" ask for the same.
  match fetch.request.cache.as_str() {
    // Step 8.17: caches on the way have to revalidate.
    "no-cache" => {
      set_if_absent(&mut headers, "cache-control", "max-age=0");
    }
    // Step 8.18: caches on the way have to be passed by.
    "no-store" | "reload" => {
      set_if_absent(&mut headers, "pragma", "no-cache");
      set_if_absent(&mut headers, "cache-control", "no-cache");
    }
    _ => {}
  }
  // Complete a record, 7: https://fetch.spec.whatwg.org/#concept-request-add-range-header
  if let Some(slice) = fetch.slice {
    let range = fetch.range.as_ref();
    let stored = range.map_or(0, |range| range.first_byte);
    let last = range.and_then(|range| range.last_byte);
    headers.set("range", slice.range(stored, last));
  }
  if let Some(range) = &fetch.range {
    if fetch.slice.is_none() {
      let last = range.last_byte.map_or(String::new(), |l| l.to_string());
      headers.set("range", format!("bytes={}-{last}", range.first_byte));
    }
    // Not the author's, and so none of CORS's business: a server that does not
    // have these bytes any more then sends the new ones instead of a mixture.
    if let Some(validator) = &range.validator {
      headers.set("if-range", validator.as_str());
    }
  }
  // Steps 8.19 and 8.20: What a program stores is the file; a coding that is
  // made on the way cannot be continued.
  if headers.contains("range") || fetch.identity {
    headers.set("accept-encoding", "identity");
  } else if fetch.is_browser() {
    set_if_absent(&mut headers, "accept-encoding", ACCEPT_ENCODING);
  } else {
    set_if_absent(&mut headers, "accept-encoding", "identity");
  }
  set_if_absent(&mut headers, "accept", "*/*");
  // Step 8.21.1: the cookies for this URL.
  if include_credentials && let Some(cookies) = &fetch.network.config().cookies
  {
    let partition = fetch.partition();
    if let Some(value) = cookies.cookies(&context(fetch, &partition)) {
      set_if_absent(&mut headers, "cookie", &value);
    }
  }
  // Step 8.21.2: If there is an authentication entry for the request, it is
  // sent.
  if include_credentials
    && let Some(credentials) = &fetch.network.config().credentials
  {
    for (name, value) in credentials.headers(&fetch.request.url) {
      set_if_absent(&mut headers, &name, &value);
    }
  }
  headers
}

/// [Append a request `Origin` header](https://fetch.spec.whatwg.org/#append-a-request-origin-header)
fn append_request_origin_header(fetch: &Fetch, headers: &mut HeaderList) {
  // Step 2: start from the serialized origin.
  let mut serialized_origin = fetch.serialized_origin();
  let request = &fetch.request;
  if fetch.response_tainting != ResponseTainting::Cors
    && fetch.request.mode != RequestMode::WebSocket
  {
    // Step 4: without CORS, GET and HEAD go without it.
    if matches!(request.method.as_str(), "GET" | "HEAD") {
      return;
    }
    // Step 4.1: the referrer policy may hide the origin.
    let hide = match fetch.referrer_policy {
      _ if request.mode == RequestMode::Cors => false,
      ReferrerPolicy::NoReferrer => true,
      ReferrerPolicy::NoReferrerWhenDowngrade
      | ReferrerPolicy::StrictOrigin
      | ReferrerPolicy::StrictOriginWhenCrossOrigin => {
        fetch.environment.url.scheme() == "https"
          && request.url.scheme() != "https"
      }
      ReferrerPolicy::SameOrigin => fetch.origin != request.url.origin(),
      _ => false,
    };
    if hide {
      serialized_origin = "null".into();
    }
  }
  // Steps 3 and 4.2: append the origin, or `null` in its place.
  headers.append("origin", serialized_origin);
}

/// [Append the Fetch metadata headers for a request](https://w3c.github.io/webappsec-fetch-metadata/#abstract-opdef-append-the-fetch-metadata-headers-for-a-request)
fn append_fetch_metadata_headers(fetch: &Fetch, headers: &mut HeaderList) {
  // Step 1: only a trustworthy URL gets them.
  if !is_potentially_trustworthy_url(&fetch.request.url) {
    return;
  }
  // Step 2: `Sec-Fetch-Dest` says what the response is for.
  let destination = match fetch.destination {
    Destination::Empty => "empty",
    Destination::Script => "script",
    Destination::ServiceWorker => "serviceworker",
  };
  headers.append("sec-fetch-dest", destination);
  // Step 3: `Sec-Fetch-Mode` is the request's mode.
  let mode = match fetch.request.mode {
    RequestMode::SameOrigin => "same-origin",
    RequestMode::NoCors => "no-cors",
    RequestMode::Cors => "cors",
    RequestMode::Navigate => "navigate",
    RequestMode::WebSocket => "websocket",
  };
  headers.append("sec-fetch-mode", mode);
  // Step 4: `Sec-Fetch-Site` compares every hop with the origin.
  let origins = || fetch.url_list.iter().map(|url| url.origin());
  let site = if origins().all(|origin| origin == fetch.origin) {
    "same-origin"
  } else if origins().all(|origin| same_site(&origin, &fetch.origin)) {
    "same-site"
  } else {
    "cross-site"
  };
  headers.append("sec-fetch-site", site);
}

/// [Parse and store response `Set-Cookie` headers](https://fetch.spec.whatwg.org/#parse-and-store-response-set-cookie-headers)
fn store_cookies(
  fetch: &Fetch,
  include_credentials: bool,
  response: &InternalResponse,
) {
  if include_credentials && let Some(cookies) = &fetch.network.config().cookies
  {
    let partition = fetch.partition();
    let context = context(fetch, &partition);
    for set_cookie in response.headers.values("set-cookie") {
      cookies.set_cookie(&context, set_cookie);
    }
  }
}

fn context<'a>(fetch: &'a Fetch, partition: &'a str) -> CookieContext<'a> {
  CookieContext {
    url: &fetch.request.url,
    partition,
    same_site: fetch.is_same_site(),
  }
}
