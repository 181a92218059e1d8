//! The [display algorithm](https://wicg.github.io/background-fetch/#background-fetch-display-algorithm)
//! as a trait, and two displays: [`Lines`] for a log, and, with the feature
//! `cli`, `Terminal` for a person.

mod lines;
mod notification;
mod rate;
#[cfg(feature = "cli")]
mod terminal;
pub mod text;
mod totals;
mod user_actions;

pub use self::lines::Lines;
pub use self::notification::Notification;
pub use self::notification::NotificationAction;
pub use self::notification::ShownNotification;
#[cfg(feature = "cli")]
pub use self::terminal::Terminal;
pub use self::user_actions::UserAction;
pub use self::user_actions::UserActions;
pub use crate::snapshot::BackgroundFetchSnapshot;
pub use crate::snapshot::Waiting;
use url::Url;

/// Whether a display has done what a script wanted of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum WindowOutcome {
  /// It has.
  Done,
  /// It has not, and the script's promise is rejected, or resolves with `null`,
  /// as the standard has it.
  Refused,
}

/// Presents background fetches to the user. What the user answers (pause, go
/// on, abort, click) goes by the [`UserActions`] that [`Display::start`] gets.
pub trait Display: Send + Sync + 'static {
  /// The engine starts. Called once, before anything is shown.
  fn start(&self, actions: UserActions) {
    let _ = actions;
  }

  /// The background fetch is new, or something of it has changed. Called for
  /// one after the other, never twice at once, with the latest state only:
  /// a slow display misses steps in between and never the last one.
  fn show(&self, background_fetch: &BackgroundFetchSnapshot);

  /// A script shows a notification. A click of the user goes to
  /// [`Engine::click_notification`](crate::engine::Engine::click_notification).
  fn show_notification(&self, notification: &ShownNotification) {
    let _ = notification;
  }

  /// A notification is not shown any more.
  fn close_notification(&self, notification: &ShownNotification) {
    let _ = notification;
  }

  /// A service worker wants `url` in a new window
  /// ([`openWindow()`](https://w3c.github.io/ServiceWorker/#clients-openwindow)).
  /// Refused by default.
  fn open_window(&self, url: &Url) -> WindowOutcome {
    let _ = url;
    WindowOutcome::Refused
  }

  /// A service worker wants the window at `url` in front
  /// ([`focus()`](https://w3c.github.io/ServiceWorker/#client-focus)).
  /// Refused by default.
  fn focus_window(&self, url: &Url) -> WindowOutcome {
    let _ = url;
    WindowOutcome::Refused
  }

  /// A service worker wants the window at `from` to go to `to`
  /// ([`navigate()`](https://w3c.github.io/ServiceWorker/#client-navigate)).
  /// Refused by default.
  fn navigate_window(&self, from: &Url, to: &Url) -> WindowOutcome {
    let _ = (from, to);
    WindowOutcome::Refused
  }
}
