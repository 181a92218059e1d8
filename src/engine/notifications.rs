//! The notifications that are shown.

use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::display::ShownNotification;

/// A notification with what only scripts read.
#[derive(Clone, Debug)]
pub struct ScriptNotification {
  /// What the display is notified of.
  pub shown: ShownNotification,
  /// Its `data`, serialized.
  pub data: Bytes,
}

/// What a `notificationclick` or `notificationclose` event is about.
#[derive(Clone, Debug)]
pub struct NotificationEvent {
  /// The notification.
  pub notification: ScriptNotification,
  /// The action that the user has chosen, or empty.
  pub action: String,
}

/// What a user may do to a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserAction {
  Click,
  Close,
}

/// Those that are shown, oldest first.
#[derive(Default)]
pub(crate) struct Notifications {
  pub(crate) shown: Mutex<Vec<ScriptNotification>>,
  pub(crate) last: AtomicU64,
}

impl Notifications {
  pub(crate) fn find(&self, id: u64) -> Option<ScriptNotification> {
    let shown = self.shown.lock();
    shown.iter().find(|one| one.shown.id == id).cloned()
  }

  pub(crate) fn remove(&self, id: u64) -> Option<ScriptNotification> {
    let mut shown = self.shown.lock();
    let index = shown.iter().position(|one| one.shown.id == id)?;
    Some(shown.remove(index))
  }
}
