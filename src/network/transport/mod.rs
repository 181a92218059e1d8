//! The wire below Fetch's rules: one request goes out, one answer comes in.

mod classify;
mod clients;
mod http_transport;
mod new_connection;
mod proxy;
mod resolver;
mod upgrade;

use std::pin::Pin;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderMap;
use http::Method;
use http::StatusCode;
use http::Version;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use url::Url;

pub(super) use self::http_transport::HttpTransport;
pub use self::resolver::Resolve;
pub(super) use self::upgrade::basic_credentials;
use super::NetworkError;
use super::request_body::RequestBodyError;

/// Carries requests to their servers, one at a time and any number at once.
/// The one that comes with this crate speaks HTTP/1.1 and HTTP/2 over TCP and
/// TLS; [`NetworkConfig::transport`](super::NetworkConfig::transport) puts
/// another in its place.
///
/// It knows nothing of redirects, credentials, content codings or timeouts:
/// those are the callers'.
pub trait Transport: Send + Sync + 'static {
  /// Sends a request and waits for the head of its answer; informational
  /// answers are passed over. A request or a body that is dropped early gives
  /// its connection up.
  fn send(
    &self,
    request: TransportRequest,
  ) -> BoxFuture<'_, Result<TransportResponse, TransportError>>;

  /// Sends a request to go on with another protocol over a new connection of
  /// HTTP/1.1, as the opening handshake of a WebSocket is, and waits for the
  /// head of the answer. One that does not do this refuses it, and there are no
  /// WebSockets.
  fn upgrade(
    &self,
    request: TransportRequest,
  ) -> BoxFuture<'_, Result<TransportUpgrade, NetworkError>> {
    let _ = request;
    let refusal = NetworkError::refused("the transport opens no WebSockets");
    Box::pin(std::future::ready(Err(refusal)))
  }

  /// The proxy that a request to `url` goes through.
  fn proxy(&self, url: &Url) -> Option<&Url> {
    let _ = url;
    None
  }
}

/// A request as it goes on the wire.
pub struct TransportRequest {
  /// Its method.
  pub method: Method,
  /// Without a fragment and credentials.
  pub url: Url,
  /// All but those that say where the body ends, and `Host`.
  pub headers: HeaderMap,
  /// Its body, if it has one.
  pub body: Option<TransportRequestBody>,
  /// Whether the request may go over a connection that others have used. Its
  /// server may be closing such a connection just now, and then it cannot be
  /// known whether it has seen the request.
  pub may_reuse: bool,
  /// Whether nothing else may go over its connection at the same time, as it
  /// does over one of HTTP/2.
  pub alone: bool,
}

/// The body of a request. Its size hint is exact where the length is known.
pub type TransportRequestBody = Pin<
  Box<
    dyn http_body::Body<Data = Bytes, Error = RequestBodyError> + Send + Sync,
  >,
>;

/// The head of an answer, and its body as it comes.
pub struct TransportResponse {
  /// Its status.
  pub status: StatusCode,
  /// What stands behind the status. `None` for the usual words, and over
  /// HTTP/2, which has none.
  pub reason: Option<Bytes>,
  /// The version of HTTP that it came by.
  pub version: Version,
  /// As they came, those of transfer codings included.
  pub headers: HeaderMap,
  /// Its body.
  pub body: TransportBody,
}

/// The head of an answer to a request to go on with another protocol.
pub struct TransportUpgrade {
  /// Its status.
  pub status: StatusCode,
  /// As they came.
  pub headers: HeaderMap,
  /// With the status 101 alone.
  pub connection: Option<TransportConnection>,
}

opaque_debug!(TransportUpgrade);

/// A connection that has changed its protocol.
pub type TransportConnection = Box<dyn TransportStream>;

/// Bytes in both directions.
pub trait TransportStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> TransportStream for T {}

/// The bytes of an answer, without transfer codings. An end that breaks the
/// framing is an error. `is_end_stream` answers, once a stream of HTTP/2 has
/// ended, whether its sender has said so.
pub type TransportBody =
  Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>;

/// A request that got no answer.
#[derive(Clone, Debug)]
pub struct TransportError {
  /// What went wrong.
  pub error: NetworkError,
  /// Whether the server may have taken the request. If not, it can be sent
  /// again at once, and the caller need not know.
  pub taken: bool,
}

/// A body that did not end in order.
#[derive(Clone, Debug)]
pub struct BodyError {
  /// What went wrong.
  pub error: NetworkError,
  /// Whether the peer has closed the connection in good order, but for the
  /// alert that TLS has for it:
  /// [RFC 9112, section 9.8](https://www.rfc-editor.org/rfc/rfc9112#section-9.8).
  pub without_closure_alert: bool,
}

opaque_debug!(TransportRequest, TransportResponse);
