//! [HTTP-network fetch](https://fetch.spec.whatwg.org/#concept-http-network-fetch)

use std::time::Duration;

use futures::StreamExt;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Version;
use url::Url;

use super::NetworkError;
use super::TraceEvent;
use super::classify::Phase;
use super::classify::classify;
use super::classify::place;
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::request_body::Activity;
use super::request_body::SizedBody;
use super::response_body::ResponseBody;
use super::response_body::idle_error;
use crate::spec::HeaderList;

/// Which connection may carry a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
  /// One from the pool, if the request may be lost with it: the server may be
  /// closing a connection that has been idle, and then nobody can say whether
  /// it has seen the request. So what has side effects gets a new one.
  AnyGood,
  New,
}

/// [HTTP-network fetch](https://fetch.spec.whatwg.org/#concept-http-network-fetch):
/// one request, one answer.
pub(super) async fn http_network_fetch(
  fetch: &Fetch,
  headers: &HeaderList,
  connection: Connection,
) -> Result<InternalResponse, NetworkError> {
  let url = wire_url(&fetch.request.url);
  let activity = Activity::default();
  let request = transport_request(fetch, headers, &url, &activity)?;
  let client = client(fetch, connection)?;
  let idle_timeout = fetch.network.config().idle_timeout;
  let answer = client.execute(request);
  trace(
    fetch,
    TraceEvent::Request {
      method: &fetch.request.method,
      url: &url,
      headers,
    },
  );
  let response = unless_idle(answer, &activity, idle_timeout)
    .await
    .ok_or_else(|| idle_error(&url, idle_timeout))
    .and_then(|answer| {
      answer.map_err(|error| classify(&error, &url, Phase::Head))
    })
    .inspect_err(|error| {
      trace(fetch, TraceEvent::Failure { url: &url, error });
    })?;
  let response = http::Response::<reqwest::Body>::from(response);
  let (parts, body) = response.into_parts();
  let status_message = match parts.extensions.get::<hyper::ext::ReasonPhrase>()
  {
    Some(reason) => isomorphic_decode(reason.as_bytes()),
    // hyper keeps only a reason that is not the usual one, and HTTP/2 has none.
    None if parts.version < Version::HTTP_2 => {
      parts.status.canonical_reason().unwrap_or_default().into()
    }
    None => String::new(),
  };
  let headers = header_list(&parts.headers);
  trace(
    fetch,
    TraceEvent::Response {
      url: &url,
      status: parts.status.as_u16(),
      status_message: &status_message,
      headers: &headers,
    },
  );
  let framed = parts.version >= Version::HTTP_2
    || parts.headers.contains_key("content-length")
    || parts.headers.contains_key("transfer-encoding");
  let body = ResponseBody::new(body, url, framed, idle_timeout);
  let body = match fetch.network.rate_limit() {
    Some(limit) => limit.apply(body).boxed(),
    None => body.boxed(),
  };
  Ok(InternalResponse {
    status: parts.status.as_u16(),
    status_message,
    headers,
    body,
    framed,
    opaque_redirect: false,
  })
}

fn trace(fetch: &Fetch, event: TraceEvent<'_>) {
  if let Some(trace) = &fetch.network.config().trace {
    trace(event);
  }
}

fn client(
  fetch: &Fetch,
  connection: Connection,
) -> Result<&reqwest::Client, NetworkError> {
  let method = fetch.request.method.as_str();
  let may_be_lost = matches!(method, "GET" | "HEAD" | "OPTIONS");
  let clients = fetch.network.clients();
  if connection == Connection::AnyGood && may_be_lost {
    return Ok(clients.pooled());
  }
  clients
    .fresh(fetch.network.config())
    .map_err(|error| NetworkError::refused(error.to_string()))
}

fn transport_request(
  fetch: &Fetch,
  headers: &HeaderList,
  url: &Url,
  activity: &Activity,
) -> Result<reqwest::Request, NetworkError> {
  let method = &fetch.request.method;
  let invalid = |what: &str| {
    let place = place(url);
    let message = format!("the request to {place} cannot be sent: {what}");
    NetworkError::refused(message)
  };
  let method = http::Method::from_bytes(method.as_bytes())
    .map_err(|_| invalid("its method is not one of HTTP"))?;
  let mut request = reqwest::Request::new(method, url.clone());
  for (name, value) in headers.iter() {
    let pair = HeaderName::from_bytes(name.as_bytes())
      .ok()
      .zip(isomorphic_encode(value));
    let Some((name, value)) = pair else {
      return Err(invalid("a header of it is not one of HTTP"));
    };
    request.headers_mut().append(name, value);
  }
  if let Some(body) = &fetch.body {
    let transmitted = fetch.transmitted.clone();
    let limit = fetch.network.rate_limit();
    let body = SizedBody::new(body, limit, transmitted, activity.clone());
    *request.body_mut() = Some(reqwest::Body::wrap(body));
  }
  Ok(request)
}

/// The answer, or `None` once no byte has moved for `idle_timeout`. Until the
/// head of the answer comes, only those of the request's body are seen.
async fn unless_idle<T>(
  answer: impl Future<Output = T>,
  activity: &Activity,
  idle_timeout: Duration,
) -> Option<T> {
  let mut answer = std::pin::pin!(answer);
  loop {
    let before = activity.bytes();
    match tokio::time::timeout(idle_timeout, &mut answer).await {
      Ok(answer) => return Some(answer),
      Err(_) if activity.bytes() != before => {}
      Err(_) => return None,
    }
  }
}

/// The URL without what never goes on the wire.
fn wire_url(url: &Url) -> Url {
  let mut url = url.clone();
  url.set_fragment(None);
  // An HTTP(S) URL has a host, so neither fails.
  let _ = url.set_username("");
  let _ = url.set_password(None);
  url
}

fn header_list(headers: &HeaderMap) -> HeaderList {
  headers
    .iter()
    .map(|(name, value)| {
      (
        name.as_str().to_string(),
        isomorphic_decode(value.as_bytes()),
      )
    })
    .collect()
}

/// [Isomorphic decode](https://infra.spec.whatwg.org/#isomorphic-decode)
fn isomorphic_decode(bytes: &[u8]) -> String {
  bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// [Isomorphic encode](https://infra.spec.whatwg.org/#isomorphic-encode)
fn isomorphic_encode(value: &str) -> Option<HeaderValue> {
  let bytes: Option<Vec<u8>> =
    value.chars().map(|c| u8::try_from(c).ok()).collect();
  HeaderValue::from_bytes(&bytes?).ok()
}
