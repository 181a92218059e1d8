//! What the embedder chooses, each with a working default.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use url::Origin;

use crate::display::Display;
use crate::engine::workers::delegate::ServiceWorkerHost;
use crate::network::NetworkConfig;
use crate::network::NetworkPolicy;
use crate::service_worker::ServiceWorkerLimits;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::spec::ResumePolicy;

/// The engine's settings. `EngineConfig::default()` is what a browser-like
/// embedder wants.
#[derive(Clone)]
pub struct EngineConfig {
  /// The wire: TLS roots, proxy, name resolution, timeouts, rate limit,
  /// cookies.
  pub network: NetworkConfig,
  /// The [permission state](https://wicg.github.io/background-fetch/#permissions)
  /// for `"background-fetch"`, by origin. Default: granted.
  pub permission: Arc<dyn Fn(&Origin) -> PermissionState + Send + Sync>,
  /// The permission state for `"notifications"`, by origin. Default: granted.
  pub notification_permission:
    Arc<dyn Fn(&Origin) -> PermissionState + Send + Sync>,
  /// How many bytes an origin's background fetches may hold in the store, with
  /// their request bodies; `None` for as much as the disk can take. Default:
  /// `None`.
  pub quota: QuotaOf,
  /// How often a fetch is tried again.
  pub retry: RetryPolicy,
  /// What may join the bytes of a transfer that was interrupted to those that
  /// come after. Default: a strong validator only.
  pub resume: ResumePolicy,
  /// How many fetches may be on the wire at once.
  pub concurrency: Concurrency,
  /// When received bytes are made durable.
  pub checkpoint: CheckpointPolicy,
  /// Who shows the background fetches. Default: nobody.
  pub display: Option<Arc<dyn Display>>,
  /// Called with every background fetch that has settled, when its result is
  /// durable and before its event is fired: the last moment at which all its
  /// records are sure to be there. The event waits for it. After a crash in
  /// between, and before an event is fired again that could not be delivered,
  /// it is called again.
  pub before_event: Option<BeforeEvent>,
  /// How long a background fetch is kept after its event could not be
  /// delivered, or after it has failed in a realm that
  /// [keeps failed ones](super::RealmOptions::keep_failed); then it is deleted
  /// with its bytes. By the clock on the wall. Default: 7 days.
  pub retention: Duration,
  /// Who runs service workers. Default: nobody. Then scripts cannot register
  /// any; the embedder attaches their realms itself, and vouches for the
  /// worker of every other realm's registration.
  pub service_worker_host: Option<Arc<dyn ServiceWorkerHost>>,
  /// How long a service worker may take, and how long it is kept.
  pub service_worker_limits: ServiceWorkerLimits,
}

/// See [`EngineConfig::before_event`].
pub type BeforeEvent =
  Arc<dyn Fn(BackgroundFetchSnapshot) -> BoxFuture<'static, ()> + Send + Sync>;

impl Default for EngineConfig {
  fn default() -> Self {
    Self {
      network: NetworkConfig::default(),
      permission: Arc::new(|_| PermissionState::Granted),
      notification_permission: Arc::new(|_| PermissionState::Granted),
      quota: Arc::new(|_| None),
      retry: RetryPolicy::default(),
      resume: ResumePolicy::default(),
      concurrency: Concurrency::default(),
      checkpoint: CheckpointPolicy::default(),
      display: None,
      before_event: None,
      retention: Duration::from_secs(7 * 24 * 60 * 60),
      service_worker_host: None,
      service_worker_limits: ServiceWorkerLimits::default(),
    }
  }
}

/// See [`EngineConfig::quota`].
pub type QuotaOf = Arc<dyn Fn(&Origin) -> Option<u64> + Send + Sync>;

/// A [permission state](https://w3c.github.io/permissions/#dfn-permission-state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionState {
  Granted,
  /// `fetch()` rejects with `NotAllowedError`.
  Denied,
  /// The background fetch starts paused, until the display lets it go on or
  /// aborts it.
  Prompt,
}

/// When a resource counts as
/// [temporarily unavailable](https://wicg.github.io/background-fetch/#temporarily-unavailable).
#[derive(Clone, Debug)]
pub struct RetryPolicy {
  /// How many times in a row a `GET` that fails is tried again when no byte
  /// came in between. Default: 5. While the machine is offline nothing is
  /// counted.
  pub attempts: u32,
  /// The wait before the first of them; each further one is twice as long,
  /// less up to a quarter (jitter). Default: 250 ms.
  pub first_delay: Duration,
  /// No wait is longer. Default: 30 s. So this is also how long it may take
  /// until it is noticed that the network is back.
  pub max_delay: Duration,
  /// How long the machine may be offline (no route, no network, or no name
  /// server that answers) before a fetch that needs the network fails; counted
  /// by this process, from the first attempt that found it so. Default:
  /// `None`, for ever: a background fetch waits for the network. A fetch that
  /// waits can be paused and aborted, and
  /// [`BackgroundFetchSnapshot::waiting`] says why it does.
  pub offline_timeout: Option<Duration>,
  /// Which statuses say that a resource is temporarily unavailable. An answer
  /// to a `GET` with one of them counts as a failure that is tried again: after
  /// the wait of this policy, or the longer one that the server asks for with
  /// `Retry-After`, up to an hour. What is stored stays. Default:
  /// [`RetryStatuses::None`].
  pub statuses: RetryStatuses,
}

/// See [`RetryPolicy::statuses`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RetryStatuses {
  /// Every answer is final, as it is for a page.
  #[default]
  None,
  /// [`RetryStatuses::TEMPORARY`], for fetches with policy `server`.
  Programs,
  /// These, whatever the policy.
  These(Vec<u16>),
}

impl RetryStatuses {
  /// The statuses with which servers and what is before them say that another
  /// time may be better.
  pub const TEMPORARY: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

  pub(super) fn contains(&self, status: u16, policy: NetworkPolicy) -> bool {
    match self {
      Self::None => false,
      Self::Programs => {
        policy == NetworkPolicy::Server && Self::TEMPORARY.contains(&status)
      }
      Self::These(statuses) => statuses.contains(&status),
    }
  }
}

impl Default for RetryPolicy {
  fn default() -> Self {
    Self {
      attempts: 5,
      first_delay: Duration::from_millis(250),
      max_delay: Duration::from_secs(30),
      offline_timeout: None,
      statuses: RetryStatuses::default(),
    }
  }
}

/// How many fetches run at once.
#[derive(Clone, Copy, Debug)]
pub struct Concurrency {
  /// Fewer when the process may not open so many files: about a third of
  /// `RLIMIT_NOFILE`, which the embedder may want to raise.
  pub total: usize,
  pub per_background_fetch: usize,
  /// For each host that requests name; a redirect does not change whose place
  /// it is. Default: `None`, no limit of its own.
  pub per_host: Option<usize>,
}

impl Default for Concurrency {
  fn default() -> Self {
    Self {
      total: 256,
      per_background_fetch: 32,
      per_host: None,
    }
  }
}

/// What a crash may cost: after a power failure at most this much is fetched
/// again. (A process that is killed loses nothing that was written.)
#[derive(Clone, Copy, Debug)]
pub struct CheckpointPolicy {
  /// In bytes received since the last time, over all background fetches.
  pub bytes: u64,
  /// Since the first byte that is not durable.
  pub interval: Duration,
}

impl Default for CheckpointPolicy {
  fn default() -> Self {
    Self {
      bytes: 256 * 1024 * 1024,
      interval: Duration::from_secs(2),
    }
  }
}
