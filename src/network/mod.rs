//! One fetch on the wire: [`Network::fetch`].
//!
//! Each algorithm of the [Fetch standard](https://fetch.spec.whatwg.org/) that
//! does I/O is in a file of its own name; what they decide by is in
//! [`spec`](crate::spec).

mod client;
mod config;
mod cookies;
mod cors_preflight_fetch;
mod decode;
mod error;
mod fetch;
mod http_fetch;
mod http_network_fetch;
mod http_network_or_cache_fetch;
mod http_redirect_fetch;
mod main_fetch;
mod preflight_cache;
mod rate_limit;
mod request_body;
mod response_body;
mod route;
mod scheme_fetch;
mod slice;
mod transport;
mod verify;
mod web_socket;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use serde::Deserialize;
use serde::Serialize;
use url::Url;

#[doc(hidden)]
pub use self::client::Network;
pub use self::config::Credentials;
pub use self::config::NetworkConfig;
pub use self::config::NetworkConfigError;
pub use self::config::Proxy;
pub use self::config::Trace;
pub use self::config::TraceEvent;
pub use self::cookies::CookieContext;
pub use self::cookies::CookieStore;
pub use self::cookies::MemoryCookieStore;
pub use self::error::NetworkError;
pub use self::error::NetworkErrorKind;
pub(crate) use self::http_fetch::check_service_worker_response;
pub use self::request_body::RequestBodyError;
pub(crate) use self::route::excerpt;
pub(crate) use self::route::without_secrets;
pub use self::transport::BodyError;
pub use self::transport::Resolve;
pub use self::transport::Transport;
pub use self::transport::TransportBody;
pub use self::transport::TransportConnection;
pub use self::transport::TransportError;
pub use self::transport::TransportRequest;
pub use self::transport::TransportRequestBody;
pub use self::transport::TransportResponse;
pub use self::transport::TransportStream;
pub use self::transport::TransportUpgrade;
pub use self::web_socket::WebSocketCommand;
pub use self::web_socket::WebSocketConnection;
pub use self::web_socket::WebSocketEvent;
pub use self::web_socket::WebSocketEvents;
pub use self::web_socket::WebSocketParams;
use crate::spec::Client;
use crate::spec::Destination;
use crate::spec::Request;
use crate::spec::Response;
use crate::spec::may_register;

type Body = BoxStream<'static, Result<Bytes, NetworkError>>;

/// What the network has to know of the realm that started a fetch, its
/// [client](https://fetch.spec.whatwg.org/#concept-request-client). It is stored
/// with a background fetch, and with a service worker, which outlive the realm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[doc(hidden)]
pub struct ClientEnvironment {
  /// The URL of the page or worker: its origin is the request's origin, and
  /// it is the referrer.
  pub url: Url,
  /// Whose rules hold.
  pub policy: NetworkPolicy,
  /// The values of `Content-Security-Policy` that govern the realm.
  pub csp: Vec<String>,
  /// The realm's referrer policy, or the empty string for the default.
  pub referrer_policy: String,
}

impl ClientEnvironment {
  /// A client that no policy of a document governs.
  pub fn new(url: Url, policy: NetworkPolicy) -> Self {
    Self {
      url,
      policy,
      csp: Vec::new(),
      referrer_policy: String::new(),
    }
  }

  /// Whether `fetch()` takes a request for `url`; the error is a message for
  /// the `TypeError` that it rejects with. See [`may_register`].
  pub fn may_register(&self, url: &Url) -> Result<(), String> {
    let client = Client {
      url: &self.url,
      csp: &self.csp,
    };
    let browser = self.policy == NetworkPolicy::Browser;
    may_register(url, browser.then_some(client))
  }
}

/// Which rules a fetch follows.
#[derive(
  Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum NetworkPolicy {
  /// A page's: origin, CORS, mixed content, CSP, credentials.
  #[default]
  Browser,
  /// A program's: there is no page, and so nothing that presumes one.
  Server,
}

