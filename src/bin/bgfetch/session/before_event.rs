//! What is done between the result of a background fetch and its event: its
//! responses are saved, and then it is shown as settled. Afterwards a script
//! may be done with the event at any moment, and the records are deleted.

use std::path::PathBuf;
use std::sync::Arc;

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::BeforeEvent;
use background_fetch::engine::Engine;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::store::ExportMode;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::download::Download;
use crate::download::Downloads;
use crate::download::Ended;
use crate::download::SaveOptions;
use crate::saving;
use crate::screen::Screen;
use crate::started_by::StartedBy;

pub struct BeforeEvents {
  shared: Arc<Shared>,
  /// Only while the session lasts: the engine keeps the hook, and must not
  /// keep itself.
  engine: watch::Sender<Option<Engine>>,
}

struct Shared {
  screen: Arc<Screen>,
  out: Option<PathBuf>,
  downloads: Arc<Downloads>,
  engine: watch::Receiver<Option<Engine>>,
  unsaved: watch::Sender<bool>,
  /// Every background fetch that has settled.
  settled: Mutex<Vec<BackgroundFetchSnapshot>>,
}

impl BeforeEvents {
  pub fn new(
    screen: Arc<Screen>,
    out: Option<PathBuf>,
    downloads: Arc<Downloads>,
  ) -> Self {
    let (sender, engine) = watch::channel(None);
    let shared = Shared {
      screen,
      out,
      downloads,
      engine,
      unsaved: watch::Sender::new(false),
      settled: Mutex::default(),
    };
    Self {
      shared: Arc::new(shared),
      engine: sender,
    }
  }

  pub fn hook(&self) -> Arc<dyn BeforeEvent> {
    let shared = self.shared.clone();
    Arc::new(move |snapshot| {
      let shared = shared.clone();
      async move { shared.before_event(snapshot).await }
    })
  }

  /// What the hook waits for: it may be called before the engine's start is
  /// over.
  pub fn engine_is(&self, engine: &Engine) {
    self.engine.send_replace(Some(engine.clone()));
  }

  /// Waits until some file could not be saved.
  pub async fn unsaved(&self) {
    let mut unsaved = self.shared.unsaved.subscribe();
    if unsaved.wait_for(|unsaved| *unsaved).await.is_err() {
      std::future::pending().await
    }
  }

  /// Whether every background fetch that has settled and counts has succeeded.
  pub fn all_succeeded(
    &self,
    counts: impl Fn(&BackgroundFetchSnapshot) -> bool,
  ) -> bool {
    let settled = self.shared.settled.lock();
    settled.iter().all(|b| succeeded(b) || !counts(b))
  }
}

impl Drop for BeforeEvents {
  fn drop(&mut self) {
    self.engine.send_replace(None);
  }
}

impl Shared {
  async fn before_event(&self, snapshot: BackgroundFetchSnapshot) {
    match StartedBy::parse(snapshot.embedder_data.as_deref()) {
      Some(StartedBy::Download {
        mut download,
        options,
        ..
      }) => {
        // What a command has handed over goes where that one wants it.
        let is_wanted = self.downloads.is_wanted(&download);
        if let Some(out) = self.out.as_ref().filter(|_| !is_wanted) {
          download.target.directory.clone_from(out);
        }
        self.download_settled(&snapshot, &download, &options).await;
      }
      started_by => {
        self.screen.begun(&snapshot);
        self.settled(&snapshot, started_by).await;
        self.settled.lock().push(snapshot);
      }
    }
  }

  /// Does not return when the file cannot be saved: the event stays owed, and
  /// with it the record stays.
  async fn download_settled(
    &self,
    snapshot: &BackgroundFetchSnapshot,
    download: &Download,
    options: &SaveOptions,
  ) {
    let engine = self.engine().await;
    let downloads = &self.downloads;
    let ended = downloads
      .settled(&engine, snapshot, download, options)
      .await;
    self.screen.download_ended(snapshot, &ended);
    if let Ended::Unsaved(_) = ended {
      drop(engine);
      std::future::pending().await
    }
  }

  async fn settled(
    &self,
    snapshot: &BackgroundFetchSnapshot,
    started_by: Option<StartedBy>,
  ) {
    let out = self
      .out
      .as_ref()
      .or(started_by.as_ref().and_then(StartedBy::out));
    if let (true, Some(out)) = (succeeded(snapshot), out) {
      let engine = self.engine().await;
      // What has no script is not read.
      let mode = match started_by {
        Some(StartedBy::Get { .. }) => ExportMode::Share,
        _ => ExportMode::Copy,
      };
      match saving::save(&engine, snapshot, out, mode).await {
        Ok(files) => self.saved(snapshot, &files),
        Err(why) => {
          self.screen.error(&format!(
            "{} cannot be saved as {why}; the store keeps it: make room, then \
             run `bgfetch resume` with a usable --out",
            text::printable(&snapshot.id)
          ));
          self.unsaved.send_replace(true);
          // The event stays owed, and with it the records stay.
          drop(engine);
          return std::future::pending().await;
        }
      }
    }
    // Anyone who sees it on the screen finds it here.
    self.screen.settled(snapshot);
  }

  /// The hook may be called before the engine's start is over, and until the
  /// session has ended.
  async fn engine(&self) -> Engine {
    let mut engine = self.engine.clone();
    let found = engine.wait_for(Option::is_some).await;
    match found.ok().and_then(|engine| engine.clone()) {
      Some(engine) => engine,
      None => std::future::pending().await,
    }
  }

  fn saved(&self, snapshot: &BackgroundFetchSnapshot, files: &[PathBuf]) {
    let name = text::printable(&snapshot.id);
    match files {
      [] => {}
      [file] => self
        .screen
        .note(&format!("{name}: saved {}", file.display())),
      [first, ..] => {
        let directory = first.parent().unwrap_or(first);
        let count = files.len();
        self.screen.note(&format!(
          "{name}: saved {count} files in {}",
          directory.display()
        ));
      }
    }
  }
}

fn succeeded(background_fetch: &BackgroundFetchSnapshot) -> bool {
  background_fetch.result == BackgroundFetchResult::Success
}
