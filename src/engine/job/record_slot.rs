//! What the engine keeps of one record beside the state machine.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
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
  /// Terminates the latest attempt.
  pub(crate) terminate: Mutex<(u32, CancellationToken)>,
  pub(crate) diagnostic: Mutex<String>,
  /// From a failure that is to be made good to the next response.
  pub(crate) waiting: Mutex<Option<Waiting>>,
}

impl RecordSlot {
  pub(crate) fn new(slot: NewSlot) -> Self {
    Self {
      request: Arc::new(slot.request),
      request_body: slot.request_body,
      response_data: Mutex::new(Arc::new(ResponseData::new(slot.response))),
      attempts: Default::default(),
      terminate: Mutex::new((0, CancellationToken::new())),
      diagnostic: Mutex::new(slot.diagnostic),
      waiting: Mutex::default(),
    }
  }
}

/// What the attempts to fetch the record hand on, one to the next.
#[derive(Default)]
pub(crate) struct Attempts {
  pub(crate) retries: RetryState,
  /// The wait before the next attempt.
  pub(crate) delay: Duration,
  /// The most bytes that were ever stored. A server that always fails at the
  /// same place, and has to be asked for everything again, makes no progress.
  pub(crate) most: u64,
}

/// The parts of a [`RecordSlot`] that come from the store or from `fetch()`.
pub(crate) struct NewSlot {
  pub(crate) request: Request,
  pub(crate) request_body: Option<BodyId>,
  pub(crate) response: ResponseState,
  pub(crate) diagnostic: String,
}
