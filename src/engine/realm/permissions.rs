//! That permissions change, and that a script asks for one.

use super::Realm;
use crate::engine::policy::PermissionState;

impl Realm {
  /// Asks for the permission to show notifications
  /// ([`requestPermission()`](https://notifications.spec.whatwg.org/#dom-notification-requestpermission)).
  pub async fn request_notification_permission(&self) -> PermissionState {
    let context = self.engine().context();
    let origin = self.options().url.origin();
    let permission = &*context.policies.notification_permission;
    context.request_permission(permission, &origin).await
  }

  /// How often a permission may have changed: wait for another number.
  pub fn permission_changes(&self) -> u32 {
    *self.engine().context().permission_changes.borrow()
  }

  /// Waits until [`Realm::permission_changes`] is not `known`, and returns what
  /// it is. Safe to cancel.
  pub async fn permission_changes_other_than(&self, known: u32) -> u32 {
    let mut changes = self.engine().context().permission_changes.subscribe();
    match changes.wait_for(|count| *count != known).await {
      Ok(count) => *count,
      Err(_) => std::future::pending().await,
    }
  }
}
