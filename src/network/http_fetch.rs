//! [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch)

use tokio::time::Instant;

use super::FetchResponse;
use super::NetworkError;
use super::cors_preflight_fetch::cors_preflight_fetch;
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::fetch::OfServiceWorker;
use super::fetch::ResponseTainting;
use super::http_network_or_cache_fetch::http_network_or_cache_fetch;
use super::http_redirect_fetch::http_redirect_fetch;
use super::route::authority;
use crate::spec::RedirectMode;
use crate::spec::Request;
use crate::spec::RequestMode;
use crate::spec::Response;
use crate::spec::ResponseType;
use crate::spec::cors_check;
use crate::spec::cross_origin_resource_policy_check;
use crate::spec::is_redirect_status;

/// [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch)
pub(super) async fn http_fetch(
  fetch: &mut Fetch,
  make_cors_preflight: bool,
) -> Result<InternalResponse, NetworkError> {
  // Step 3: A background fetch's service-workers mode is "none".
  if let Some(handle_fetch) = fetch.service_worker.take() {
    // Step 3.3: let a service worker handle the fetch.
    let request = fetch.request.clone();
    let response = handle_fetch(request, fetch.body.clone()).await?;
    if let Some(response) = response {
      return service_worker_response(fetch, response);
    }
  }
  // Step 4.1: a preflight comes first where the cache has no grant.
  if make_cors_preflight && !is_allowed_by_preflight_cache(fetch) {
    // Steps 4.1.1 and 4.1.2: when it fails, the fetch does.
    cors_preflight_fetch(fetch).await?;
  }
  // Step 4.3: fetch from the network or the cache.
  let mut response = http_network_or_cache_fetch(fetch).await?;
  // Step 4.4: a response tainted by CORS has to pass the CORS check.
  if fetch.response_tainting == ResponseTainting::Cors {
    cors_check(
      &fetch.serialized_origin(),
      fetch.request.credentials,
      &response.headers,
    )
    .map_err(|reason| {
      let authority = authority(&fetch.request.url);
      NetworkError::refused(format!(
        "CORS does not let the page read the answer of {authority}: {reason}"
      ))
    })?;
  }
  // Step 4.5: an opaque one has to pass the resource policy check.
  if fetch.response_tainting == ResponseTainting::Opaque
    && let Err(policy) = cross_origin_resource_policy_check(
      &fetch.origin,
      &fetch.request.url,
      &response.headers,
    )
  {
    let authority = authority(&fetch.request.url);
    return Err(NetworkError::refused(format!(
      "{authority} is not for this page: its Cross-Origin-Resource-Policy is \
       {policy}"
    )));
  }
  // Step 6: the status is a redirect's.
  if is_redirect_status(response.status) {
    // Step 6.3: the redirect mode says what becomes of it.
    match fetch.request.redirect {
      RedirectMode::Error => {
        return Err(NetworkError::refused(format!(
          "{} redirects, and the redirect mode of the request is error",
          authority(&fetch.request.url)
        )));
      }
      RedirectMode::Manual => response.opaque_redirect = true,
      RedirectMode::Follow => {
        return http_redirect_fetch(fetch, response).await;
      }
    }
  }
  // Step 7: hand the response to the caller.
  Ok(response)
}

/// Steps 3.4 to 3.6: what a service worker has answered, if the request may
/// have it.
fn service_worker_response(
  fetch: &Fetch,
  response: FetchResponse,
) -> Result<InternalResponse, NetworkError> {
  let FetchResponse { response, body } = response;
  check_service_worker_response(&fetch.request, &response)?;
  let response_type = response.response_type;
  Ok(InternalResponse {
    status: response.status,
    status_message: response.status_message,
    headers: response.headers,
    body,
    framed: true,
    opaque_redirect: response_type == ResponseType::OpaqueRedirect,
    upgrade: None,
    of_service_worker: Some(OfServiceWorker {
      response_type,
      url_list: response.url_list,
    }),
  })
}

/// Step 3.6: refuse a type that mode and redirect mode do not allow.
pub(crate) fn check_service_worker_response(
  request: &Request,
  response: &Response,
) -> Result<(), NetworkError> {
  let Request {
    mode,
    redirect,
    url,
    ..
  } = request;
  let reason = match response.response_type {
    ResponseType::Cors if *mode == RequestMode::SameOrigin => {
      "it is from another origin, and the mode of the request is same-origin"
    }
    ResponseType::Opaque if *mode != RequestMode::NoCors => {
      "it is opaque, and the mode of the request is not no-cors"
    }
    ResponseType::OpaqueRedirect if *redirect != RedirectMode::Manual => {
      "it is a redirect, and the redirect mode of the request is not manual"
    }
    _ if response.url_list.len() > 1 && *redirect != RedirectMode::Follow => {
      "it was redirected, and the redirect mode of the request is not follow"
    }
    _ => return Ok(()),
  };
  Err(NetworkError::refused(format!(
    "the service worker's answer for {} is not for the page: {reason}",
    authority(url)
  )))
}

fn is_allowed_by_preflight_cache(fetch: &Fetch) -> bool {
  fetch.network.preflight_cache().allows(
    &fetch.preflight_key(),
    fetch.includes_credentials_always(),
    &fetch.request.method,
    &fetch.request.headers,
    Instant::now(),
  )
}
