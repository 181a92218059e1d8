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
use super::fetch::Fetch;
use super::fetch::InternalResponse;
use super::request_body::Activity;
use super::request_body::SizedBody;
use super::response_body::Framing;
use super::response_body::ResponseBody;
use super::response_body::idle_error;
use super::route::Route;
use super::route::authority;
use super::route::excerpt;
use super::transport::TransportError;
use super::transport::TransportRequest;
use super::transport::TransportRequestBody;
use super::transport::TransportResponse;
use super::web_socket::obtain::obtain_a_web_socket_connection;
use crate::spec::HeaderList;
use crate::spec::RequestMode;

/// Which connection may carry a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
  /// One from the pool, if the request may be lost with it: the server may be
  /// closing a connection that has been idle, and then it cannot be known
  /// whether it has seen the request. So what has side effects gets a new one.
  AnyGood,
  New,
}

/// How often a request that its server did not take is sent again at once. The
/// first time any connection will do; after that, each time a new one carries
/// it alone, which a server that takes requests at all takes.
const MAX_RESENDS: u32 = 3;

/// The longest URL that the transport can send, in bytes.
const MAX_URL: usize = u16::MAX as usize - 1;

/// [HTTP-network fetch](https://fetch.spec.whatwg.org/#concept-http-network-fetch):
/// one request, one answer.
///
/// A request that the server did not take is sent again at once. The caller
/// need not know that, and it is not a failure of the server's, which may end a
/// connection whenever it likes, and has asked for nothing else.
pub(super) async fn http_network_fetch(
  fetch: &Fetch,
  headers: &HeaderList,
  mut connection: Connection,
) -> Result<InternalResponse, NetworkError> {
  // Step 9: Switch on request's mode: "websocket".
  if fetch.request.mode == RequestMode::WebSocket {
    return obtain_a_web_socket_connection(fetch, headers).await;
  }
  let mut resends = 0;
  loop {
    let sent = send(fetch, headers, connection).await;
    if let Err(TransportError { error, .. }) = &sent {
      let url = &fetch.request.url;
      trace(fetch, TraceEvent::Failure { url, error });
    }
    match sent {
      Ok(response) => return Ok(response),
      Err(TransportError { error, taken })
        if taken || resends == MAX_RESENDS =>
      {
        return Err(error);
      }
      Err(TransportError { error, .. }) => {
        tracing::debug!(%error, "a request is sent again at once");
        if resends > 0 {
          connection = Connection::New;
        }
        resends += 1;
      }
    }
  }
}

async fn send(
  fetch: &Fetch,
  headers: &HeaderList,
  connection: Connection,
) -> Result<InternalResponse, TransportError> {
  let url = wire_url(&fetch.request.url);
  let activity = Activity::default();
  let may_reuse = may_reuse(fetch, connection);
  let request = transport_request(fetch, headers, &url, &activity, may_reuse);
  let request = request.map_err(for_good)?;
  let transport = fetch.network.transport();
  let proxy = transport.proxy(&url).cloned();
  let route = Route { url, proxy };
  let idle_timeout = fetch.idle_timeout;
  trace(
    fetch,
    TraceEvent::Request {
      method: &fetch.request.method,
      url: &route.url,
      headers,
    },
  );
  let answer = transport.send(request);
  let answer = unless_idle(answer, &activity, idle_timeout).await;
  let response =
    answer.ok_or_else(|| for_good(idle_error(&route, idle_timeout)))??;
  let status_message = match &response.reason {
    Some(reason) => isomorphic_decode(reason),
    // Only a reason that is not the usual one is kept, and HTTP/2 has none.
    None if response.version < Version::HTTP_2 => response
      .status
      .canonical_reason()
      .unwrap_or_default()
      .into(),
    None => String::new(),
  };
  let headers = header_list(&response.headers);
  trace(
    fetch,
    TraceEvent::Response {
      url: &route.url,
      status: response.status.as_u16(),
      status_message: &status_message,
      headers: &headers,
    },
  );
  check_transfer_codings(&response, &route).map_err(for_good)?;
  let framing =
    framing(fetch, &response, &headers, &route).map_err(for_good)?;
  let status = response.status.as_u16();
  let body = response.body;
  let body = ResponseBody::new(body, route, framing, idle_timeout);
  let body = match fetch.network.rate_limit() {
    Some(limit) => limit.apply(body).boxed(),
    None => body.boxed(),
  };
  Ok(InternalResponse {
    status,
    status_message,
    headers,
    body,
    framed: framing.framed,
    opaque_redirect: false,
    upgrade: None,
    of_service_worker: None,
  })
}

/// An error that no other connection would mend.
fn for_good(error: NetworkError) -> TransportError {
  TransportError { error, taken: true }
}

pub(super) fn trace(fetch: &Fetch, event: TraceEvent<'_>) {
  if let Some(trace) = &fetch.network.config().trace {
    trace.event(event);
  }
}

