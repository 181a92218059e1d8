//! [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch)

use std::time::Instant;

use super::NetworkError;
use super::classify::place;
use super::cors_preflight_fetch::cors_preflight_fetch;
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::fetch::ResponseTainting;
use super::http_network_or_cache_fetch::http_network_or_cache_fetch;
use super::http_redirect_fetch::http_redirect_fetch;
use crate::spec::RedirectMode;
use crate::spec::cors_check;
use crate::spec::is_redirect_status;

/// [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch)
pub(super) async fn http_fetch(
  fetch: &mut Fetch,
  make_cors_preflight: bool,
) -> Result<InternalResponse, NetworkError> {
  // 3. A background fetch's service-workers mode is "none".
  // 4.1.
  if make_cors_preflight && !is_allowed_by_preflight_cache(fetch) {
    // 4.1.1, 4.1.2.
    cors_preflight_fetch(fetch).await?;
  }
  // 4.3.
  let mut response = http_network_or_cache_fetch(fetch).await?;
  // 4.4.
  if fetch.response_tainting == ResponseTainting::Cors {
    cors_check(
      &fetch.serialized_origin(),
      fetch.request.credentials,
      &response.headers,
    )
    .map_err(|reason| {
      let place = place(&fetch.request.url);
      NetworkError::refused(format!(
        "CORS does not let the page read the answer of {place}: {reason}"
      ))
    })?;
  }
  // 6.
  if is_redirect_status(response.status) {
    // 6.3.
    match fetch.request.redirect {
      RedirectMode::Error => {
        return Err(NetworkError::refused(format!(
          "{} redirects, and the redirect mode of the request is error",
          place(&fetch.request.url)
        )));
      }
      RedirectMode::Manual => response.opaque_redirect = true,
      RedirectMode::Follow => {
        return http_redirect_fetch(fetch, response).await;
      }
    }
  }
  // 7.
  Ok(response)
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
