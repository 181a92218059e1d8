//! Whether the machine is believed to have a network: what `navigator.onLine`
//! says.

use tokio::sync::watch;

use super::Realm;
use crate::network::NetworkErrorKind;

/// What the last fetch has shown.
pub(crate) struct Online(watch::Sender<bool>);

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

  fn set(&self, online: bool) {
    self
      .0
      .send_if_modified(|before| std::mem::replace(before, online) != online);
  }
}

impl Realm {
  /// [`navigator.onLine`](https://html.spec.whatwg.org/multipage/system-state.html#dom-navigator-online):
  /// false when the last fetch of the engine has found no network.
  pub fn is_online(&self) -> bool {
    *self.engine().context().online.0.borrow()
  }

  /// Waits until [`Realm::is_online`] is not `known`, and returns what it is.
  /// Safe to cancel.
  pub async fn online_other_than(&self, known: bool) -> bool {
    // Without the engine: who waits for this must not keep it.
    let mut changes = self.engine().context().online.0.subscribe();
    match changes.wait_for(|online| *online != known).await {
      Ok(online) => *online,
      Err(_) => std::future::pending().await,
    }
  }
}