/// Refuses a body in a transfer coding that is not removed here, such as
/// gzip: none was asked for, and its bytes are not those of the resource.
/// [RFC 9112, section 6.1](https://www.rfc-editor.org/rfc/rfc9112#section-6.1).
fn check_transfer_codings(
  head: &TransportResponse,
  route: &Route,
) -> Result<(), NetworkError> {
  let values = head.headers.get_all("transfer-encoding");
  let all: Vec<String> = values
    .iter()
    .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
    .map(|coding| isomorphic_decode(coding).trim().to_ascii_lowercase())
    .collect();
  let is_known =
    |coding: &String| matches!(coding.as_str(), "" | "identity" | "chunked");
  match all.iter().find(|coding| !is_known(coding)) {
    None => Ok(()),
    Some(coding) => Err(NetworkError::bad_answer(format!(
      "{} sent the body in the transfer coding {:?}, which was not asked for",
      route.peer(),
      excerpt(coding)
    ))),
  }
}

/// What the head says of the end of the body.
fn framing(
  fetch: &Fetch,
  head: &TransportResponse,
  headers: &HeaderList,
  route: &Route,
) -> Result<Framing, NetworkError> {
  let stream = head.version >= Version::HTTP_2;
  // Of the transfer codings only the last one says where the body ends.
  let codings = head.headers.get_all("transfer-encoding").iter().next_back();
  let last = codings.and_then(|c| c.to_str().ok()?.rsplit(',').next());
  let chunked = last.is_some_and(|c| c.trim().eq_ignore_ascii_case("chunked"));
  let no_body = fetch.request.method == "HEAD"
    || head.status.is_informational()
    || matches!(head.status.as_u16(), 204 | 304);
  let length = match last {
    // RFC 9112, section 6.3: "the Transfer-Encoding overrides the
    // Content-Length".
    Some(_) => None,
    None => headers.extract_length().map_err(|error| {
      let peer = route.peer();
      NetworkError::bad_answer(format!(
        "the answer of {peer} cannot be understood: {error}"
      ))
    })?,
  };
  Ok(Framing {
    framed: stream || chunked || length.is_some(),
    length: length.filter(|_| !no_body),
    stream: stream && !no_body,
  })
}

/// Whether the request may go over a connection that others have used.
fn may_reuse(fetch: &Fetch, connection: Connection) -> bool {
  let method = fetch.request.method.as_str();
  let may_be_lost = matches!(method, "GET" | "HEAD" | "OPTIONS");
  connection == Connection::AnyGood && may_be_lost
}

pub(super) fn transport_request(
  fetch: &Fetch,
  headers: &HeaderList,
  url: &Url,
  activity: &Activity,
  may_reuse: bool,
) -> Result<TransportRequest, NetworkError> {
  let method = &fetch.request.method;
  let invalid = |what: &str| {
    let authority = authority(url);
    let message = format!("the request to {authority} cannot be sent: {what}");
    NetworkError::refused(message)
  };
  if url.as_str().len() > MAX_URL {
    return Err(invalid(&format!(
      "its URL is too long, {} bytes; at most {MAX_URL} can be sent",
      url.as_str().len()
    )));
  }
  let method = http::Method::from_bytes(method.as_bytes())
    .map_err(|_| invalid("its method is not one of HTTP"))?;
  let mut on_wire = HeaderMap::new();
  for (name, value) in headers.iter() {
    let pair = HeaderName::from_bytes(name.as_bytes())
      .ok()
      .zip(isomorphic_encode(value));
    let Some((name, value)) = pair else {
      return Err(invalid("a header of it is not one of HTTP"));
    };
    if on_wire.try_append(name, value).is_err() {
      return Err(invalid("it has too many headers"));
    }
  }
  let body = fetch.body.as_ref().map(|body| -> TransportRequestBody {
    let transmitted = fetch.transmitted.clone();
    let limit = fetch.network.rate_limit();
    Box::pin(SizedBody::new(body, limit, transmitted, activity.clone()))
  });
  Ok(TransportRequest {
    method,
    url: url.clone(),
    headers: on_wire,
    body,
    may_reuse,
    alone: fetch.range.as_ref().is_some_and(|r| r.last_byte.is_some()),
  })
}

/// The answer, or `None` once no byte has moved for `idle_timeout`. Until the
/// head of the answer comes, only those of the request's body are seen.
pub(super) async fn unless_idle<T>(
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
pub(super) fn wire_url(url: &Url) -> Url {
  let mut url = url.clone();
  url.set_fragment(None);
  // An HTTP(S) URL has a host, so neither fails.
  let _ = url.set_username("");
  let _ = url.set_password(None);
  url
}

pub(super) fn header_list(headers: &HeaderMap) -> HeaderList {
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
