//! The network permission of a background fetch that its realm has asked for.
//!
//! A check is a function of the embedder's, which no store can keep. What had
//! one before a restart waits until there is one again, and does without none.

use std::sync::Arc;

use tokio::sync::watch;

use super::context::Context;
use super::error::FetchRejection;
use super::job::Job;
use super::realm::Realm;
use crate::network::NetCheck;
use crate::snapshot::Waiting;
use crate::spec::Request;

/// What is asked before each hop, beside the engine's default.
#[derive(Clone)]
pub(crate) enum NetPermission {
  /// The realm's own check, if it has one.
  Known(Option<NetCheck>),
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
  pub(super) fn restored(context: &Context, had_check: bool) -> Self {
    let default = &context.config.network.default_net_check;
    match had_check && default.is_none() {
      true => Self::Lost,
      false => Self::Known(None),
    }
  }
}

/// The check that the realms of a registration have brought last.
pub(crate) struct RegistrationCheck(watch::Sender<Option<NetCheck>>);

impl Default for RegistrationCheck {
  fn default() -> Self {
    Self(watch::Sender::new(None))
  }
}

impl RegistrationCheck {
  pub(super) fn install(&self, check: NetCheck) {
    self.0.send_replace(Some(check));
  }

  async fn installed(&self) -> Option<NetCheck> {
    let mut receiver = self.0.subscribe();
    let check = receiver.wait_for(Option::is_some).await;
    // The sender is borrowed for as long, so it is there.
    check.ok().and_then(|check| check.clone())
  }
}

impl Job {
  /// The check for a hop of `record`; waits for one that was lost.
  pub(super) async fn net_check(
    self: &Arc<Self>,
    context: &Context,
    record: usize,
  ) -> Option<NetCheck> {
    match &self.net_permission {
      NetPermission::Known(check) => check.clone(),
      NetPermission::Lost => {
        let waiting = &self.records[record].waiting;
        let reason = "the permission to use it is not there since the \
                      restart; it continues when a page or a worker of its \
                      scope brings one";
        *waiting.lock() = Some(Waiting {
          offline: true,
          reason: reason.into(),
        });
        context.notify_observers(self);
        let check = self.registration.net_check.installed().await;
        waiting.lock().take();
        context.notify_observers(self);
        check
      }
    }
  }
}

impl Realm {
  /// Asks for each request once: what may not be reached is not registered.
  pub(super) fn may_reach(
    &self,
    requests: &[Request],
  ) -> Result<(), FetchRejection> {
    let context = self.engine().context();
    let default = context.config.network.default_net_check.clone();
    for check in [default, self.net_check()].iter().flatten() {
      for request in requests {
        check(&request.url).map_err(FetchRejection::MayNotReach)?;
      }
    }
    Ok(())
  }
}
