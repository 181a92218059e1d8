//! The *active background fetches edit queue* of a registration.
//!
//! What is enqueued about one id is done in its order. The specification's
//! queue is also one for all ids; but nothing that is done about one of them
//! can be seen from another, and each waits for the disk: so that many share
//! one flush, ids do not wait for each other.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use tokio::sync::OwnedRwLockReadGuard;
use tokio::sync::RwLock;
use tokio::sync::RwLockWriteGuard;

#[derive(Default)]
pub(crate) struct EditQueue {
  all: Arc<RwLock<()>>,
  ids: Arc<Ids>,
}

/// Those that are held, or waited for. The locks are fair.
#[derive(Default)]
struct Ids(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

/// A turn to edit what is active with one id, or the wait for it.
pub(crate) struct Turn {
  ids: Arc<Ids>,
  id: String,
  /// `None` while it is waited for.
  own: Option<OwnedMutexGuard<()>>,
  _all: OwnedRwLockReadGuard<()>,
}

impl EditQueue {
  /// Waits for everyone who was here earlier with this id, or with all.
  pub(crate) async fn lock(&self, id: &str) -> Turn {
    let mut turn = self.turn(id, self.all.clone().read_owned().await);
    turn.own = Some(self.of(id).lock_owned().await);
    turn
  }

  /// `None` when another caller was earlier.
  pub(crate) fn try_lock(&self, id: &str) -> Option<Turn> {
    let all = self.all.clone().try_read_owned().ok()?;
    let mut turn = self.turn(id, all);
    turn.own = Some(self.of(id).try_lock_owned().ok()?);
    Some(turn)
  }

  /// Waits for every caller who was earlier; no other one has a turn then.
  pub(crate) async fn lock_all(&self) -> RwLockWriteGuard<'_, ()> {
    self.all.write().await
  }

  fn turn(&self, id: &str, all: OwnedRwLockReadGuard<()>) -> Turn {
    Turn {
      ids: self.ids.clone(),
      id: id.to_owned(),
      own: None,
      _all: all,
    }
  }

  fn of(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
    self.ids.0.lock().entry(id.to_owned()).or_default().clone()
  }
}

impl Drop for Turn {
  fn drop(&mut self) {
    let mut ids = self.ids.0.lock();
    self.own = None;
    // It is not held and not waited for: every other turn has a copy.
    let free = ids.get(&self.id);
    if free.is_some_and(|own| Arc::strong_count(own) == 1) {
      ids.remove(&self.id);
    }
  }
}

#[cfg(test)]
mod tests {
  use futures::FutureExt;

  use super::EditQueue;

  #[test]
  fn each_id_waits_for_itself_alone() {
    let queue = EditQueue::default();
    let first = queue.lock("a").now_or_never().unwrap();
    assert!(queue.try_lock("a").is_none());
    assert!(queue.lock("a").now_or_never().is_none());
    assert!(queue.try_lock("b").is_some());
    drop(first);
    assert!(queue.try_lock("a").is_some());
  }

  #[test]
  fn all_wait_for_each_and_each_for_all() {
    let queue = EditQueue::default();
    let one = queue.lock("a").now_or_never().unwrap();
    assert!(queue.lock_all().now_or_never().is_none());
    drop(one);
    let all = queue.lock_all().now_or_never().unwrap();
    assert!(queue.try_lock("a").is_none());
    assert!(queue.lock("b").now_or_never().is_none());
    drop(all);
    assert!(queue.try_lock("a").is_some());
  }

  #[test]
  fn an_id_that_is_not_held_is_forgotten() {
    let queue = EditQueue::default();
    let first = queue.lock("a").now_or_never().unwrap();
    let mut second = Box::pin(queue.lock("a"));
    assert!(second.as_mut().now_or_never().is_none());
    // The turn passes to a caller who does not want it any more.
    drop(first);
    drop(second);
    assert!(queue.try_lock("b").is_some());
    assert!(queue.ids.0.lock().is_empty());
  }
}
