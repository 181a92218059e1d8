//! What the user answers to a display.

use std::sync::Arc;

use crate::ids::BackgroundFetchKey;

/// What a user does to what is displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserAction {
  /// [`Engine::abort`](crate::engine::Engine::abort)
  Abort(BackgroundFetchKey),
  /// [`Engine::pause`](crate::engine::Engine::pause)
  Pause(BackgroundFetchKey),
  /// [`Engine::unpause`](crate::engine::Engine::unpause), which also lets one
  /// begin whose permission is `Prompt`.
  Unpause(BackgroundFetchKey),
  /// [`Engine::click`](crate::engine::Engine::click)
  Click(BackgroundFetchKey),
  /// [`Engine::click_notification`](crate::engine::Engine::click_notification)
  ClickNotification {
    /// That of the notification.
    id: u64,
    /// The name of the action that was chosen, if it was one.
    action: Option<String>,
  },
  /// [`Engine::dismiss_notification`](crate::engine::Engine::dismiss_notification)
  DismissNotification {
    /// That of the notification.
    id: u64,
  },
}

/// The way of a user's answers to the engine, which it does not keep: what comes
/// when that has ended is ignored.
#[derive(Clone)]
pub struct UserActions(Arc<dyn Fn(UserAction) + Send + Sync>);

opaque_debug!(UserActions);

impl UserActions {
  /// Calls `act` with each action, on the thread that sends it.
  pub fn new(act: impl Fn(UserAction) + Send + Sync + 'static) -> Self {
    Self(Arc::new(act))
  }

  /// Sends an action, from any thread, and returns at once. What the store
  /// cannot remember is logged.
  pub fn send(&self, action: UserAction) {
    (self.0)(action);
  }
}
