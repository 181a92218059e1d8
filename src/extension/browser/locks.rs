//! The ops of `navigator.locks`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use deno_core::AsyncRefCell;
use deno_core::CancelFuture;
use deno_core::CancelHandle;
use deno_core::OpState;
use deno_core::RcRef;
use deno_core::Resource;
use deno_core::ResourceId;
use deno_core::op2;
use serde::Serialize;

use crate::engine::LockHandle;
use crate::engine::LockInfo;
use crate::engine::LockMode;
use crate::engine::LockRequest;
use crate::engine::Realm;
use crate::extension::error::OpError;

/// A lock that a script has, or waits for.
struct Lock {
  release: Box<dyn Fn()>,
  handle: AsyncRefCell<LockHandle>,
  cancel: CancelHandle,
}

impl Resource for Lock {
  fn name(&self) -> Cow<'_, str> {
    "lock".into()
  }

  fn close(self: Rc<Self>) {
    // At once: what waits for a theft has the handle until the next turn.
    (self.release)();
    self.cancel.cancel();
  }
}

/// The lock as a resource; `None` when it is not available at once.
#[op2]
#[serde]
pub(super) fn op_locks_request(
  state: &mut OpState,
  #[string] name: String,
  #[serde] mode: LockMode,
  if_available: bool,
  steal: bool,
) -> Option<ResourceId> {
  let how = match (if_available, steal) {
    (true, _) => LockRequest::IfAvailable,
    (_, true) => LockRequest::Steal,
    _ => LockRequest::Wait,
  };
  let handle = state.borrow::<Realm>().request_lock(name, mode, how)?;
  Some(state.resource_table.add(Lock {
    release: Box::new(handle.releaser()),
    handle: AsyncRefCell::new(handle),
    cancel: CancelHandle::new(),
  }))
}

/// Waits until the lock is held; false when it was closed before.
#[op2]
pub(super) async fn op_locks_granted(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<bool, OpError> {
  let lock = state.borrow().resource_table.get::<Lock>(rid)?;
  let cancel = RcRef::map(&lock, |lock| &lock.cancel);
  let mut handle = RcRef::map(&lock, |l| &l.handle).borrow_mut().await;
  Ok(handle.granted().or_cancel(cancel).await.is_ok())
}

/// Waits until the lock is stolen; false when it was closed before.
#[op2]
pub(super) async fn op_locks_stolen(
  state: Rc<RefCell<OpState>>,
  #[smi] rid: ResourceId,
) -> Result<bool, OpError> {
  let lock = state.borrow().resource_table.get::<Lock>(rid)?;
  let cancel = RcRef::map(&lock, |lock| &lock.cancel);
  let mut handle = RcRef::map(&lock, |l| &l.handle).borrow_mut().await;
  Ok(handle.stolen().or_cancel(cancel).await.is_ok())
}

/// <https://w3c.github.io/web-locks/#dictdef-lockmanagersnapshot>
#[derive(Serialize)]
pub(super) struct JsSnapshot {
  held: Vec<LockInfo>,
  pending: Vec<LockInfo>,
}

#[op2]
#[serde]
pub(super) fn op_locks_query(state: &mut OpState) -> JsSnapshot {
  let (held, pending) = state.borrow::<Realm>().locks();
  JsSnapshot { held, pending }
}
