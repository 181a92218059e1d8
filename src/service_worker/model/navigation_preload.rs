//! [Navigation preload](https://w3c.github.io/ServiceWorker/#navigation-preload-manager).

use serde::Deserialize;
use serde::Serialize;

/// [`NavigationPreloadState`](https://w3c.github.io/ServiceWorker/#dictdef-navigationpreloadstate).
/// No document is loaded through a service worker here, so it is a value that
/// scripts get back, and no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NavigationPreload {
  /// Whether a navigation's request is sent while its worker starts.
  pub enabled: bool,
  /// The value of that request's `Service-Worker-Navigation-Preload`.
  pub header_value: String,
}

impl Default for NavigationPreload {
  fn default() -> Self {
    Self {
      enabled: false,
      header_value: "true".into(),
    }
  }
}

/// What a script changes of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NavigationPreloadChange {
  /// A new state, if it changes.
  pub enabled: Option<bool>,
  /// A new value, if it changes.
  pub header_value: Option<String>,
}

impl NavigationPreload {
  /// Whether anything is another value now.
  pub(crate) fn change(&mut self, change: NavigationPreloadChange) -> bool {
    let before = self.clone();
    if let Some(enabled) = change.enabled {
      self.enabled = enabled;
    }
    if let Some(header_value) = change.header_value {
      self.header_value = header_value;
    }
    *self != before
  }
}
