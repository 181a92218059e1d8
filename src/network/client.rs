//! The network.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use super::FetchParams;
use super::FetchResponse;
use super::NetworkConfig;
use super::NetworkConfigError;
use super::NetworkError;
use super::config::Clients;
use super::fetch::Fetch;
use super::main_fetch::main_fetch;
use super::preflight_cache::PreflightCache;
use super::rate_limit::RateLimit;
use super::slice::Slice;

/// Fetches, one call at a time; cheap to clone, and every clone shares
/// connections, cookies and preflights.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
  config: NetworkConfig,
  clients: Clients,
  rate_limit: Option<RateLimit>,
  preflight_cache: Mutex<PreflightCache>,
}

impl Network {
  /// Sets the network up; nothing is sent yet.
  pub fn new(config: NetworkConfig) -> Result<Self, NetworkConfigError> {
    Ok(Self(Arc::new(Inner {
      clients: Clients::new(&config)?,
      rate_limit: config.limit_rate.map(RateLimit::new),
      config,
      preflight_cache: Mutex::default(),
    })))
  }

  /// [Fetches](https://fetch.spec.whatwg.org/#concept-fetch) once: sends the
  /// request, follows its redirects, and resolves when the head of the answer
  /// is there. A request is sent a second time after a redirect or a 421, as
  /// Fetch has it, and when its server did not take it: HTTP/2 says so, or a
  /// `GET`, `HEAD` or `OPTIONS` went over a connection that had been used
  /// before and was closed without an answer.
  ///
  /// Has to be called, and its body polled, within a tokio runtime. Dropping
  /// the future, or the body, terminates the fetch.
  pub async fn fetch(
    &self,
    mut params: FetchParams,
  ) -> Result<FetchResponse, NetworkError> {
    let slice = Slice::taken_from(&mut params);
    let fetch = Fetch {
      slice,
      ..Fetch::new(self.clone(), params)
    };
    let answer = main_fetch(fetch).await?;
    match slice {
      Some(slice) => slice.seen_as_whole(answer),
      None => Ok(answer),
    }
  }

  pub(super) fn config(&self) -> &NetworkConfig {
    &self.0.config
  }

  pub(super) fn clients(&self) -> &Clients {
    &self.0.clients
  }

  pub(super) fn rate_limit(&self) -> Option<RateLimit> {
    self.0.rate_limit.clone()
  }

  pub(super) fn preflight_cache(&self) -> MutexGuard<'_, PreflightCache> {
    let cache = &self.0.preflight_cache;
    cache.lock().unwrap_or_else(PoisonError::into_inner)
  }
}
