//! What [`FetchMachine`](super::FetchMachine) asks the engine to do.

use crate::spec::RecordResult;

/// Something to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
  /// complete.11: fetch the record's request;
  /// [`FetchMachine::start_fetch`](super::FetchMachine::start_fetch) says from where.
  Fetch { record: usize, attempt: u32 },
  /// Terminate the ongoing fetch of the attempt and let its connection go.
  Terminate { record: usize, attempt: u32 },
  /// All bytes of the record are there: verify their integrity, then say
  /// [`FetchMachine::verified`](super::FetchMachine::verified).
  Verify { record: usize, attempt: u32 },
  /// Wait until the resource is no longer temporarily unavailable, then say
  /// [`FetchMachine::available`](super::FetchMachine::available).
  WaitUntilAvailable { record: usize, attempt: u32 },
  /// The stored response and its bytes are redundant: the record has a new,
  /// empty background fetch response.
  NewResponseData { record: usize },
  /// The record has a response now; its bytes follow.
  Response { record: usize },
  /// The record is complete.
  Complete { record: usize, result: RecordResult },
  /// [Update background fetch instances](https://wicg.github.io/background-fetch/#update-background-fetch-instance-algorithm)
  UpdateInstances,
  /// Enqueue [`FetchMachine::settle`](super::FetchMachine::settle) to the registration's
  /// active background fetches edit queue.
  Settle,
}

/// From where an attempt fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchStart {
  /// rangeStart: how many bytes are stored; 0 asks for everything.
  pub range_start: u64,
  /// A strong validator of the stored bytes for `If-Range`.
  pub validator: Option<String>,
  /// Ask for no content coding: an earlier attempt was interrupted, and only
  /// what has no coding can be continued. Deviation E15.
  pub identity: bool,
}

/// Whether a resource is
/// [temporarily unavailable](https://wicg.github.io/background-fetch/#temporarily-unavailable),
/// in the engine's judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailability {
  Temporary,
  Final,
}
