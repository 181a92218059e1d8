//! An engine on a store, with everything that `run`, `get` and `resume` do
//! around it.

mod before_event;
pub mod pressed;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use background_fetch::control;
use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::engine::EngineConfig;
use background_fetch::engine::Observer;
use background_fetch::engine::PermissionState;
use background_fetch::network::MemoryCookieStore;
use background_fetch::network::Network;
use background_fetch::network::NetworkConfig;
use background_fetch::store::Store;
use futures::FutureExt;
use tokio::sync::watch;
use url::Origin;
use url::Url;

use self::before_event::BeforeEvents;
pub use self::pressed::Hands;
use crate::arguments::EngineOptions;
use crate::arguments::HandlerOptions;
use crate::arguments::NetworkOptions;
use crate::arguments::Policy;
use crate::commands::stored;
use crate::desktop::Desktop;
use crate::download::Downloads;
use crate::download::Item;
use crate::download::Jar;
use crate::download::Saved;
use crate::download::SecretHeaders;
use crate::failure::FAILED;
use crate::failure::Failure;
use crate::failure::INTERRUPTED;
use crate::failure::SUCCESS;
use crate::files::Files;
use crate::handing_over::Host;
use crate::handing_over::Terms;
use crate::handing_over::Visitors;
use crate::interrupt::Interrupt;
use crate::network_options;
use crate::paths;
use crate::screen::Screen;
use crate::scripts::evaluations::Evaluations;
use crate::scripts::service_worker::WorkerFiles;
use crate::started_by::StartedBy;

/// How long the engine may take to make everything durable at the end.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// How often it is looked whether the terminal has another size.
const REFRESH_INTERVAL: Duration = Duration::from_millis(500);

/// What a command wants beside what its [`EngineOptions`] say.
#[derive(Default)]
pub struct Setup {
  /// Where files are saved, instead of where the command that started a
  /// background fetch said.
  pub out: Option<PathBuf>,
  /// Whether service workers get threads of their own. Without, the only
  /// realms are the command's.
  pub service_workers: bool,
  pub handlers: HandlerOptions,
  pub secrets: SecretHeaders,
  pub cookies: Option<Jar>,
  /// The URLs whose downloads go to standard output.
  pub to_stdout: HashSet<Url>,
  /// The downloads that the command wants; the store may have them from earlier
  /// ones that wanted them saved in another way.
  pub wanted: Vec<Arc<Item>>,
  /// How many fetches may be on the wire for each host.
  pub max_per_host: Option<u32>,
}

impl Setup {
  /// The network for a command that has no engine.
  ///
  /// # Errors
  ///
  /// A setting cannot work, or a file cannot be read.
  pub fn network(self, options: &NetworkOptions) -> Result<Network, Failure> {
    let mut config = NetworkConfig::default();
    network_options::network(options, &mut config)?;
    set_credentials(&mut config, self.secrets, self.cookies);
    Network::new(config).map_err(Failure::usage)
  }
}

fn set_credentials(
  network: &mut NetworkConfig,
  secrets: SecretHeaders,
  cookies: Option<Jar>,
) {
  if !secrets.is_empty() {
    let for_url = move |url: &url::Url| secrets.for_url(url);
    network.credentials = Some(Arc::new(for_url));
  }
  if let Some(jar) = cookies {
    network.cookies = Some(Arc::new(jar));
  }
}

pub struct Session {
  pub engine: Engine,
  pub screen: Arc<Screen>,
  /// Scripts that are run again.
  pub evaluations: Evaluations,
  /// The files that service workers run.
  pub worker_files: Arc<WorkerFiles>,
  pub downloads: Arc<Downloads>,
  network: NetworkConfig,
  /// The store's.
  pub directory: PathBuf,
  pub max_per_host: Option<u32>,
  /// How long the command may take.
  max_time: Option<Duration>,
  terms: Terms,
  visitors: Visitors,
  before_events: BeforeEvents,
  observer: Observer,
  /// Takes the commands of other processes.
  control: Option<control::Server>,
}

impl Session {
  /// Starts the engine on the store that `options` name.
  ///
  /// # Errors
  ///
  /// The store is in use or cannot be used, or a file that the options name
  /// cannot.
  pub fn open(
    options: &EngineOptions,
    setup: Setup,
    screen: Arc<Screen>,
  ) -> Result<Self, Failure> {
    let directory = paths::store_directory(&options.store)?;
    let store = Store::open_directory(&directory)?;
    Self::with_store(store, options, setup, screen)
  }

