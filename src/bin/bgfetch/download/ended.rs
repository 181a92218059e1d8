//! How the downloads of this process have ended.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::Hash;
use std::hash::Hasher;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Weak;

use background_fetch::display::text;
use background_fetch::engine::BackgroundFetchSnapshot;
use background_fetch::engine::Engine;
use background_fetch::spec::BackgroundFetchFailureReason;
use background_fetch::spec::BackgroundFetchResult;
use background_fetch::store::BackgroundFetchKey;
use parking_lot::Mutex;
use serde::Deserialize;
use serde::Serialize;
use tokio::sync::watch;
use url::Url;

use super::Download;
use super::Item;
use super::Place;
use super::Queue;
use super::SaveOptions;
use super::Saved;
use super::advice::advice;
use super::os_text;
use super::save::Saver;
use super::save::Saving;

/// How a download has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ended {
  /// It is this file.
  Saved(#[serde(with = "os_text::path")] PathBuf),
  /// It went to standard output.
  Written,
  /// The file that was saved earlier is what the server has.
  Unchanged(#[serde(with = "os_text::path")] PathBuf),
  /// Why, and what can be done about it, in a message.
  Failed(String),
  /// It is not what it should be; another mirror may have it.
  Wrong(String),
  /// It is whole in the store, and cannot be saved: why.
  Unsaved(String),
}

impl Ended {
  pub fn is_success(&self) -> bool {
    self.why().is_none()
  }

  /// Why it has no file.
  pub fn why(&self) -> Option<&str> {
    match self {
      Self::Saved(_) | Self::Written | Self::Unchanged(_) => None,
      Self::Failed(why) | Self::Wrong(why) | Self::Unsaved(why) => Some(why),
    }
  }
}

/// An item, found by its download.
#[derive(Clone)]
struct Wanted(Arc<Item>);

impl Borrow<Download> for Wanted {
  fn borrow(&self) -> &Download {
    &self.0.download
  }
}

impl PartialEq for Wanted {
  fn eq(&self, other: &Self) -> bool {
    self.0.download == other.0.download
  }
}

impl Eq for Wanted {}

impl Hash for Wanted {
  fn hash<H: Hasher>(&self, state: &mut H) {
    self.0.download.hash(state);
  }
}

/// The downloads of this process.
pub struct Downloads {
  saver: Saver,
  /// What this command wants, and those that have handed over theirs, whatever
  /// the one did that has started it.
  wanted: Mutex<HashSet<Wanted>>,
  /// Whose files go to standard output, if they were meant to.
  to_stdout: HashSet<Url>,
  ended: Mutex<HashMap<BackgroundFetchKey, Ended>>,
  /// One could not be saved.
  unsaved: watch::Sender<()>,
  /// What is not begun yet.
  queues: Mutex<Vec<Weak<Queue>>>,
  /// Of those that are begun.
  places: Mutex<HashMap<BackgroundFetchKey, Arc<Place>>>,
}

impl Downloads {
  pub fn new(
    saved: Saved,
    to_stdout: HashSet<Url>,
    wanted: &[Arc<Item>],
  ) -> Self {
    let this = Self {
      saver: Saver::new(saved),
      wanted: Mutex::default(),
      to_stdout,
      ended: Mutex::default(),
      unsaved: watch::Sender::new(()),
      queues: Mutex::default(),
      places: Mutex::default(),
    };
    this.also_wants(wanted);
    this
  }

  pub fn saved(&self) -> &Saved {
    &self.saver.saved
  }

  /// What another command has handed over is saved as that one wants it.
  pub fn also_wants(&self, items: &[Arc<Item>]) {
    let mut wanted = self.wanted.lock();
    for item in items {
      // The latest one counts.
      wanted.replace(Wanted(item.clone()));
    }
  }

  /// Whether a command of this process has said how it is saved.
  pub fn is_wanted(&self, download: &Download) -> bool {
    self.wanted.lock().contains(download)
  }

  /// A download has settled: saves it, and returns what has come of it.
  pub async fn settled(
    &self,
    engine: &Engine,
    snapshot: &BackgroundFetchSnapshot,
    download: &Download,
    options: &SaveOptions,
  ) -> Ended {
    let wanted = self.wanted.lock().get(download).cloned();
    let options = wanted.as_ref().map_or(options, |wanted| &wanted.0.options);
    let to_stdout =
      download.is_for_stdout() && self.to_stdout.contains(&download.url);
    let ended = match snapshot.result {
      BackgroundFetchResult::Success => {
        let saver = &self.saver;
        match saver
          .save(engine, snapshot, download, options, to_stdout)
          .await
        {
          Ok(Saving::File(path)) => Ended::Saved(path),
          Ok(Saving::Written) => Ended::Written,
          Ok(Saving::Wrong { why, kept }) => Ended::Wrong(wrong(&why, kept)),
          Err(why) => Ended::Unsaved(why),
        }
      }
      _ => Ended::Failed(failure(snapshot)),
    };
    self.ended.lock().insert(snapshot.key, ended.clone());
    if matches!(ended, Ended::Unsaved(_)) {
      self.unsaved.send_replace(());
    }
    ended
  }

  pub fn ended(&self, key: BackgroundFetchKey) -> Option<Ended> {
    self.ended.lock().get(&key).cloned()
  }

  /// Files of `queue` may be given up.
  pub fn queued(&self, queue: &Arc<Queue>) {
    let mut queues = self.queues.lock();
    queues.retain(|queue| queue.strong_count() > 0);
    queues.push(Arc::downgrade(queue));
  }

  /// How many files there are in all queues that the engine does not know of.
  pub fn unknown(&self) -> usize {
    let queues = self.queues.lock();
    let queues = queues.iter().filter_map(Weak::upgrade);
    queues.map(|queue| queue.unknown()).sum()
  }

  /// The user wants nothing of what is not begun and `is_meant`; how many files
  /// these are.
  pub fn give_up_queued(&self, is_meant: impl Fn(&Item) -> bool) -> usize {
    let queues = self.queues.lock();
    let queues = queues.iter().filter_map(Weak::upgrade);
    queues.map(|queue| queue.give_up(&is_meant)).sum()
  }

  /// The download `key` is at `place` until [`Downloads::left`].
  pub fn at(&self, key: BackgroundFetchKey, place: &Arc<Place>) {
    place.begun();
    self.places.lock().insert(key, place.clone());
  }

  /// See [`Downloads::at`].
  pub fn left(&self, key: BackgroundFetchKey) {
    let place = self.places.lock().remove(&key);
    // Not under the lock, for it wakes another one.
    drop(place);
  }

  /// The engine reports a background fetch: one that waits for the network
  /// keeps no other from its turn.
  pub fn observed(&self, snapshot: &BackgroundFetchSnapshot) {
    if snapshot.waiting.is_some()
      && let Some(place) = self.places.lock().get(&snapshot.key)
    {
      place.stalled();
    }
  }

  /// Waits until a download could not be saved, which nothing else ends.
  pub async fn unsaved(&self, key: BackgroundFetchKey) {
    let mut unsaved = self.unsaved.subscribe();
    loop {
      if let Some(Ended::Unsaved(_)) = self.ended(key) {
        return;
      }
      if unsaved.changed().await.is_err() {
        return std::future::pending().await;
      }
    }
  }
}

fn wrong(why: &str, kept: Option<PathBuf>) -> String {
  match kept {
    Some(path) => format!("{why}; what was sent is in {}", path.display()),
    None => why.to_string(),
  }
}

/// Why a download has failed, and what can be done.
fn failure(snapshot: &BackgroundFetchSnapshot) -> String {
  if snapshot.failure_reason == BackgroundFetchFailureReason::Aborted {
    return "it was aborted".to_string();
  }
  let reason = snapshot.failure_reason.as_str();
  let why = match &snapshot.diagnostic {
    Some(why) => text::printable(why),
    None => format!("it failed ({reason})"),
  };
  let is_page =
    snapshot.failure_reason == BackgroundFetchFailureReason::BadStatus;
  let kept = match snapshot.downloaded {
    // The page of an error is nothing to continue.
    _ if is_page => String::new(),
    0 => String::new(),
    kept => format!(" ({} are kept)", text::bytes(kept)),
  };
  match advice(snapshot) {
    "" => format!("{why}{kept}"),
    advice => format!("{why}{kept}; {advice}"),
  }
}
