//! [Web Locks](https://w3c.github.io/web-locks/) of a realm's origin.

use std::sync::Arc;

use parking_lot::Mutex;

use super::Realm;
use crate::engine::locks::LockHandle;
use crate::engine::locks::LockInfo;
use crate::engine::locks::LockManager;
use crate::engine::locks::LockMode;
use crate::engine::locks::LockRequest;

impl Realm {
  /// Requests the lock `name`.
  /// `None` when it is not available, and the caller does not wait.
  pub fn request_lock(
    &self,
    name: String,
    mode: LockMode,
    how: LockRequest,
  ) -> Option<LockHandle> {
    let info = LockInfo {
      name,
      mode,
      client_id: format!("realm-{}", self.attached.id),
    };
    LockHandle::request(self.lock_manager(), info, how)
  }

  /// The locks of the origin that are held, and those that are waited for.
  pub fn locks(&self) -> (Vec<LockInfo>, Vec<LockInfo>) {
    self.lock_manager().lock().snapshot()
  }

  fn lock_manager(&self) -> Arc<Mutex<LockManager>> {
    let origin = self.options().url.origin();
    self.engine().context().locks.of(origin)
  }
}
