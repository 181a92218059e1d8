//! What every stream on its way into the store has to do: keep within the byte
//! budget, and note what is written.

use parking_lot::Mutex;

use super::fetch_params::Attempt;
use crate::engine::context::Context;
use crate::engine::journal::queue::Progress;
use crate::engine::schedule::byte_budget::ByteBudget;
use crate::ids::BodyId;
use crate::spec::Extents;
use crate::telemetry;

/// How many bytes are appended at once, at most. The stream is read no further
/// when so many wait, or when there is no room for more in the byte budget;
/// then TCP makes the server wait.
pub(super) const MAX_BATCH: usize = 2 * 1024 * 1024;

/// What the transfer holds of the byte budget: its batch, and what is being
/// appended.
pub(super) struct Room<'a> {
  budget: &'a Mutex<ByteBudget>,
  held: u64,
}

impl<'a> Room<'a> {
  pub(super) fn new(context: &'a Context) -> Self {
    context.byte_budget.lock().begin();
    Self {
      budget: &context.byte_budget,
      held: 0,
    }
  }

  pub(super) fn is_there(&self) -> bool {
    self.budget.lock().has_room(self.held)
  }

  pub(super) fn received(&mut self, bytes: u64) {
    telemetry::received(bytes);
    self.held += bytes;
    self.budget.lock().received(bytes);
  }

  pub(super) fn released(&mut self, bytes: u64) {
    self.held -= bytes;
    self.budget.lock().released(bytes);
  }
}

impl Drop for Room<'_> {
  fn drop(&mut self) {
    self.budget.lock().end(self.held);
  }
}

/// `more` bytes of the record were written to `body`, of which `extents` are
/// stored now. An attempt and its segments are one task, so that what is
/// recorded of a record keeps its order.
pub(super) fn record_progress(
  attempt: Attempt<'_>,
  body: BodyId,
  extents: Extents,
  more: u64,
) {
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  job.response_data(record).set_stored(extents.prefix());
  let progress = Progress {
    record,
    extents,
    more,
  };
  context.journal.record_progress(job.key, body, progress);
}
