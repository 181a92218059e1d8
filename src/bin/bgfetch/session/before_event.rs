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
  engine: watch::Receiver<Option<Engine>>,
  unsaved: watch::Sender<bool>,
  /// Every background fetch that has settled.
  settled: Mutex<Vec<BackgroundFetchSnapshot>>,
}

impl BeforeEvents {
  pub fn new(screen: Arc<Screen>, out: Option<PathBuf>) -> Self {
    let (sender, engine) = watch::channel(None);
    let shared = Shared {
      screen,
      out,
      engine,
      unsaved: watch::Sender::new(false),
      settled: Mutex::default(),
    };
    Self {
      shared: Arc::new(shared),
      engine: sender,
    }
  }

  pub fn hook(&self) -> BeforeEvent {
    let shared = self.shared.clone();
    Arc::new(move |snapshot| {
      let shared = shared.clone();
      Box::pin(async move { shared.before_event(snapshot).await })
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
    let started_by = StartedBy::parse(&snapshot.embedder_data);
    let out = self
      .out
      .as_ref()
      .or(started_by.as_ref().and_then(StartedBy::out));
    if let (true, Some(out)) = (succeeded(&snapshot), out) {
      let mut engine = self.engine.clone();
      let Some(engine) = engine
        .wait_for(Option::is_some)
        .await
        .ok()
        .and_then(|engine| engine.clone())
      else {
        return std::future::pending().await;
      };
      // Nobody reads what has no script.
      let mode = match started_by {
        Some(StartedBy::Get { .. }) => ExportMode::Share,
        _ => ExportMode::Copy,
      };
      match saving::save(&engine, &snapshot, out, mode).await {
        Ok(files) => self.saved(&snapshot, &files),
        Err(why) => {
          self.screen.error(&format!(
            "{} cannot be saved as {why}; the store keeps it: make room, then \
             run `bgfetch resume` with a usable --out",
            text::printable(&snapshot.id)
          ));
          self.unsaved.send_replace(true);
          // The event stays owed, and with it the records stay.
          return std::future::pending().await;
        }
      }
    }
    // Whoever sees it on the screen finds it here.
    self.settled.lock().push(snapshot.clone());
    self.screen.settled(&snapshot);
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
