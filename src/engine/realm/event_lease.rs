//! An event that a service worker has.

use std::sync::Weak;

use crate::engine::events::LeaseId;

/// The realm that has the events.
pub(super) trait Lessee: Send + Sync {
  fn acknowledge(&self, lease: LeaseId);
  fn give_back(&self, lease: LeaseId);
}

/// An event that its realm has, until it is acknowledged.
///
/// One that is dropped instead was not handled: the event is delivered again,
/// after the other events of its realm are over, by
/// [`Realm::next_message`](crate::engine::Realm::next_message) of the same realm
/// or of the next one. It counts as one of
/// [`ServiceWorkerLimits::tries`](crate::service_worker::ServiceWorkerLimits::tries),
/// after which the event is kept as
/// [undelivered](crate::engine::Retained::undelivered), unless the realm's worker
/// was asked to stop. A panic of a handler, or a task that is cancelled, loses
/// no event therefore.
///
/// A lease is over when its realm is gone, and when its service worker has taken
/// longer than [`ServiceWorkerLimits::event`](crate::service_worker::ServiceWorkerLimits::event).
/// The event has another one then, and this one has no effect any more.
#[must_use = "an event whose lease is dropped is delivered again"]
pub struct EventLease {
  /// A realm that is gone has no leases.
  realm: Weak<dyn Lessee>,
  id: LeaseId,
  is_returned: bool,
}

opaque_debug!(EventLease);

impl EventLease {
  pub(super) fn new(realm: Weak<dyn Lessee>, id: LeaseId) -> Self {
    Self {
      realm,
      id,
      is_returned: false,
    }
  }

  /// The event was handled, and is not delivered again. The records of its
  /// background fetch are not available any more, and are deleted, unless the
  /// event was a click.
  pub fn acknowledge(self) {
    let realm = self.realm.upgrade();
    let id = self.into_id();
    if let Some(realm) = realm {
      realm.acknowledge(id);
    }
  }

  /// The caller has the name, and calls
  /// [`Realm::acknowledge`](crate::engine::Realm::acknowledge), or ends with
  /// the realm.
  pub(crate) fn into_id(mut self) -> LeaseId {
    self.is_returned = true;
    self.id
  }
}

impl Drop for EventLease {
  fn drop(&mut self) {
    if !self.is_returned
      && let Some(realm) = self.realm.upgrade()
    {
      realm.give_back(self.id);
    }
  }
}
