//! [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch)

use std::sync::Arc;

use tokio::time::Instant;

use super::NetworkError;
use super::fetch::Fetch;
use super::fetch::ResponseTainting;
use super::http_network_or_cache_fetch::http_network_or_cache_fetch;
use super::route::authority;
use crate::spec::CredentialsMode;
use crate::spec::Request;
use crate::spec::RequestMode;
use crate::spec::cors_check;
use crate::spec::preflight_headers;
use crate::spec::validate_preflight_response;

/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch):
/// asks the server whether it takes the request.
pub(super) async fn cors_preflight_fetch(
  fetch: &Fetch,
) -> Result<(), NetworkError> {
  let request = &fetch.request;
  let preflight = Fetch {
    request: Request {
      // Step 1: the preflight is an OPTIONS request to the same URL, in CORS
      // mode.
      method: "OPTIONS".into(),
      mode: RequestMode::Cors,
      credentials: CredentialsMode::SameOrigin,
      // Steps 2 to 5: it names the method and the headers that are asked for.
      headers: preflight_headers(&request.method, &request.headers),
      ..Request::get(request.url.clone())
    },
    response_tainting: ResponseTainting::Cors,
    body: None,
    range: None,
    transmitted: Arc::new(|_| {}),
    ..fetch.clone()
  };
  // Step 6: fetch the preflight, without the author's headers and body.
  let response = http_network_or_cache_fetch(&preflight).await?;
  let refused = |reason: String| {
    let authority = authority(&request.url);
    NetworkError::refused(format!(
      "{authority} does not allow the request: the answer to its CORS preflight \
       is not what it has to be: {reason}"
    ))
  };
  // Step 7: its answer has to pass the CORS check for the request's origin.
  cors_check(
    &fetch.serialized_origin(),
    request.credentials,
    &response.headers,
  )
  .map_err(refused)?;
  // Step 8: only an OK status lets the request through.
  if !(200..=299).contains(&response.status) {
    return Err(refused(format!("its status is {}", response.status)));
  }
  // Steps 7.1 to 7.10: the method and the headers have to be among those
  // allowed.
  let grant = validate_preflight_response(
    &request.method,
    &request.headers,
    request.credentials,
    &response.headers,
  )
  .map_err(refused)?;
  // Steps 7.12 to 7.15: remember what was allowed in the preflight cache.
  fetch.network.preflight_cache().insert(
    fetch.preflight_key(),
    fetch.includes_credentials_always(),
    grant,
    Instant::now(),
  );
  // Step 7.16: the request may be sent now.
  Ok(())
}
