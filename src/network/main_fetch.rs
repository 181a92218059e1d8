//! [Main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch)

use futures::StreamExt;
use futures::stream;
use url::Url;

use super::FetchResponse;
use super::NetworkError;
use super::decode::content_codings;
use super::decode::decode;
use super::decode::is_of_the_file;
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::fetch::ResponseTainting;
use super::http_fetch::http_fetch;
use super::route::authority;
use super::scheme_fetch::scheme_fetch;
use super::verify::verify;
use crate::spec::HeaderList;
use crate::spec::IntegrityVerifier;
use crate::spec::RedirectMode;
use crate::spec::RequestMode;
use crate::spec::Response;
use crate::spec::ResponseType;
use crate::spec::basic_filtered_headers;
use crate::spec::cors_filtered_headers;
use crate::spec::determine_requests_referrer;
use crate::spec::is_forbidden_method;
use crate::spec::is_http_scheme;
use crate::spec::is_potentially_trustworthy_url;
use crate::spec::needs_preflight;
use crate::spec::should_be_blocked_as_mixed_content;
use crate::spec::should_be_blocked_by_csp;
use crate::spec::should_be_blocked_due_to_a_bad_port;
use crate::spec::upgrades_insecure_requests;

/// [Main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), with
/// recursive false.
pub(super) async fn main_fetch(
  mut fetch: Fetch,
) -> Result<FetchResponse, NetworkError> {
  // Steps 1 to 12: the response, from wherever the scheme says.
  let mut internal = main_fetch_recursive(&mut fetch).await?;
  // Steps 14 and 16: filter it for the script, and give it its URL list.
  let url_list = match &internal.of_service_worker {
    Some(own) if !own.url_list.is_empty() => own.url_list.clone(),
    _ => fetch.url_list.clone(),
  };
  let internal_response = Response {
    response_type: ResponseType::Default,
    status: internal.status,
    status_message: std::mem::take(&mut internal.status_message),
    headers: std::mem::take(&mut internal.headers),
    internal_headers: None,
    decoded: false,
    url_list,
  };
  let mut response = filtered_response(&fetch, &internal, &internal_response);
  // Step 20: What is neither a script nor a style is not blocked for its type.
  // The other checks would repeat step 7; what a service worker answers with was
  // checked when the worker fetched it.
  // Step 22: some methods and statuses have a null body.
  let null_body = fetch.request.method == "HEAD"
    || matches!(internal.status, 101 | 103 | 204 | 205 | 304);
  if null_body || internal.opaque_redirect {
    internal.body = stream::empty().boxed();
  }
  let partial = internal.status == 206;
  // What a service worker answers with is decoded already.
  let is_decoded = internal.of_service_worker.is_some();
  let codings = if null_body
    || is_decoded
    || is_saved_encoded(&fetch, &internal_response)
  {
    Vec::new()
  } else {
    content_codings(&internal_response.headers).map_err(|reason| {
      let authority = authority(&fetch.request.url);
      NetworkError::bad_answer(format!(
        "the body that {authority} sent is not decoded: {reason}"
      ))
    })?
  };
  let decoded = !codings.is_empty();
  let mut body = internal.body;
  if decoded {
    response.decoded = true;
    let authority = authority(&fetch.request.url);
    body = decode(body, codings, authority, internal.framed);
  }
  // Step 23: "If request's response tainting is "opaque" […], then run
  // processBodyError".
  if !fetch.request.integrity.is_empty()
    && fetch.response_tainting == ResponseTainting::Opaque
  {
    return Err(NetworkError::refused(format!(
      "the integrity of what {} sent cannot be verified: the mode of the \
       request is no-cors",
      authority(&fetch.request.url)
    )));
  }
  // The other parts of a body are not here, so who has them verifies.
  if !partial
    && let Some(verifier) = IntegrityVerifier::new(&fetch.request.integrity)
  {
    body = verify(body, verifier, fetch.url_list[0].clone());
  }
  // Step 24: hand the response over, with the body to come.
  Ok(FetchResponse { response, body })
}

/// Whether the body is a file whose coding is a part of it, such as a
/// `.tar.gz` that its server labels `Content-Encoding: gzip`. A program that
/// asks for a file wants that file; a page wants what Fetch says.
fn is_saved_encoded(fetch: &Fetch, response: &Response) -> bool {
  let names = [fetch.url_list.first(), fetch.url_list.last()];
  let mut paths = names.into_iter().flatten().map(Url::path);
  !fetch.is_browser()
    && paths.any(|path| is_of_the_file(path, &response.headers))
}

