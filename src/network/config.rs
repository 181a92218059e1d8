//! How the network is set up.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::NetCheck;
use super::NetworkError;
use super::cookies::CookieStore;
use super::transport::Resolve;
use super::transport::Transport;
use crate::spec::HeaderList;

/// Settings of a [`Network`](super::Network). `NetworkConfig::default()` suits
/// most embedders.
#[derive(Clone)]
pub struct NetworkConfig {
  /// The value of `User-Agent` for requests whose author gave none.
  pub user_agent: String,
  /// Whether the operating system's certificate roots are trusted. Default:
  /// yes.
  pub system_roots: bool,
  /// More certificate roots to trust, each text one or more certificates in
  /// PEM.
  pub root_certificates: Vec<String>,
  /// Whether a server has to prove who it is. Default: yes. Without it anyone
  /// on the way can read and change everything.
  pub verify_certificates: bool,
  /// What proves to servers over TLS who the client is: its certificates and
  /// its private key in one text in PEM. Default: `None`.
  pub client_certificate: Option<String>,
  /// Which way requests leave. Default: as the environment says.
  pub proxy: Proxy,
  /// Addresses for a host name, in place of the name server's. Port 0 stands
  /// for the URL's port.
  pub dns_overrides: HashMap<String, Vec<SocketAddr>>,
  /// Who resolves the other names. Default: the operating system. No resolver
  /// is asked for `localhost` and the names below it, which are this machine:
  /// [RFC 6761, section 6.3](https://www.rfc-editor.org/rfc/rfc6761#section-6.3).
  pub resolver: Option<Arc<dyn Resolve>>,
  /// How long name resolution, TCP and TLS may take together. Default: 30 s.
  pub connect_timeout: Duration,
  /// How long no byte may move, in either direction, before a fetch is
  /// [`Interrupted`](super::NetworkErrorKind::Interrupted). Default: 60 s. A
  /// connection of HTTP/2 on which nothing comes for a quarter of it is asked
  /// for a sign of life, and closed when there is none in half of it.
  pub idle_timeout: Duration,
  /// How long an unused connection is kept. Default: 30 s.
  pub pool_idle_timeout: Duration,
  /// How many headers a response may have over HTTP/1. Default: 1,000, which
  /// is more than any server means to send; the transport keeps room for each
  /// while it reads a head.
  pub max_headers: usize,
  /// How large the headers of a response may be over HTTP/2, in bytes, names
  /// and values and 32 for each. Default: 256 KiB. Over HTTP/1 the transport's
  /// own limit of about 400 KiB holds.
  pub max_header_list_size: u32,
  /// How many bytes may move in a second, in both directions and over all
  /// fetches together, which share it fairly. Bodies count, as they are on
  /// the wire; heads do not. Default: `None`, as many as there can be.
  pub limit_rate: Option<NonZeroU64>,
  /// Never speak HTTP/2. Default: no.
  pub http1_only: bool,
  /// Asked once before every hop of every fetch, in addition to the fetch's
  /// own check.
  pub default_net_check: Option<Arc<dyn NetCheck>>,
  /// Where cookies are kept; without it, none are sent or stored, which is the
  /// default.
  pub cookies: Option<Arc<dyn CookieStore>>,
  /// Headers that belong to a server and must not be stored with a background
  /// fetch, such as `Authorization`. Default: none.
  pub credentials: Option<Arc<dyn Credentials>>,
  /// Hears of every request and of what came of it. Default: none.
  pub trace: Option<Arc<dyn Trace>>,
  /// Carries requests in place of the HTTP client of this crate. Then what is
  /// said here of TLS, proxies, name resolution and connections has no effect.
  /// Default: `None`.
  pub transport: Option<Arc<dyn Transport>>,
}

/// The [authentication entries](https://fetch.spec.whatwg.org/#authentication-entry)
/// of a user agent. A function of the URL is one.
pub trait Credentials: Send + Sync + 'static {
  /// Called with the URL of every hop that includes credentials: the headers, by
  /// name and value, that are sent there and nowhere else. They are never stored.
  /// A header that the request has already stays as it is.
  fn headers(&self, url: &Url) -> Vec<(String, String)>;
}

