//! What a page of tests and everything it opens have in common: an engine, and
//! what a test may command about it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::PermissionState;
use background_fetch::engine::RetryPolicy;
use background_fetch::extension::WorkerThreads;
use background_fetch::network::MemoryCookieStore;
use background_fetch::network::NetworkConfig;
use background_fetch::network::Proxy;
use background_fetch::store::Store;
use parking_lot::Mutex;

use super::Setting;
use super::log::Log;
use super::realm;
use crate::discover::Scope;
use url::Origin;

#[derive(Clone)]
pub struct World {
  pub setting: Arc<Setting>,
  pub engine: Engine,
  pub permission: Arc<Mutex<PermissionState>>,
  /// In bytes; read when an origin stores something for the first time.
  pub quota: Arc<AtomicU64>,
  pub log: Log,
  /// How often the engine was ended and started again.
  pub restarts: u32,
  store: Store,
  scope: Scope,
}

impl World {
  /// A world for a test that runs in `scope`.
  ///
  /// # Errors
  ///
  /// The engine cannot start.
  pub fn new(
    setting: Arc<Setting>,
    scope: Scope,
    log: Log,
  ) -> Result<Self, String> {
    let permission = Arc::new(Mutex::new(PermissionState::Granted));
    let quota = Arc::new(AtomicU64::new(QUOTA));
    let store = Store::in_memory();
    let config = config(&setting, scope, &permission, &quota, &log);
    let engine = start(&setting, &store, config)?;
    Ok(Self {
      setting,
      engine,
      permission,
      quota,
      log,
      restarts: 0,
      store,
      scope,
    })
  }

  /// The same with another engine, which finds what the first one stored. No
  /// realm of the first one may be left.
  ///
  /// # Errors
  ///
  /// The engine cannot start.
  pub async fn restart(self) -> Result<Self, String> {
    let Self { setting, log, .. } = &self;
    let config =
      config(setting, self.scope, &self.permission, &self.quota, log);
    self.engine.clone().shutdown().await;
    Ok(Self {
      engine: start(&self.setting, &self.store, config)?,
      restarts: self.restarts + 1,
      ..self
    })
  }
}

fn start(
  setting: &Setting,
  store: &Store,
  config: EngineConfig,
) -> Result<Engine, String> {
  Engine::builder()
    .config(config)
    .runtime(setting.runtime.clone())
    .start_blocking(store.clone())
    .map_err(|error| error.to_string())
}

fn config(
  setting: &Setting,
  scope: Scope,
  permission: &Arc<Mutex<PermissionState>>,
  quota: &Arc<AtomicU64>,
  log: &Log,
) -> EngineConfig {
  let (permission, quota) = (permission.clone(), quota.clone());
  EngineConfig {
    network: NetworkConfig {
      system_roots: false,
      root_certificates: setting.route.root_certificates.clone(),
      proxy: Proxy::Direct,
      dns_overrides: setting.route.hosts.clone(),
      cookies: Some(Arc::new(MemoryCookieStore::new())),
      ..NetworkConfig::default()
    },
    permission: Arc::new(move |_: &Origin| *permission.lock()),
    // A host that does not exist is given up before a test's time is.
    retry: RetryPolicy {
      attempts: 3,
      first_delay: Duration::from_millis(20),
      max_delay: Duration::from_millis(200),
      ..RetryPolicy::default()
    },
    // A service worker's own tests run in a realm that is made here.
    service_worker_host: match scope {
      Scope::ServiceWorker => None,
      _ => Some(Arc::new(service_workers(log))),
    },
    quota: Arc::new(move |_: &Origin| Some(quota.load(Ordering::Relaxed))),
    ..EngineConfig::default()
  }
}

/// Runs the service workers that pages register.
fn service_workers(log: &Log) -> WorkerThreads {
  let (of_workers, of_reports) = (log.clone(), log.clone());
  WorkerThreads::new()
    .with_options(move |_| realm::options(&of_workers))
    .with_report(move |url, error| of_reports.line(&format!("{url}: {error}")))
}

/// In bytes: more than any test fetches, and less than some ask for.
const QUOTA: u64 = 1024 * 1024 * 1024;
