//! [Scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch)

use bytes::Bytes;
use data_url::DataUrl;
use futures::StreamExt;
use futures::stream;

use super::NetworkError;
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::http_fetch::http_fetch;
use crate::spec::HeaderList;

/// [Scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch). What
/// is behind a `blob:` URL is the script's realm's, and is answered there.
pub(super) async fn scheme_fetch(
  fetch: &mut Fetch,
) -> Result<InternalResponse, NetworkError> {
  match fetch.request.url.scheme() {
    "data" => data_fetch(fetch),
    _ => http_fetch(fetch, false).await,
  }
}

/// "data"
fn data_fetch(fetch: &Fetch) -> Result<InternalResponse, NetworkError> {
  // Steps 1 and 2: process the `data:` URL; a failure is a network error.
  let invalid = |_| NetworkError::refused("the data: URL cannot be decoded");
  let url = DataUrl::process(fetch.request.url.as_str())
    .map_err(|_| NetworkError::refused("the data: URL cannot be parsed"))?;
  let (body, _fragment) = url.decode_to_vec().map_err(invalid)?;
  // Steps 3 and 4: its MIME type and its bytes make the response.
  let mut headers = HeaderList::new();
  headers.append("content-type", url.mime_type().to_string());
  let body = stream::iter([Ok(Bytes::from(body))]);
  Ok(InternalResponse {
    status: 200,
    status_message: "OK".into(),
    headers,
    body: body.boxed(),
    framed: true,
    opaque_redirect: false,
    upgrade: None,
    of_service_worker: None,
  })
}