/// [Main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), with
/// recursive true: steps 1 to 13.
pub(super) async fn main_fetch_recursive(
  fetch: &mut Fetch,
) -> Result<InternalResponse, NetworkError> {
  // Step 5: upgrade an insecure request where the policy says so.
  if fetch.is_browser() && upgrades_insecure_requests(&fetch.csp) {
    upgrade(&mut fetch.request.url);
    if let Some(last) = fetch.url_list.last_mut() {
      last.clone_from(&fetch.request.url);
    }
  }
  // Step 7: block what must not be reached.
  should_be_blocked(fetch)?;
  // Steps 8 and 9: reduce the referrer by the referrer policy.
  fetch.referrer = fetch.referrer.as_ref().and_then(|referrer| {
    determine_requests_referrer(
      fetch.referrer_policy,
      referrer,
      &fetch.request.url,
    )
  });
  // Step 12: origin, mode and scheme choose the fetch and the tainting.
  if !fetch.is_browser() {
    return scheme_fetch(fetch).await;
  }
  let is_same_origin = fetch.request.url.origin() == fetch.origin
    && fetch.response_tainting == ResponseTainting::Basic;
  if is_same_origin || fetch.request.url.scheme() == "data" {
    return scheme_fetch(fetch).await;
  }
  match fetch.request.mode {
    // What a service worker hands on is of its origin, and a script that has
    // changed anything of it gets the mode "same-origin": Request's
    // constructor, 12.1.
    RequestMode::SameOrigin | RequestMode::Navigate => {
      return Err(NetworkError::refused(format!(
        "{} is of another origin, and the mode of the request is same-origin",
        authority(&fetch.request.url)
      )));
    }
    RequestMode::NoCors => {
      if fetch.request.redirect != RedirectMode::Follow {
        return Err(NetworkError::refused(
          "the mode of the request is no-cors, and so its redirect mode has \
           to be follow",
        ));
      }
      fetch.response_tainting = ResponseTainting::Opaque;
      return http_fetch(fetch, false).await;
    }
    RequestMode::WebSocket => return scheme_fetch(fetch).await,
    RequestMode::Cors => {}
  }
  fetch.response_tainting = ResponseTainting::Cors;
  // A stream as the body sets the use-CORS-preflight flag.
  if needs_preflight(&fetch.request.method, &fetch.request.headers)
    || !fetch.can_send_again()
  {
    let response = http_fetch(fetch, true).await;
    if response.is_err() {
      let key = fetch.preflight_key();
      fetch.network.preflight_cache().clear(&key);
    }
    return response;
  }
  http_fetch(fetch, false).await
}

/// Step 7, and the scheme, the forbidden methods, and the permission to reach
/// the URL, which is asked for on every hop.
fn should_be_blocked(fetch: &Fetch) -> Result<(), NetworkError> {
  let url = &fetch.request.url;
  let refuse = |reason: &str| {
    let message = format!("{} may not be fetched: {reason}", authority(url));
    Err(NetworkError::refused(message))
  };
  let is_data = url.scheme() == "data";
  if !is_http_scheme(url) && !is_data {
    return Err(NetworkError::refused(format!(
      "{}: URLs may not be fetched, only those with http:, https: and data:",
      url.scheme()
    )));
  }
  if should_be_blocked_due_to_a_bad_port(url) {
    return refuse("its port belongs to another protocol");
  }
  if is_forbidden_method(&fetch.request.method) {
    return refuse("the method is forbidden");
  }
  if fetch.is_browser() {
    let client = &fetch.environment.url;
    if should_be_blocked_as_mixed_content(client, url) {
      return refuse("it is not secure, and the page is");
    }
    let redirects = fetch.redirect_count;
    if let Some(directive) = should_be_blocked_by_csp(
      &fetch.csp,
      client,
      fetch.destination,
      url,
      redirects,
    ) {
      return refuse(&format!(
        "the Content Security Policy's {directive} does not allow it"
      ));
    }
  }
  if is_data {
    return Ok(());
  }
  fetch
    .net_checks
    .iter()
    .try_for_each(|check| check.check(url).map_err(NetworkError::refused))
}

/// [Upgrade request to a potentially trustworthy URL, if appropriate](https://www.w3.org/TR/upgrade-insecure-requests/#upgrade-request)
fn upgrade(url: &mut Url) {
  if url.scheme() == "http" && !is_potentially_trustworthy_url(url) {
    // Between these two schemes a URL may always change.
    let _ = url.set_scheme("https");
  }
}

/// Step 14: the filtered response for the request's tainting.
fn filtered_response(
  fetch: &Fetch,
  internal: &InternalResponse,
  internal_response: &Response,
) -> Response {
  if let Some(own) = &internal.of_service_worker {
    return Response {
      response_type: own.response_type,
      ..internal_response.clone()
    };
  }
  if internal.opaque_redirect {
    // https://fetch.spec.whatwg.org/#concept-filtered-response-opaque-redirect
    return Response {
      response_type: ResponseType::OpaqueRedirect,
      status: 0,
      status_message: String::new(),
      headers: HeaderList::new(),
      internal_headers: Some(internal_response.headers.clone()),
      decoded: false,
      url_list: internal_response.url_list.clone(),
    };
  }
  let headers = &internal_response.headers;
  let (response_type, headers) = match fetch.response_tainting {
    // A program may see everything. Scripts that cache what comes from their
    // origin look for this type.
    _ if !fetch.is_browser() => {
      let urls = &internal_response.url_list;
      let is_own = urls.iter().all(|url| url.origin() == fetch.origin);
      let response_type = match is_own {
        true => ResponseType::Basic,
        false => ResponseType::Default,
      };
      (response_type, headers.clone())
    }
    // Step 14.2: a basic response hides its cookies.
    ResponseTainting::Basic => {
      (ResponseType::Basic, basic_filtered_headers(headers))
    }
    // Step 14.2: what is hidden is hidden where a script gets it, see
    // [`ResponseType::Opaque`].
    ResponseTainting::Opaque => (ResponseType::Opaque, headers.clone()),
    // Steps 14.1 and 14.2: a CORS one shows only the headers that are exposed.
    ResponseTainting::Cors => {
      let mode = fetch.request.credentials;
      (ResponseType::Cors, cors_filtered_headers(headers, mode))
    }
  };
  let hidden = headers != internal_response.headers;
  Response {
    response_type,
    internal_headers: hidden.then(|| internal_response.headers.clone()),
    headers,
    ..internal_response.clone()
  }
}
