//! What the embedder chooses, each with a working default.

use std::sync::Arc;
use std::time::Duration;

use url::Origin;

use super::policy::BeforeEvent;
use super::policy::CheckpointPolicy;
use super::policy::Concurrency;
use super::policy::Permission;
use super::policy::PermissionState;
use super::policy::Policies;
use super::policy::QuotaPolicy;
use super::policy::RetryPolicy;
use super::policy::SegmentPolicy;
use crate::display::Display;
use crate::engine::workers::host::ServiceWorkerHost;
use crate::network::NetworkConfig;
use crate::platform::Platform;
use crate::platform::SystemPlatform;
use crate::service_worker::ServiceWorkerLimits;
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
  pub permission: Arc<dyn Permission>,
  /// The permission state for `"notifications"`, by origin. Default: granted.
  pub notification_permission: Arc<dyn Permission>,
  /// How many bytes an origin's background fetches may hold in the store, with
  /// their request bodies; `None` for as much as the disk can take. Default:
  /// `None`.
  pub quota: Arc<dyn QuotaPolicy>,
  /// How often a fetch is tried again.
  pub retry: RetryPolicy,
  /// What may join the bytes of a transfer that was interrupted to those that
  /// come after. Default: a strong validator only.
  pub resume: ResumePolicy,
  /// How many fetches may be on the wire at once.
  pub concurrency: Concurrency,
  /// How many parts of one response are fetched at once. Default: one.
  pub segments: SegmentPolicy,
  /// How many received bytes may wait for the store, over all fetches that are
  /// on the wire: they share it, and who has its share reads no more before
  /// the disk has taken some. Each may hold 64 KiB, and what comes at once,
  /// however small the budget is, and no more than 8 MiB. Default: 48 MiB.
  pub byte_budget: u64,
  /// When received bytes are made durable.
  pub checkpoint: CheckpointPolicy,
  /// Who shows the background fetches. Default: none.
  pub display: Option<Arc<dyn Display>>,
  /// Called with every background fetch that has settled, when its result is
  /// durable and before its event is fired: the last moment at which all its
  /// records are sure to be there. The event waits for it. After a crash in
  /// between, and before an event is fired again that could not be delivered,
  /// it is called again.
  pub before_event: Option<Arc<dyn BeforeEvent>>,
  /// How long a background fetch is kept after its event could not be
  /// delivered, or after it has failed in a realm that
  /// [keeps failed ones](super::RealmOptions::keep_failed); then it is deleted
  /// with its bytes. By the clock on the wall. Default: 7 days.
  pub retention: Duration,
  /// Who runs service workers. Default: none. Then scripts cannot register
  /// any; the embedder attaches their realms itself, and vouches for the
  /// worker of every other realm's registration.
  pub service_worker_host: Option<Arc<dyn ServiceWorkerHost>>,
  /// How long a service worker may take, and how long it is kept.
  pub service_worker_limits: ServiceWorkerLimits,
  /// The clock on the wall, and chance. Default: the machine's.
  pub platform: Arc<dyn Platform>,
}

opaque_debug!(EngineConfig);

impl EngineConfig {
  /// What jobs follow, without what embeds the engine.
  pub(super) fn policies(&self) -> Policies {
    Policies {
      permission: self.permission.clone(),
      notification_permission: self.notification_permission.clone(),
      quota: self.quota.clone(),
      retry: self.retry.clone(),
      resume: self.resume,
      concurrency: self.concurrency,
      segments: self.segments,
      byte_budget: self.byte_budget,
      checkpoint: self.checkpoint,
      display: self.display.clone(),
      before_event: self.before_event.clone(),
      retention: self.retention,
      service_worker_limits: self.service_worker_limits,
      default_net_check: self.network.default_net_check.clone(),
    }
  }
}

impl Default for EngineConfig {
  fn default() -> Self {
    Self {
      network: NetworkConfig::default(),
      permission: Arc::new(|_: &Origin| PermissionState::Granted),
      notification_permission: Arc::new(|_: &Origin| PermissionState::Granted),
      quota: Arc::new(|_: &Origin| None),
      retry: RetryPolicy::default(),
      resume: ResumePolicy::default(),
      concurrency: Concurrency::default(),
      segments: SegmentPolicy::default(),
      byte_budget: 48 * 1024 * 1024,
      checkpoint: CheckpointPolicy::default(),
      display: None,
      before_event: None,
      retention: Duration::from_secs(7 * 24 * 60 * 60),
      service_worker_host: None,
      service_worker_limits: ServiceWorkerLimits::default(),
      platform: Arc::new(SystemPlatform),
    }
  }
}
