//! What a display is notified of a notification.

use serde::Deserialize;
use serde::Serialize;
use url::Url;

/// A [notification](https://notifications.spec.whatwg.org/#concept-notification)
/// as a script has made it: what there is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
  /// What it says in its first line.
  pub title: String,
  /// What it says below.
  pub body: String,
  /// One with the same tag takes its place; empty for none.
  pub tag: String,
  /// `auto`, `ltr` or `rtl`.
  pub dir: String,
  /// The language of its texts, as in BCP 47, or empty.
  pub lang: String,
  /// URLs, or empty.
  pub icon: String,
  /// A small image, or empty.
  pub badge: String,
  /// A large image, or empty.
  pub image: String,
  /// What the user may choose.
  pub actions: Vec<NotificationAction>,
  /// In milliseconds since the epoch.
  pub timestamp: u64,
  /// Whether one that takes another's place draws attention again.
  pub renotify: bool,
  /// Whether it makes no sound; `None` leaves that to the display.
  pub silent: Option<bool>,
  /// Whether it stays until the user has done something.
  pub require_interaction: bool,
}

/// [An action](https://notifications.spec.whatwg.org/#action) that the user may
/// choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationAction {
  /// Its name.
  pub action: String,
  /// What its button says.
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
  /// What there is to show.
  pub notification: Notification,
}
