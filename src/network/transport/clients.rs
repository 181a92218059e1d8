//! The HTTP clients.

use std::sync::Arc;
use std::sync::OnceLock;

use url::Url;

use super::new_connection::MarkNewConnection;
use super::proxy::Proxies;
use super::resolver::Resolver;
use crate::network::NetworkConfig;
use crate::network::NetworkConfigError;

/// Those that requests are sent through.
pub(super) struct Clients {
  proxies: Proxies,
  pooled: reqwest::Client,
  /// Made when first needed: reading the certificate roots takes a while.
  fresh: OnceLock<reqwest::Client>,
  /// Likewise.
  http1: OnceLock<reqwest::Client>,
  /// The same.
  unshared: OnceLock<reqwest::Client>,
}

impl Clients {
  pub(crate) fn new(
    config: &NetworkConfig,
  ) -> Result<Self, NetworkConfigError> {
    let proxies = Proxies::new(&config.proxy)?;
    let pooled = with_pool(builder(config, &proxies)?)
      // A connection of HTTP/2 outlives the fetch that fell silent on it. One
      // that is dead must not be there for the next attempt.
      .http2_keep_alive_interval(config.idle_timeout / 4)
      .http2_keep_alive_timeout(config.idle_timeout / 2);
    Ok(Self {
      proxies,
      pooled: pooled.build().map_err(NetworkConfigError::Client)?,
      fresh: OnceLock::new(),
      http1: OnceLock::new(),
      unshared: OnceLock::new(),
    })
  }

  /// The proxy that a request to `url` goes through.
  pub(crate) fn proxy(&self, url: &Url) -> Option<&Url> {
    self.proxies.of(url)
  }

  /// The client that keeps connections.
  pub(crate) fn pooled(&self) -> &reqwest::Client {
    &self.pooled
  }

  /// The client that keeps connections, none of which ever carries two
  /// requests at once.
  pub(super) fn unshared(
    &self,
    config: &NetworkConfig,
  ) -> Result<&reqwest::Client, NetworkConfigError> {
    match self.unshared.get() {
      Some(client) => Ok(client),
      None => {
        let unshared = with_pool(builder(config, &self.proxies)?).http1_only();
        let client = unshared.build().map_err(NetworkConfigError::Client)?;
        Ok(self.unshared.get_or_init(|| client))
      }
    }
  }

  /// The client that opens a connection for every request.
  pub(crate) fn fresh(
    &self,
    config: &NetworkConfig,
  ) -> Result<&reqwest::Client, NetworkConfigError> {
    self.made_when_needed(&self.fresh, config, |fresh| fresh)
  }

  /// The same, for HTTP/1.1 alone.
  pub(super) fn http1(
    &self,
    config: &NetworkConfig,
  ) -> Result<&reqwest::Client, NetworkConfigError> {
    self.made_when_needed(&self.http1, config, |fresh| fresh.http1_only())
  }

  fn made_when_needed<'a>(
    &self,
    place: &'a OnceLock<reqwest::Client>,
    config: &NetworkConfig,
    change: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
  ) -> Result<&'a reqwest::Client, NetworkConfigError> {
    match place.get() {
      Some(client) => Ok(client),
      None => {
        let fresh = builder(config, &self.proxies)?.pool_max_idle_per_host(0);
        let client =
          change(fresh).build().map_err(NetworkConfigError::Client)?;
        Ok(place.get_or_init(|| client))
      }
    }
  }
}

fn with_pool(builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
  builder
    .connector_layer(MarkNewConnection)
    .pool_max_idle_per_host(MAX_IDLE_CONNECTIONS_PER_HOST)
}

fn builder(
  config: &NetworkConfig,
  proxies: &Proxies,
) -> Result<reqwest::ClientBuilder, NetworkConfigError> {
  let mut builder = reqwest::Client::builder()
    // Redirects are followed here, under Fetch's rules.
    .redirect(reqwest::redirect::Policy::none())
    .referer(false)
    // What is sent again is decided in `http_network_fetch`. What remains is
    // hyper-util's: it takes another connection for a request that never left,
    // because the pooled one turned out to be closed before a byte of it was
    // written.
    .retry(reqwest::retry::never())
    .connect_timeout(config.connect_timeout)
    .pool_idle_timeout(config.pool_idle_timeout)
    .tcp_nodelay(true)
    .http1_max_headers(config.max_headers)
    // As browsers and curl do: a folded line is one, a blank before the colon
    // is not there, and a line that is not a header's is passed over.
    .http1_allow_obsolete_multiline_headers_in_responses(true)
    .http1_allow_spaces_after_header_name_in_responses(true)
    .http1_ignore_invalid_headers_in_responses(true)
    .http2_max_header_list_size(config.max_header_list_size)
    // A transfer may fill a long fat pipe: the window bounds bytes in flight,
    // so 4 MiB are 40 MB/s at 100 ms. Adaptive windows start too small.
    .http2_initial_stream_window_size(HTTP2_STREAM_WINDOW)
    .http2_initial_connection_window_size(HTTP2_CONNECTION_WINDOW);
  if config.http1_only {
    builder = builder.http1_only();
  }
  let mut certificates = Vec::new();
  for (index, pem) in config.root_certificates.iter().enumerate() {
    let refused =
      |reason| NetworkConfigError::RootCertificate { index, reason };
    let bundle = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
      .map_err(|error| refused(error.to_string()))?;
    // The wrong file would else be taken without a word.
    if bundle.is_empty() {
      return Err(refused("there is no certificate in it".into()));
    }
    certificates.extend(bundle);
  }
  builder = if config.system_roots {
    builder.tls_certs_merge(certificates)
  } else {
    builder.tls_certs_only(certificates)
  };
  if !config.verify_certificates {
    builder = builder.tls_danger_accept_invalid_certs(true);
  }
  if let Some(pem) = &config.client_certificate {
    let identity = reqwest::Identity::from_pem(pem.as_bytes())
      .map_err(NetworkConfigError::ClientCertificate)?;
    builder = builder.identity(identity);
  }
  builder = proxies.apply(builder)?;
  let resolver = Resolver(config.resolver.clone());
  builder = builder.dns_resolver(Arc::new(resolver));
  for (host, addresses) in &config.dns_overrides {
    builder = builder.resolve_to_addrs(host, addresses);
  }
  Ok(builder)
}

/// In bytes.
const HTTP2_STREAM_WINDOW: u32 = 4 * 1024 * 1024;
/// In bytes.
const HTTP2_CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
const MAX_IDLE_CONNECTIONS_PER_HOST: usize = 32;
