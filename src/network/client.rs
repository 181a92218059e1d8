//! The network.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::sync::OwnedMutexGuard;

use super::FetchParams;
use super::FetchResponse;
use super::HandleFetch;
use super::NetworkConfig;
use super::NetworkConfigError;
use super::NetworkError;
use super::fetch::Fetch;
use super::main_fetch::main_fetch;
use super::preflight_cache::PreflightCache;
use super::rate_limit::RateLimit;
use super::slice::Slice;
use super::transport::HttpTransport;
use super::transport::Transport;

/// Fetches, one call at a time; cheap to clone, and every clone shares
/// connections, cookies and preflights.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
  config: NetworkConfig,
  transport: Arc<dyn Transport>,
  rate_limit: Option<RateLimit>,
  preflight_cache: Mutex<PreflightCache>,
  /// Of the opening handshakes of WebSockets, by host.
  handshakes: Mutex<HashMap<String, Weak<Turn<()>>>>,
}

/// As long as Chromium and Firefox wait.
const SCRIPT_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

opaque_debug!(Network);

impl Network {
  /// Sets the network up; nothing is sent yet.
  pub fn new(config: NetworkConfig) -> Result<Self, NetworkConfigError> {
    let transport = match &config.transport {
      Some(transport) => transport.clone(),
      None => Arc::new(HttpTransport::new(&config)?),
    };
    Ok(Self(Arc::new(Inner {
      transport,
      rate_limit: config.limit_rate.map(RateLimit::new),
      config,
      preflight_cache: Mutex::default(),
      handshakes: Mutex::default(),
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

  /// The same for a script that waits for the answer: a server may be silent
  /// as long as browsers let it, for instance with long polling.
  /// `service_worker` is asked first, where one controls the script's realm.
  pub(crate) async fn fetch_for_script(
    &self,
    params: FetchParams,
    service_worker: Option<HandleFetch>,
  ) -> Result<FetchResponse, NetworkError> {
    let mut fetch = Fetch::new(self.clone(), params);
    fetch.service_worker = service_worker;
    fetch.idle_timeout = fetch.idle_timeout.max(SCRIPT_IDLE_TIMEOUT);
    main_fetch(fetch).await
  }

  pub(super) fn config(&self) -> &NetworkConfig {
    &self.0.config
  }

  pub(super) fn transport(&self) -> &dyn Transport {
    &*self.0.transport
  }

  pub(super) fn rate_limit(&self) -> Option<RateLimit> {
    self.0.rate_limit.clone()
  }

  /// Waits until no other WebSocket is being opened to `host`:
  /// [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1),
  /// 2, has them opened one after the other.
  pub(super) async fn handshake_turn(&self, host: &str) -> OwnedMutexGuard<()> {
    let turn = {
      let handshakes = &self.0.handshakes;
      let mut all = handshakes.lock().unwrap_or_else(PoisonError::into_inner);
      all.retain(|_, turn| turn.strong_count() > 0);
      match all.get(host).and_then(Weak::upgrade) {
        Some(turn) => turn,
        None => {
          let turn = Arc::new(Turn::new(()));
          all.insert(host.into(), Arc::downgrade(&turn));
          turn
        }
      }
    };
    turn.lock_owned().await
  }

  pub(super) fn preflight_cache(&self) -> MutexGuard<'_, PreflightCache> {
    let cache = &self.0.preflight_cache;
    cache.lock().unwrap_or_else(PoisonError::into_inner)
  }
}