  /// The same on a store that is open.
  ///
  /// # Errors
  ///
  /// The store cannot be read, or a file that the options name cannot be used.
  pub fn with_store(
    store: Store,
    options: &EngineOptions,
    setup: Setup,
    screen: Arc<Screen>,
  ) -> Result<Self, Failure> {
    let directory = paths::store_directory(&options.store)?;
    let terms = Terms::of(options, setup.max_per_host);
    let evaluations = Evaluations::default();
    let saved = Saved::open(&directory);
    let downloads =
      Arc::new(Downloads::new(saved, setup.to_stdout, &setup.wanted));
    let before_events =
      BeforeEvents::new(screen.clone(), setup.out, downloads.clone());
    let mut config = EngineConfig {
      before_event: Some(before_events.hook()),
      display: Some(Arc::new(Desktop(screen.clone()))),
      ..EngineConfig::default()
    };
    let worker_files = Arc::new(WorkerFiles::default());
    if setup.service_workers {
      config.service_worker_host = Some(worker_files.host(&screen));
    }
    // What a script starts when it is run again is in the store already.
    let refuse = evaluations.clone();
    config.permission = Arc::new(move |_: &Origin| match refuse.any() {
      true => PermissionState::Denied,
      false => PermissionState::Granted,
    });
    if options.policy == Policy::Browser {
      // As a private window has them: while this process lives.
      config.network.cookies = Some(Arc::new(MemoryCookieStore::new()));
    }
    network_options::apply(options, &mut config)?;
    let limits = &mut config.service_worker_limits;
    if let Some(n) = setup.handlers.handler_timeout {
      limits.event = Duration::from_secs(n.into());
    }
    if let Some(tries) = setup.handlers.handler_tries {
      limits.tries = tries;
    }
    set_credentials(&mut config.network, setup.secrets, setup.cookies);
    config.concurrency.per_host = setup.max_per_host.map(|n| n as usize);
    let network = config.network.clone();
    let engine = Engine::builder().config(config).start_blocking(store)?;
    before_events.engine_is(&engine);
    // Its transfers do not depend on it.
    let (visitors, on_hand_over) = Visitors::new();
    let control = control::serve_with(&engine, &directory, on_hand_over)
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
      downloads,
      network,
      max_time: options.max_time.map(|n| Duration::from_secs(n.into())),
      terms,
      visitors,
      before_events,
      directory,
      max_per_host: setup.max_per_host,
    })
  }

  /// Fires the events of `background_fetches` again that could not be
  /// delivered.
  ///
  /// # Errors
  ///
  /// The store cannot remember it.
  pub async fn redeliver(
    &self,
    background_fetches: impl IntoIterator<Item = &BackgroundFetchSnapshot>,
  ) -> Result<(), Failure> {
    for background_fetch in background_fetches {
      if is_undelivered(background_fetch) {
        let key = background_fetch.key;
        let _ = self.engine.redeliver(key).await.map_err(Failure::failed)?;
      }
    }
    Ok(())
  }

  /// Waits for `work`, and shows what happens meanwhile. Ends early when the
  /// user interrupts it or a file cannot be saved; the store keeps everything.
  /// Returns the exit status for the background fetches that count.
  pub async fn finish(
    self,
    interrupt: &Interrupt,
    work: impl Future<Output = Result<u8, Failure>>,
    counts: impl Fn(&BackgroundFetchSnapshot) -> bool,
  ) -> Result<u8, Failure> {
    let host = Host {
      files: Files::of_visitors(&self),
      terms: self.terms.clone(),
      credentials: self.network.credentials.clone(),
    };
    let count = self.visitors.count();
    let attended = self.visitors.attend(host);
    // How the work of the command itself has ended.
    let own = OnceCell::new();
    let work = async {
      let status = work.await?;
      let _ = own.set(status);
      wait_for_visitors(count, &self.screen).await;
      Ok::<_, Failure>(status)
    };
    let own_hands = pressed::Own {
      engine: &self.engine,
      downloads: &self.downloads,
    };
    let interrupted = || Ok(own.get().copied().unwrap_or(INTERRUPTED));
    let ended = tokio::select! {
      biased;
      () = interrupt.interrupted() => interrupted(),
      () = self.before_events.unsaved() => Ok(FAILED),
      () = out_of_time(self.max_time, &self.screen) => Ok(own.get().copied().unwrap_or(FAILED)),
      () = pressed::quit(&own_hands, &self.screen) => interrupted(),
      never = attended => never,
      ended = work => ended,
      // Work that is begun does not wait until all that is there is shown.
      () = show(&self.observer, &self.screen, &self.downloads) => Ok(FAILED),
    };
    // What has happened since it was looked the last time.
    while let Some(snapshot) = self.observer.next().now_or_never() {
      self.screen.observed(&snapshot);
    }
    self.screen.clear();
    let mut succeeded = self.before_events.all_succeeded(&counts);
    for undelivered in self.engine.background_fetches() {
      if counts(&undelivered) && is_undelivered(&undelivered) {
        let why = undelivered.retained.and_then(|r| r.undelivered);
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
      // Downloads are told of by who waits for them.
      let started_by = StartedBy::parse(quarantined.embedder_data.as_deref());
      let is_download = matches!(started_by, Some(StartedBy::Download { .. }));
      if counts(&quarantined) && quarantined.quarantined && !is_download {
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
}

async fn out_of_time(max_time: Option<Duration>, screen: &Screen) {
  match max_time {
    Some(time) => tokio::time::sleep(time).await,
    None => std::future::pending().await,
  }
  screen.error(
    "the time that --max-time allows is over; everything is kept, and the \
     same command continues",
  );
}

/// For ever.
async fn show(observer: &Observer, screen: &Screen, downloads: &Downloads) {
  let mut refresh = tokio::time::interval(REFRESH_INTERVAL);
  loop {
    tokio::select! {
      seen = observer.next() => {
        downloads.observed(&seen);
        screen.observed(&seen);
      }
      _ = refresh.tick() => screen.refresh(),
    }
  }
}

/// Waits until what other commands have handed over is done.
async fn wait_for_visitors(mut count: watch::Receiver<usize>, screen: &Screen) {
  let waiting = *count.borrow();
  if waiting > 0 {
    screen.note(match waiting {
      1 => "this command is done; another one has handed files over, and they are not",
      _ => "this command is done; others have handed files over, and they are not",
    });
  }
  // An error: what counts is gone with the engine.
  let _ = count.wait_for(|count| *count == 0).await;
}

/// Whether no service worker could handle its event.
fn is_undelivered(background_fetch: &BackgroundFetchSnapshot) -> bool {
  let retained = background_fetch.retained.as_ref();
  retained.is_some_and(|retained| retained.undelivered.is_some())
}
