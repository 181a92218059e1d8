//! An engine on a store, with everything that `run`, `get` and `resume` do
//! around it.

mod before_event;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::control;
use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Concurrency;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::Observer;
use background_fetch::engine::PermissionState;
use background_fetch::network::MemoryCookieStore;
use futures::FutureExt;
use url::Url;

use self::before_event::BeforeEvents;
use crate::arguments::EngineOptions;
use crate::arguments::Policy;
use crate::commands::stored;
use crate::desktop::Desktop;
use crate::evaluations::Evaluations;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::INTERRUPTED;
use crate::failure::SUCCESS;
use crate::interrupt::Interrupt;
use crate::paths;
use crate::screen::Screen;
use crate::service_worker::WorkerFiles;

/// How long the engine may take to make everything durable at the end.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Whether service workers get threads of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ServiceWorkers {
  Run,
  /// The only realm is the command's.
  None,
}

pub struct Session {
  pub engine: Engine,
  pub screen: Arc<Screen>,
  /// Scripts that are run again.
  pub evaluations: Evaluations,
  /// The files that service workers run.
  pub worker_files: Arc<WorkerFiles>,
  before_events: BeforeEvents,
  observer: Observer,
  /// Takes the commands of other processes.
  control: Option<control::Server>,
}

impl Session {
  /// Starts the engine on the store that `options` name. Files are saved in
  /// `out`, or else where the command that started a background fetch said.
  /// Service workers run only where there are some.
  ///
  /// # Errors
  ///
  /// The store is in use or cannot be used.
  pub fn open(
    options: &EngineOptions,
    out: Option<PathBuf>,
    service_workers: ServiceWorkers,
    screen: Arc<Screen>,
  ) -> Result<Self, Failure> {
    let directory = paths::store_directory(&options.store)?;
    let evaluations = Evaluations::default();
    let before_events = BeforeEvents::new(screen.clone(), out);
    let mut config = EngineConfig {
      before_event: Some(before_events.hook()),
      display: Some(Arc::new(Desktop(screen.clone()))),
      ..EngineConfig::default()
    };
    let worker_files = Arc::new(WorkerFiles::default());
    if service_workers == ServiceWorkers::Run {
      config.service_worker_host = Some(worker_files.host(&screen));
    }
    // What a script starts when it is run again is in the store already.
    let refuse = evaluations.clone();
    config.permission = Arc::new(move |_| match refuse.any() {
      true => PermissionState::Denied,
      false => PermissionState::Granted,
    });
    if let Some(n) = options.max_concurrent {
      let n = n as usize;
      config.concurrency = Concurrency {
        in_all: n,
        per_background_fetch: n,
      };
    }
    config.network.limit_rate = options.limit_rate;
    if options.policy == Policy::Browser {
      // As a private window has them: while this process lives.
      config.network.cookies = Some(Arc::new(MemoryCookieStore::new()));
    }
    if let Some(retries) = options.retries {
      config.retry.attempts = retries;
    }
    if let Some(statuses) = &options.retry_statuses {
      config.retry.statuses.clone_from(statuses);
    }
    config.resume = options.resume.into();
    config.retry.offline_timeout = options
      .offline_timeout
      .map(|seconds| Duration::from_secs(seconds.into()));
    let limits = &mut config.service_worker_limits;
    if let Some(seconds) = options.handler_timeout {
      limits.event = Duration::from_secs(seconds.into());
    }
    if let Some(tries) = options.handler_tries {
      limits.tries = tries;
    }
    if let Some(seconds) = options.retention {
      config.retention = Duration::from_secs(seconds.into());
    }
    let engine = Engine::open(&directory, config)?;
    before_events.engine_is(&engine);
    // Its transfers do not depend on it.
    let control = control::serve(&engine, &directory)
      .inspect_err(|error| {
        screen.error(&format!(
          "`bgfetch pause`, `abort` and the like cannot reach this process: \
           {error}"
        ));
      })
      .ok();
    Ok(Self {
      control,
      observer: engine.observe(),
      engine,
      screen,
      evaluations,
      worker_files,
      before_events,
    })
  }

  /// Fires those events of the scope again that could not be delivered.
  ///
  /// # Errors
  ///
  /// The store cannot remember it.
  pub async fn redeliver(&self, scope: &Url) -> Result<(), Failure> {
    for background_fetch in self.engine.background_fetches() {
      if background_fetch.scope == *scope && is_undelivered(&background_fetch) {
        let key = background_fetch.key;
        self.engine.redeliver(key).await.map_err(Failure::failed)?;
      }
    }
    Ok(())
  }

  /// Waits for `work`, and shows what goes on meanwhile. Ends early when the
  /// user interrupts it or a file cannot be saved; the store keeps everything.
  /// Returns the exit status for the background fetches that count.
  pub async fn finish(
    self,
    interrupt: &Interrupt,
    work: impl Future<Output = Result<u8, Failure>>,
    counts: impl Fn(&BackgroundFetchSnapshot) -> bool,
  ) -> Result<u8, Failure> {
    let ended = tokio::select! {
      biased;
      () = interrupt.interrupted() => Ok(INTERRUPTED),
      () = self.before_events.unsaved() => Ok(FAILED),
      () = self.show() => Ok(FAILED),
      ended = work => ended,
    };
    // What has happened since it was looked the last time.
    while let Some(snapshot) = self.observer.next().now_or_never() {
      self.screen.observed(&snapshot);
    }
    self.screen.clear();
    let mut succeeded = self.before_events.all_succeeded(&counts);
    for undelivered in self.engine.background_fetches() {
      if counts(&undelivered) && is_undelivered(&undelivered) {
        let why = undelivered.retained.map(|r| r.undelivered);
        self.screen.error(&format!(
          "the event of {} could not be delivered, for {}; it is kept: \
           `bgfetch resume` fires it again",
          text::printable(&undelivered.id),
          why.unwrap_or_default()
        ));
        succeeded = false;
      }
    }
    for quarantined in self.engine.background_fetches() {
      if counts(&quarantined) && quarantined.quarantined {
        let id = text::printable(&quarantined.id);
        let why = stored::quarantined(&id);
        self.screen.error(&format!("{id}: {why}"));
        succeeded = false;
      }
    }
    let Self {
      engine,
      screen,
      before_events,
      control,
      ..
    } = self;
    drop(control);
    drop(before_events);
    let shutdown = engine.shutdown();
    if tokio::time::timeout(SHUTDOWN, shutdown).await.is_err() {
      screen.error(
        "the store takes long; what was received last may be fetched again",
      );
    }
    match ended? {
      SUCCESS if !succeeded => Ok(FAILED),
      status => Ok(status),
    }
  }

  /// For ever.
  async fn show(&self) {
    loop {
      self.screen.observed(&self.observer.next().await);
    }
  }
}

/// Whether no service worker could handle its event.
fn is_undelivered(background_fetch: &BackgroundFetchSnapshot) -> bool {
  let retained = background_fetch.retained.as_ref();
  retained.is_some_and(|retained| !retained.undelivered.is_empty())
}
