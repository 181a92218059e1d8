//! Who is notified when a background fetch changes: queues that hold each
//! background fetch once, so that a slow reader costs nothing.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::ids::BackgroundFetchKey;
use crate::snapshot::BackgroundFetchSnapshot;

/// How often one reader is notified of progress; everything else is reported at
/// once.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// A background fetch that changes.
pub(crate) trait Observed: Send + Sync {
  fn key(&self) -> BackgroundFetchKey;
  fn is_settled(&self) -> bool;
  fn snapshot(&self) -> BackgroundFetchSnapshot;
}

/// What has changed since its reader last looked.
#[derive(Default)]
pub(crate) struct UpdateQueue {
  changed: Mutex<IndexMap<BackgroundFetchKey, Arc<dyn Observed>>>,
  notify: Notify,
  last: Mutex<Option<Instant>>,
}

impl UpdateQueue {
  pub(crate) fn push(&self, changed: Arc<dyn Observed>) {
    let is_settled = changed.is_settled();
    let key = changed.key();
    let first = self.changed.lock().insert(key, changed).is_none();
    if first || is_settled {
      self.notify.notify_one();
    }
  }

  /// The next background fetch that has changed, as it stands now. Safe to
  /// cancel.
  pub(crate) async fn next(&self) -> BackgroundFetchSnapshot {
    loop {
      if let Some(snapshot) = self.take_due() {
        return snapshot;
      }
      match self.due_at() {
        Some(at) => {
          let _ = tokio::time::timeout_at(at, self.notify.notified()).await;
        }
        None => self.notify.notified().await,
      }
    }
  }

  /// What has changed of `key`, whether it is due or not.
  pub(crate) fn take(
    &self,
    key: BackgroundFetchKey,
  ) -> Option<BackgroundFetchSnapshot> {
    let changed = self.changed.lock().shift_remove(&key)?;
    Some(changed.snapshot())
  }

  /// All that has changed, whether it is due or not.
  pub(crate) fn take_all(&self) -> Vec<BackgroundFetchSnapshot> {
    let changed = std::mem::take(&mut *self.changed.lock());
    changed
      .into_values()
      .map(|changed| changed.snapshot())
      .collect()
  }

  fn take_due(&self) -> Option<BackgroundFetchSnapshot> {
    let now = Instant::now();
    let is_due = self.due_at().is_none_or(|at| at <= now);
    let due = {
      let mut changed = self.changed.lock();
      let settled = changed.values().position(|one| one.is_settled());
      let index = settled.or((is_due && !changed.is_empty()).then_some(0))?;
      changed.shift_remove_index(index)?.1
    };
    if self.changed.lock().is_empty() {
      *self.last.lock() = Some(now);
    }
    Some(due.snapshot())
  }

  fn due_at(&self) -> Option<Instant> {
    if self.changed.lock().is_empty() {
      return None;
    }
    self.last.lock().map(|last| last + PROGRESS_INTERVAL)
  }
}
