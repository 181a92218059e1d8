//! Whether the machine is believed to have a network: what `navigator.onLine`
//! says.

use super::Realm;

impl Realm {
  /// [`navigator.onLine`](https://html.spec.whatwg.org/multipage/system-state.html#dom-navigator-online):
  /// false when the last fetch of the engine has found no network.
  pub fn is_online(&self) -> bool {
    *self.engine().context().online.0.borrow()
  }

  /// Waits until [`Realm::is_online`] is not `known`, and returns what it is.
  /// Safe to cancel.
  pub async fn online_other_than(&self, known: bool) -> bool {
    // Without the engine: a caller that waits must not keep it.
    let mut changes = self.engine().context().online.0.subscribe();
    match changes.wait_for(|online| *online != known).await {
      Ok(online) => *online,
      Err(_) => std::future::pending().await,
    }
  }
}
