//! How an engine is made.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::runtime::Runtime;
use tokio::runtime::RuntimeFlavor;

use super::BeforeEvent;
use super::Engine;
use super::EngineConfig;
use super::Permission;
use super::QuotaPolicy;
use super::ServiceWorkerHost;
use crate::display::Display;
use crate::network::NetworkConfigError;
use crate::store::Store;
use crate::store::StoreError;

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
  /// The store is in use, damaged or cannot be read.
  #[error(transparent)]
  Store(#[from] StoreError),
  /// A setting of the network is wrong.
  #[error(transparent)]
  Network(#[from] NetworkConfigError),
  /// The engine's threads cannot be started.
  #[error("the engine's threads cannot be started: {0}")]
  Runtime(std::io::Error),
  /// The runtime that the embedder lends has one thread, and is not the
  /// caller's own.
  #[error(
    "the engine was given a tokio runtime of one thread, which nothing drives \
     meanwhile; lend a multi-threaded one, or the caller's own with an async \
     function, or leave it out, and the engine makes one"
  )]
  CurrentThread,
}

/// Makes an [`Engine`]: what it is like is said first, and the last call opens
/// the store.
///
/// ```no_run
/// # async fn open() -> Result<(), background_fetch::engine::StartError> {
/// use background_fetch::engine::{Engine, EngineConfig, RetryPolicy};
///
/// let engine = Engine::builder()
///   .config(EngineConfig {
///     retry: RetryPolicy { attempts: 20, ..RetryPolicy::default() },
///     ..EngineConfig::default()
///   })
///   .open("downloads")
///   .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct EngineBuilder {
  config: EngineConfig,
  runtime: Option<Handle>,
}

opaque_debug!(EngineBuilder);

impl EngineBuilder {
  /// All settings at once. What the other functions here have set before is
  /// replaced.
  pub fn config(mut self, config: EngineConfig) -> Self {
    self.config = config;
    self
  }

  /// Who shows background fetches: [`EngineConfig::display`].
  pub fn display(mut self, display: impl Display) -> Self {
    self.config.display = Some(Arc::new(display));
    self
  }

  /// Who may fetch in the background: [`EngineConfig::permission`].
  pub fn permission(mut self, permission: impl Permission) -> Self {
    self.config.permission = Arc::new(permission);
    self
  }

  /// How much an origin may store: [`EngineConfig::quota`].
  pub fn quota(mut self, quota: impl QuotaPolicy) -> Self {
    self.config.quota = Arc::new(quota);
    self
  }

  /// What is done before an event is fired: [`EngineConfig::before_event`].
  pub fn before_event(mut self, before_event: impl BeforeEvent) -> Self {
    self.config.before_event = Some(Arc::new(before_event));
    self
  }

  /// Who runs service workers: [`EngineConfig::service_worker_host`].
  pub fn service_worker_host(mut self, host: impl ServiceWorkerHost) -> Self {
    self.config.service_worker_host = Some(Arc::new(host));
    self
  }

  /// Runs the engine on a runtime that the embedder lends, with I/O and time
  /// enabled, that lives as long as the engine: a multi-threaded one, or, with
  /// [`open`](Self::open) and [`start`](Self::start), the caller's own. One of
  /// a single thread must never be blocked while the engine has something to
  /// do, as `importScripts()` of a realm on that thread would. Without this the
  /// engine makes a runtime.
  pub fn runtime(mut self, runtime: Handle) -> Self {
    self.runtime = Some(runtime);
    self
  }

  /// Opens the store in `directory`, which is created when it is not there, and
  /// continues with everything in it.
  ///
  /// # Errors
  ///
  /// The store is in use, damaged or unreadable, or a setting is wrong.
  pub async fn open(
    self,
    directory: impl AsRef<Path>,
  ) -> Result<Engine, StartError> {
    let directory = directory.as_ref().to_path_buf();
    let lent = self.lent_or_made(Handle::try_current().ok())?;
    let open = move || Store::open_directory(directory);
    let opened = lent.handle.spawn_blocking(open).await;
    self
      .start_with(lent, opened.unwrap_or_else(cut_short))
      .await
  }

  /// The same for a thread that may be blocked: not one that drives a tokio
  /// runtime which others need meanwhile.
  ///
  /// # Errors
  ///
  /// As for [`EngineBuilder::open`].
  pub fn open_blocking(
    self,
    directory: impl AsRef<Path>,
  ) -> Result<Engine, StartError> {
    let store = Store::open_directory(directory)?;
    self.start_blocking(store)
  }

  /// The same on any store, for instance on [`Store::in_memory`].
  ///
  /// # Errors
  ///
  /// The store cannot be read, or a setting is wrong.
  pub async fn start(self, store: Store) -> Result<Engine, StartError> {
    let lent = self.lent_or_made(Handle::try_current().ok())?;
    self.start_with(lent, Ok(store)).await
  }

  /// The same for a thread that may be blocked.
  ///
  /// # Errors
  ///
  /// As for [`EngineBuilder::start`].
  pub fn start_blocking(self, store: Store) -> Result<Engine, StartError> {
    let lent = self.lent_or_made(None)?;
    let handle = lent.handle.clone();
    // The caller may be on any thread, even on one of another runtime, which
    // must not be blocked on from within.
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    handle.spawn(async move {
      let _ = sender.send(self.start_with(lent, Ok(store)).await);
    });
    match receiver.recv() {
      Ok(started) => started,
      Err(_) => cut_short(()).map_err(StartError::Store),
    }
  }

  /// The runtime for the engine. One of a single thread is driven by its
  /// `caller` only.
  fn lent_or_made(&self, caller: Option<Handle>) -> Result<Lent, StartError> {
    if let Some(handle) = &self.runtime {
      let is_driven = caller.is_some_and(|caller| caller.id() == handle.id());
      let has_one_thread =
        handle.runtime_flavor() == RuntimeFlavor::CurrentThread;
      if has_one_thread && !is_driven {
        return Err(StartError::CurrentThread);
      }
      return Ok(Lent {
        handle: handle.clone(),
        own: None,
      });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
      .enable_all()
      .thread_name("background-fetch")
      .build()
      .map_err(StartError::Runtime)?;
    Ok(Lent {
      handle: runtime.handle().clone(),
      own: Some(runtime),
    })
  }

  async fn start_with(
    self,
    mut lent: Lent,
    store: Result<Store, StoreError>,
  ) -> Result<Engine, StartError> {
    let handle = lent.handle.clone();
    Engine::start(store?, self.config, handle, lent.own.take()).await
  }
}

fn cut_short<T>(_: impl Sized) -> Result<T, StoreError> {
  let died = "reading the store was cut short";
  Err(StoreError::Database(died.to_string()))
}

/// The runtime of an engine to be.
struct Lent {
  handle: Handle,
  own: Option<Runtime>,
}

impl Drop for Lent {
  fn drop(&mut self) {
    // The caller may be on another runtime, where none may be dropped.
    if let Some(runtime) = self.own.take() {
      runtime.shutdown_background();
    }
  }
}
