//! What a display is notified of a notification.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

/// A [notification](https://notifications.spec.whatwg.org/#concept-notification)
/// as a script has made it: what there is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
  pub title: String,
  pub body: String,
  /// One with the same tag takes its place; empty for none.
  pub tag: String,
  /// `auto`, `ltr` or `rtl`.
  pub dir: String,
  pub lang: String,
  /// URLs, or empty.
  pub icon: String,
  pub badge: String,
  pub image: String,
  pub actions: Vec<NotificationAction>,
  /// In milliseconds since the epoch.
  pub timestamp: u64,
  pub renotify: bool,
  pub silent: Option<bool>,
  pub require_interaction: bool,
}

/// [An action](https://notifications.spec.whatwg.org/#action) that the user may
/// choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationAction {
  /// Its name.
  pub action: String,
  pub title: String,
  /// A URL, or empty.
  #[serde(default)]
  pub icon: String,
}

/// A notification that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownNotification {
  /// Names it as long as the engine runs.
  pub id: u64,
  /// The scope of its service worker registration, or the page's URL.
  pub scope: Url,
  pub notification: Notification,
}