impl<F> Credentials for F
where
  F: Fn(&Url) -> Vec<(String, String)> + Send + Sync + 'static,
{
  fn headers(&self, url: &Url) -> Vec<(String, String)> {
    self(url)
  }
}

/// See [`NetworkConfig::trace`]. A function of the event is one.
pub trait Trace: Send + Sync + 'static {
  /// Called while the fetch waits, so it must not take long.
  fn event(&self, event: TraceEvent<'_>);
}

impl<F> Trace for F
where
  F: Fn(TraceEvent<'_>) + Send + Sync + 'static,
{
  fn event(&self, event: TraceEvent<'_>) {
    self(event)
  }
}

/// One hop of a fetch on the wire, without its body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TraceEvent<'a> {
  /// A request is sent; its credentials are among the headers.
  Request {
    /// Its method.
    method: &'a str,
    /// The URL of this hop.
    url: &'a Url,
    /// Its headers.
    headers: &'a HeaderList,
  },
  /// The head of its answer is there.
  Response {
    /// The URL of this hop.
    url: &'a Url,
    /// Its status.
    status: u16,
    /// The text after the status; empty over HTTP/2.
    status_message: &'a str,
    /// Its headers.
    headers: &'a HeaderList,
  },
  /// No answer comes.
  Failure {
    /// The URL of this hop.
    url: &'a Url,
    /// What went wrong.
    error: &'a NetworkError,
  },
}

opaque_debug!(NetworkConfig);

impl Default for NetworkConfig {
  fn default() -> Self {
    Self {
      user_agent: DEFAULT_USER_AGENT.into(),
      system_roots: true,
      root_certificates: Vec::new(),
      verify_certificates: true,
      client_certificate: None,
      proxy: Proxy::default(),
      dns_overrides: HashMap::new(),
      resolver: None,
      connect_timeout: Duration::from_secs(30),
      idle_timeout: Duration::from_secs(60),
      pool_idle_timeout: Duration::from_secs(30),
      max_headers: 1000,
      max_header_list_size: 256 * 1024,
      limit_rate: None,
      http1_only: false,
      default_net_check: None,
      cookies: None,
      credentials: None,
      trace: None,
      transport: None,
    }
  }
}

/// Which way requests leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
  /// As the environment variables `http_proxy`, `https_proxy`, `all_proxy` and
  /// `no_proxy` say, or else the same in upper case. An empty one counts as
  /// none; one that is not the URL of a proxy is an error.
  #[default]
  Environment,
  /// Straight to the server.
  Direct,
  /// Through the proxy at this `http:` or `https:` URL, whatever the
  /// destination.
  Url(String),
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkConfigError {
  /// A text of [`NetworkConfig::root_certificates`] is not a certificate.
  #[error(
    "root certificate {index} is not a certificate in PEM: {reason}; check \
     the file that it was read from"
  )]
  RootCertificate {
    /// The position in [`NetworkConfig::root_certificates`].
    index: usize,
    /// What is wrong with it, human-readable.
    reason: String,
  },
  /// [`NetworkConfig::client_certificate`] is not a certificate with its key.
  #[error(
    "the client certificate cannot be used: {0}; it has to be in PEM, with its \
     private key behind it"
  )]
  ClientCertificate(reqwest::Error),
  /// A proxy's setting cannot be understood.
  #[error(
    "{setting} is {value:?}, which is not the URL of a proxy: {reason}; write \
     it like http://host:port"
  )]
  Proxy {
    /// An environment variable, or "the proxy".
    setting: String,
    /// Without credentials.
    value: String,
    /// What is wrong with it, human-readable.
    reason: String,
  },
  /// The HTTP client cannot be set up.
  #[error("the network cannot be set up: {0:?}")]
  Client(reqwest::Error),
}

const DEFAULT_USER_AGENT: &str =
  concat!("background_fetch/", env!("CARGO_PKG_VERSION"));
