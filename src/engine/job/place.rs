//! A place on the wire.

use std::sync::Arc;

use crate::engine::context::Context;
use crate::engine::schedule::scheduler::PlaceId;

/// A place on the wire, to be had until it is dropped.
pub(super) struct Place {
  pub(super) context: Arc<Context>,
  pub(super) id: PlaceId,
}

impl Drop for Place {
  fn drop(&mut self) {
    self.context.admission.finished(self.id);
  }
}
