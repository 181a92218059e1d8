//! What the engine keeps of one record beside the state machine.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::response_data::ResponseData;
use super::response_data::ResponseState;
use crate::engine::schedule::retry_state::RetryState;
use crate::ids::BodyId;
use crate::snapshot::Waiting;
use crate::spec::Request;
use crate::spec::Unavailability;

/// What does not change of a record, and what its attempts hand on.
pub(crate) struct RecordSlot {
  pub(crate) request: Arc<Request>,
  pub(crate) request_body: Option<BodyId>,
  /// Whose turn it is: the attempt that runs has it until its last byte is
  /// written, and the next one waits for that. Nothing else reads what is in
  /// it, so that it is no part of the job's state.
  pub(crate) attempts: tokio::sync::Mutex<Attempts>,
}

impl RecordSlot {
  pub(crate) fn new(
    request: Arc<Request>,
    request_body: Option<BodyId>,
  ) -> Self {
    Self {
      request,
      request_body,
      attempts: Default::default(),
    }
  }
}

/// What changes of a record: part of the [`State`](super::State) of its job.
pub(super) struct RecordStatus {
  pub(super) response_data: Arc<ResponseData>,
  /// Terminates the latest attempt that runs.
  terminate: Option<(u32, CancellationToken)>,
  /// Why it has failed, or its latest attempt has, human-readable; else empty.
  pub(super) diagnostic: String,
  /// From a failure that is to be made good to the next response.
  pub(super) waiting: Option<Waiting>,
  /// When the next attempt may be, after one that has failed.
  pub(super) retry_at: Option<Instant>,
}

impl RecordStatus {
  pub(super) fn new(response_data: ResponseData, diagnostic: String) -> Self {
    Self {
      response_data: Arc::new(response_data),
      terminate: None,
      diagnostic,
      waiting: None,
      retry_at: None,
    }
  }

  /// What terminates `attempt`, which begins, and everything else with
  /// `stopping`. `None` when there is a later one.
  pub(super) fn begin(
    &mut self,
    attempt: u32,
    stopping: &CancellationToken,
  ) -> Option<CancellationToken> {
    if let Some((latest, _)) = &self.terminate
      && *latest > attempt
    {
      return None;
    }
    let token = stopping.child_token();
    self.terminate = Some((attempt, token.clone()));
    Some(token)
  }

  /// Terminates `attempt`, if it has begun.
  pub(super) fn terminate(&self, attempt: u32) {
    if let Some((latest, token)) = &self.terminate
      && *latest == attempt
    {
      token.cancel();
    }
  }

  /// The latest attempt has failed, or what came to light since.
  pub(super) fn failed(&mut self, failure: Failure) {
    let (waiting, retry_at) = match failure.retry {
      Some(Retry { at, waiting }) => (Some(waiting), Some(at)),
      None => (None, None),
    };
    self.diagnostic = failure.diagnostic;
    self.waiting = waiting;
    self.retry_at = retry_at;
  }
}

/// What there is to say of a failure.
pub(super) struct Failure {
  /// Human-readable.
  pub(super) diagnostic: String,
  /// Set where the resource is temporarily unavailable.
  pub(super) retry: Option<Retry>,
}

pub(super) struct Retry {
  /// When the next attempt may be.
  pub(super) at: Instant,
  /// What is seen until then.
  pub(super) waiting: Waiting,
}

impl Failure {
  /// One after which the record is not tried again.
  pub(super) fn last(diagnostic: impl ToString) -> Self {
    Self {
      diagnostic: diagnostic.to_string(),
      retry: None,
    }
  }

  pub(super) fn unavailability(&self) -> Unavailability {
    match self.retry {
      Some(_) => Unavailability::Temporary,
      None => Unavailability::Final,
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

/// What of a record comes from the store or from `fetch()`.
pub(crate) struct NewSlot {
  pub(crate) request: Arc<Request>,
  pub(crate) request_body: Option<BodyId>,
  pub(crate) response: ResponseState,
  pub(crate) diagnostic: String,
}
