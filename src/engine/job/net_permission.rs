//! The network permission, as a job asks for it.

use std::sync::Arc;

use crate::engine::context::Context;
use crate::engine::job::Job;
use crate::engine::net_permission::NetPermission;
use crate::network::NetCheck;
use crate::snapshot::Waiting;

impl Job {
  /// Whether `net_check` would have to wait.
  pub(super) fn lacks_net_check(&self) -> bool {
    match &self.net_permission {
      NetPermission::Known(_) => false,
      NetPermission::Lost => self.registration.net_check.current().is_none(),
    }
  }

  /// The check for a hop of `record`; waits for one that was lost.
  pub(super) async fn net_check(
    self: &Arc<Self>,
    context: &Context,
    record: usize,
  ) -> Option<Arc<dyn NetCheck>> {
    match &self.net_permission {
      NetPermission::Known(check) => check.clone(),
      NetPermission::Lost => {
        let current = self.registration.net_check.current();
        if current.is_some() {
          return current;
        }
        let reason = "the permission to use it is not there since the \
                      restart; it continues when a page or a worker of its \
                      scope brings one";
        let waiting = Waiting {
          offline: true,
          reason: reason.into(),
        };
        self.set_waiting(record, Some(waiting));
        context.notify_observers(self);
        let check = self.registration.net_check.installed().await;
        self.set_waiting(record, None);
        context.notify_observers(self);
        check
      }
    }
  }
}
