//! The network permission of a background fetch that its realm has asked for.
//!
//! A check is a function of the embedder's, which no store can keep. What had
//! one before a restart waits until there is one again, and does without none.

use std::sync::Arc;

use tokio::sync::watch;

use super::policy::Policies;
use crate::network::NetCheck;

/// What is asked before each hop, beside the engine's default.
#[derive(Clone)]
pub(crate) enum NetPermission {
  /// The realm's own check, if it has one.
  Known(Option<Arc<dyn NetCheck>>),
  /// A restart has taken the realm's check away; the one that the next realm
  /// of the registration brings takes its place.
  Lost,
}

impl NetPermission {
  /// Whether the realm has a check of its own, or had one.
  pub(super) fn has_check(&self) -> bool {
    !matches!(self, Self::Known(None))
  }

  /// After a restart. An embedder whose engine has a check for everything does
  /// not have to bring another one.
  pub(super) fn restored(policies: &Policies, had_check: bool) -> Self {
    let default = &policies.default_net_check;
    match had_check && default.is_none() {
      true => Self::Lost,
      false => Self::Known(None),
    }
  }
}

/// The check that the realms of a registration have brought last.
pub(crate) struct RegistrationCheck(watch::Sender<Option<Arc<dyn NetCheck>>>);

impl Default for RegistrationCheck {
  fn default() -> Self {
    Self(watch::Sender::new(None))
  }
}

impl RegistrationCheck {
  pub(super) fn install(&self, check: Arc<dyn NetCheck>) {
    self.0.send_replace(Some(check));
  }

  pub(super) fn current(&self) -> Option<Arc<dyn NetCheck>> {
    self.0.borrow().clone()
  }

  pub(super) async fn installed(&self) -> Option<Arc<dyn NetCheck>> {
    let mut receiver = self.0.subscribe();
    let check = receiver.wait_for(Option::is_some).await;
    // The sender is borrowed for as long, so it is there.
    check.ok().and_then(|check| check.clone())
  }
}
