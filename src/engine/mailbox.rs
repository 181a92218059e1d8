//! An [`Inbox`] of background fetches, with the clock and the wake-ups that it
//! has not.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio::time::timeout_at;

use crate::engine::events::Inbox;
use crate::engine::events::Next;
use crate::ids::BackgroundFetchKey;
use crate::snapshot::BackgroundFetchSnapshot;

/// A background fetch that changes.
pub(crate) trait Observed: Send + Sync {
  fn key(&self) -> BackgroundFetchKey;
  fn is_settled(&self) -> bool;
  fn snapshot(&self) -> BackgroundFetchSnapshot;
}

pub(crate) struct Mailbox<M> {
  inbox: Mutex<Inbox<BackgroundFetchKey, Arc<dyn Observed>, M>>,
  changed: Notify,
}

/// What one reader gets.
pub(crate) enum Delivery<M> {
  /// A background fetch has changed, and stands like this now.
  Update(Box<BackgroundFetchSnapshot>),
  Message(M),
}

impl<M> Default for Mailbox<M> {
  fn default() -> Self {
    Self {
      inbox: Mutex::default(),
      changed: Notify::new(),
    }
  }
}

impl<M> Mailbox<M> {
  /// See [`Inbox::push_update`]. That it has settled is urgent.
  pub(crate) fn push_update(&self, changed: Arc<dyn Observed>) {
    let (key, is_settled) = (changed.key(), changed.is_settled());
    if self.inbox.lock().push_update(key, changed, is_settled) {
      self.changed.notify_one();
    }
  }

  /// See [`Inbox::push_message`].
  pub(crate) fn push_message(&self, message: M) {
    self.inbox.lock().push_message(message);
    self.changed.notify_one();
  }

  /// Waits for what comes next. For one reader; safe to cancel.
  pub(crate) async fn next(&self) -> Delivery<M> {
    loop {
      let next = self.inbox.lock().next(Instant::now());
      match next {
        Next::Update(changed) => {
          return Delivery::Update(Box::new(changed.snapshot()));
        }
        Next::Message(message) => return Delivery::Message(message),
        Next::NotBefore(time) => {
          let _ = timeout_at(time, self.changed.notified()).await;
        }
        Next::Nothing => self.changed.notified().await,
      }
    }
  }

  /// See [`Inbox::more_updates`].
  pub(crate) fn more_updates(&self) -> Vec<BackgroundFetchSnapshot> {
    let changed = self.inbox.lock().more_updates(Instant::now());
    changed.iter().map(|changed| changed.snapshot()).collect()
  }
}
