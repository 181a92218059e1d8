//! What the engine keeps of one record beside the state machine.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::response_data::ResponseData;
use super::response_data::ResponseState;
use crate::engine::schedule::retry_state::RetryState;
use crate::ids::BodyId;
use crate::snapshot::Waiting;
use crate::spec::Request;

pub(crate) struct RecordSlot {
  pub(crate) request: Arc<Request>,
  pub(crate) request_body: Option<BodyId>,
  pub(crate) response_data: Mutex<Arc<ResponseData>>,
  /// Held by the attempt that runs: the next one waits until it has let go.
  pub(crate) attempts: tokio::sync::Mutex<Attempts>,
  /// Terminates the latest attempt that runs.
  terminate: Mutex<Option<(u32, CancellationToken)>>,
  /// When the next attempt may be, after one that has failed.
  pub(crate) retry_at: Mutex<Option<Instant>>,
  pub(crate) diagnostic: Mutex<String>,
  /// From a failure that is to be made good to the next response.
  pub(crate) waiting: Mutex<Option<Waiting>>,
}

impl RecordSlot {
  pub(crate) fn new(slot: NewSlot) -> Self {
    Self {
      request: slot.request,
      request_body: slot.request_body,
      response_data: Mutex::new(Arc::new(ResponseData::new(slot.response))),
      attempts: Default::default(),
      terminate: Mutex::default(),
      retry_at: Mutex::default(),
      diagnostic: Mutex::new(slot.diagnostic),
      waiting: Mutex::default(),
    }
  }

  /// What terminates `attempt`, which begins, and everything else with
  /// `stopping`. `None` when there is a later one.
  pub(crate) fn begin(
    &self,
    attempt: u32,
    stopping: &CancellationToken,
  ) -> Option<CancellationToken> {
    let mut terminate = self.terminate.lock();
    if terminate
      .as_ref()
      .is_some_and(|(latest, _)| *latest > attempt)
    {
      return None;
    }
    let token = stopping.child_token();
    *terminate = Some((attempt, token.clone()));
    Some(token)
  }

  /// Terminates `attempt`, if it has begun.
  pub(crate) fn terminate(&self, attempt: u32) {
    if let Some((latest, token)) = &*self.terminate.lock()
      && *latest == attempt
    {
      token.cancel();
    }
  }
}

/// What the attempts to fetch the record hand on, one to the next.
#[derive(Default)]
pub(crate) struct Attempts {
  pub(crate) retries: RetryState,
  /// The most bytes that were ever stored. A server that always fails at the
  /// same place, and has to be asked for everything again, makes no progress.
  pub(crate) most: u64,
  /// The server has no parts of this resource to give.
  pub(crate) segments_refused: bool,
}

impl Attempts {
  /// So many bytes are stored.
  pub(crate) fn progressed(&mut self, stored: u64) {
    if stored > self.most {
      self.most = stored;
      self.retries.progressed();
    }
  }
}

/// The parts of a [`RecordSlot`] that come from the store or from `fetch()`.
pub(crate) struct NewSlot {
  pub(crate) request: Arc<Request>,
  pub(crate) request_body: Option<BodyId>,
  pub(crate) response: ResponseState,
  pub(crate) diagnostic: String,
}
