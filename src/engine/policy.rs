//! The policies that an embedder chooses, each with a working default.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use url::Origin;

use crate::display::Display;
use crate::network::NetCheck;
use crate::network::NetworkPolicy;
use crate::service_worker::ServiceWorkerLimits;
use crate::snapshot::BackgroundFetchSnapshot;
use crate::spec::ResumePolicy;

/// Those that jobs follow.
#[derive(Clone)]
pub(crate) struct Policies {
  pub(crate) permission: Arc<dyn Permission>,
  pub(crate) notification_permission: Arc<dyn Permission>,
  pub(crate) quota: Arc<dyn QuotaPolicy>,
  pub(crate) retry: RetryPolicy,
  pub(crate) resume: ResumePolicy,
  pub(crate) concurrency: Concurrency,
  pub(crate) segments: SegmentPolicy,
  pub(crate) byte_budget: u64,
  pub(crate) checkpoint: CheckpointPolicy,
  pub(crate) display: Option<Arc<dyn Display>>,
  pub(crate) before_event: Option<Arc<dyn BeforeEvent>>,
  pub(crate) retention: Duration,
  pub(crate) service_worker_limits: ServiceWorkerLimits,
  pub(crate) default_net_check: Option<Arc<dyn NetCheck>>,
}

/// Who answers for a permission. A function of the origin is one:
///
/// ```
/// use background_fetch::engine::{Engine, PermissionState};
/// use url::Origin;
///
/// let engine = Engine::builder().permission(|origin: &Origin| match origin {
///   Origin::Tuple(_, host, _) if host.to_string() == "example.com" => {
///     PermissionState::Granted
///   }
///   _ => PermissionState::Denied,
/// });
/// ```
pub trait Permission: Send + Sync + 'static {
  /// The state now, which is what `navigator.permissions.query()` says. Does
  /// not ask the user.
  fn state(&self, origin: &Origin) -> PermissionState;

  /// The state for what a script begins now. Called once for each `fetch()`,
  /// before a request body is read, or for each
  /// `Notification.requestPermission()`, and may take as long as a user does.
  /// [`Permission::state`], by default.
  fn request<'a>(
    &'a self,
    origin: &'a Origin,
  ) -> BoxFuture<'a, PermissionState> {
    Box::pin(std::future::ready(self.state(origin)))
  }
}

impl<F> Permission for F
where
  F: Fn(&Origin) -> PermissionState + Send + Sync + 'static,
{
  fn state(&self, origin: &Origin) -> PermissionState {
    self(origin)
  }
}

/// What is done before an event is fired. An async function is one. See
/// [`EngineConfig::before_event`](super::EngineConfig::before_event).
pub trait BeforeEvent: Send + Sync + 'static {
  /// The event of this background fetch waits for it.
  fn before_event(
    &self,
    background_fetch: BackgroundFetchSnapshot,
  ) -> BoxFuture<'static, ()>;
}

impl<F, Done> BeforeEvent for F
where
  F: Fn(BackgroundFetchSnapshot) -> Done + Send + Sync + 'static,
  Done: Future<Output = ()> + Send + 'static,
{
  fn before_event(
    &self,
    background_fetch: BackgroundFetchSnapshot,
  ) -> BoxFuture<'static, ()> {
    Box::pin(self(background_fetch))
  }
}

/// How many bytes an origin may have. A function of the origin is one. See
/// [`EngineConfig::quota`](super::EngineConfig::quota).
pub trait QuotaPolicy: Send + Sync + 'static {
  /// In bytes; `None` for as much as the disk can take. Asked once for each
  /// origin.
  fn limit(&self, origin: &Origin) -> Option<u64>;
}

impl<F> QuotaPolicy for F
where
  F: Fn(&Origin) -> Option<u64> + Send + Sync + 'static,
{
  fn limit(&self, origin: &Origin) -> Option<u64> {
    self(origin)
  }
}

/// A [permission state](https://w3c.github.io/permissions/#dfn-permission-state).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionState {
  /// `fetch()` begins at once.
  Granted,
  /// `fetch()` rejects with `NotAllowedError`.
  Denied,
  /// The background fetch starts paused, until the display lets it continue or
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
  /// `None`, forever: a background fetch waits for the network. A fetch that
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
#[non_exhaustive]
pub enum RetryStatuses {
  /// Every answer is final, as it is for a page.
  #[default]
  None,
  /// [`RetryStatuses::TEMPORARY`], for fetches with policy `server`.
  Programs,
  /// The same, but only for background fetches that have no script which could
  /// try again: those that are
  /// [kept when they have failed](crate::engine::RealmOptions::keep_failed).
  Downloads,
  /// These, whatever the policy.
  These(Vec<u16>),
}

impl RetryStatuses {
  /// The statuses with which servers and what is before them say that another
  /// time may be better.
  pub const TEMPORARY: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

  pub(super) fn contains(
    &self,
    status: u16,
    policy: NetworkPolicy,
    keep_failed: bool,
  ) -> bool {
    let is_temporary =
      policy == NetworkPolicy::Server && Self::TEMPORARY.contains(&status);
    match self {
      Self::None => false,
      Self::Programs => is_temporary,
      Self::Downloads => is_temporary && keep_failed,
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
  /// For each background fetch. Default: 32.
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

/// How many parts of one response are fetched at once.
///
/// For servers that limit the rate of each connection. On a path that one
/// connection fills, several cost more and bring nothing, so that one is the
/// default. More than one fetch what is missing behind the attempt's own
/// request, with requests of their own over connections of HTTP/1.1; they can
/// only help, for the attempt alone decides over the result. It happens where
/// nothing can go wrong with it: for a `GET`, of a response whose length is
/// known, that has a strong `ETag` and no content coding, from a server that
/// has answered the first of these requests with what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct SegmentPolicy {
  /// How many are fetched at once, the attempt's own with them. Default: 1.
  /// They count for [`Concurrency::per_host`], and give way to other requests
  /// that wait for the host, but not for the other limits.
  pub max: usize,
  /// In bytes. What is not twice as long is not divided, unless it is slow.
  /// Default: 16 MiB.
  pub min_size: u64,
}

impl Default for SegmentPolicy {
  fn default() -> Self {
    Self {
      max: 1,
      min_size: 16 * 1024 * 1024,
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