/// Says whether the network may be asked for a URL; asked again for every
/// redirect. A function of the URL is one:
///
/// ```
/// use std::sync::Arc;
///
/// use background_fetch::{NetworkConfig, Url};
///
/// let config = NetworkConfig {
///   default_net_check: Some(Arc::new(|url: &Url| match url.scheme() {
///     "https" => Ok(()),
///     _ => Err(format!("{url} is not encrypted")),
///   })),
///   ..NetworkConfig::default()
/// };
/// ```
pub trait NetCheck: Send + Sync + 'static {
  /// Asked while the fetch waits, so it must not take long.
  ///
  /// # Errors
  ///
  /// Why not, human-readable.
  fn check(&self, url: &Url) -> Result<(), String>;
}

impl<F> NetCheck for F
where
  F: Fn(&Url) -> Result<(), String> + Send + Sync + 'static,
{
  fn check(&self, url: &Url) -> Result<(), String> {
    self(url)
  }
}

/// Asks the service worker that controls the client, see
/// [Handle Fetch](https://w3c.github.io/ServiceWorker/#handle-fetch): `None`
/// when it leaves the request to the network.
pub(crate) type HandleFetch = Arc<
  dyn Fn(
      Request,
      Option<RequestBody>,
    ) -> BoxFuture<'static, Result<Option<FetchResponse>, NetworkError>>
    + Send
    + Sync,
>;

/// What to fetch.
#[doc(hidden)]
pub struct FetchParams {
  /// What is requested.
  pub request: Request,
  /// What the response is for.
  pub destination: Destination,
  /// Who requests it.
  pub environment: ClientEnvironment,
  /// Where the missing bytes start; `None` asks for all.
  pub range: Option<RangeStart>,
  /// Ask for no content coding, whatever the author says; a range is always
  /// one of what has none.
  pub identity: bool,
  /// The bytes of the request's body, when it has one: called once for every
  /// time that the body is sent.
  pub body: Option<RequestBody>,
  /// Called with the number of body bytes sent so far, as they are sent.
  pub transmitted: Arc<dyn Fn(u64) + Send + Sync>,
  /// Asked before every hop.
  pub net_check: Option<Arc<dyn NetCheck>>,
}

/// A request body.
#[derive(Clone)]
#[doc(hidden)]
pub struct RequestBody {
  /// In bytes. `None` for a stream of unknown length: its
  /// [source](https://fetch.spec.whatwg.org/#concept-body-source) is null, so
  /// it can be sent once, and a redirect that needs it again is an error.
  pub length: Option<u64>,
  /// Called once for every time that the body is sent.
  pub open:
    Arc<dyn Fn() -> BoxStream<'static, std::io::Result<Bytes>> + Send + Sync>,
}

/// Which bytes a range request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct RangeStart {
  /// The first missing byte; greater than 0.
  pub first_byte: u64,
  /// The last one; `None` for all that follow. One of several ranges that are
  /// fetched at once has an end, and so a connection of HTTP/1.1 of its own:
  /// over one of HTTP/2 they would share what one can have.
  pub last_byte: Option<u64>,
  /// A strong validator of the bytes that are there, for `If-Range`: an
  /// entity tag or a date.
  pub validator: Option<String>,
}

/// What came back: the head now, the body as it arrives. Dropping the body
/// terminates the fetch and lets the connection go.
#[doc(hidden)]
pub struct FetchResponse {
  /// The filtered response: what the script may see.
  pub response: Response,
  /// Decoded bytes. A coding that is unknown is left on. With integrity
  /// metadata, the stream ends in an error when the bytes do not match; a 206
  /// has only a part of them, so there the caller has to verify the whole with
  /// [`IntegrityVerifier`](crate::spec::IntegrityVerifier).
  ///
  /// How far a body may grow when it is decoded is the caller's to limit.
  pub body: BoxStream<'static, Result<Bytes, NetworkError>>,
}

opaque_debug!(FetchParams, RequestBody, FetchResponse);
