//! Whether the network is there, as far as the engine has seen.

use tokio::sync::watch;

use crate::network::NetworkErrorKind;

/// What the last fetch has shown.
pub(crate) struct Online(pub(crate) watch::Sender<bool>);

impl Default for Online {
  fn default() -> Self {
    Self(watch::Sender::new(true))
  }
}

impl Online {
  /// A server has answered.
  pub(crate) fn answered(&self) {
    self.set(true);
  }

  /// A fetch has failed.
  pub(crate) fn failed(&self, kind: NetworkErrorKind) {
    if kind == NetworkErrorKind::Offline {
      self.set(false);
    }
  }

  pub(crate) fn set(&self, online: bool) {
    self
      .0
      .send_if_modified(|before| std::mem::replace(before, online) != online);
  }
}
