//! [Obtain a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-connection-obtain),
//! and the head of the answer.

use futures::StreamExt;
use futures::stream;

use super::super::NetworkError;
use super::super::TraceEvent;
use super::super::fetch::Fetch;
use super::super::fetch::InternalResponse;
use super::super::http_network_fetch::header_list;
use super::super::http_network_fetch::trace;
use super::super::http_network_fetch::transport_request;
use super::super::http_network_fetch::unless_idle;
use super::super::http_network_fetch::wire_url;
use super::super::request_body::Activity;
use super::super::response_body::idle_error;
use super::super::route::Route;
use crate::spec::HeaderList;

/// Sends the opening handshake over a connection of its own, and gives the head
/// of the answer.
pub(in super::super) async fn obtain_a_web_socket_connection(
  fetch: &Fetch,
  headers: &HeaderList,
) -> Result<InternalResponse, NetworkError> {
  let url = wire_url(&fetch.request.url);
  let activity = Activity::default();
  let request = transport_request(fetch, headers, &url, &activity, false)?;
  let host = url.host_str().unwrap_or_default();
  let _turn = fetch.network.handshake_turn(host).await;
  let method = &fetch.request.method;
  trace(
    fetch,
    TraceEvent::Request {
      method,
      url: &url,
      headers,
    },
  );
  let transport = fetch.network.transport();
  let answer = transport.upgrade(request);
  let answer = unless_idle(answer, &activity, fetch.idle_timeout).await;
  let answer = answer.unwrap_or_else(|| {
    let proxy = transport.proxy(&url).cloned();
    let url = url.clone();
    Err(idle_error(&Route { url, proxy }, fetch.idle_timeout))
  });
  let answer = match answer {
    Ok(answer) => answer,
    Err(error) => {
      let event = TraceEvent::Failure {
        url: &url,
        error: &error,
      };
      trace(fetch, event);
      return Err(error);
    }
  };
  let reason = answer.status.canonical_reason().unwrap_or_default();
  let response = InternalResponse {
    status: answer.status.as_u16(),
    status_message: reason.into(),
    headers: header_list(&answer.headers),
    body: stream::empty().boxed(),
    framed: true,
    opaque_redirect: false,
    upgrade: answer.connection,
    of_service_worker: None,
  };
  trace(
    fetch,
    TraceEvent::Response {
      url: &url,
      status: response.status,
      status_message: &response.status_message,
      headers: &response.headers,
    },
  );
  Ok(response)
}
