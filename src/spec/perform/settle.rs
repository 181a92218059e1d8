//! The end of *perform a background fetch*: perform.8.

use super::FetchMachine;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResult;

/// The functional event that says how a background fetch has settled, or that
/// its display was activated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionalEvent {
  Success,
  Fail,
  Abort,
  Click,
}

impl FunctionalEvent {
  /// The event's type.
  pub fn name(self) -> &'static str {
    match self {
      Self::Success => "backgroundfetchsuccess",
      Self::Fail => "backgroundfetchfail",
      Self::Abort => "backgroundfetchabort",
      Self::Click => "backgroundfetchclick",
    }
  }

  /// The event that a settled background fetch is announced with.
  pub fn for_result(reason: BackgroundFetchFailureReason) -> Self {
    match reason {
      // perform.8.10: If failureReason is "aborted", then:
      // perform.8.10.1, perform.8.10.2: its event is the abort event.
      BackgroundFetchFailureReason::Aborted => Self::Abort,
      // perform.8.12: Otherwise, it has succeeded.
      // perform.8.12.1, perform.8.12.2: its event is the success event.
      BackgroundFetchFailureReason::None => Self::Success,
      // perform.8.11: Otherwise, if failureReason is not the empty string.
      // perform.8.11.1, perform.8.11.2: its event is the fail event.
      _ => Self::Fail,
    }
  }
}

impl FetchMachine {
  /// perform.8.4 to perform.8.6. The engine has looked the
  /// background fetch up in the active background fetches and removed it
  /// (perform.8.1 to perform.8.3); `was_active` says whether it was there.
  pub fn settle(&mut self, was_active: bool) -> FunctionalEvent {
    let (result, failure_reason) = self.outcome(was_active);
    self.failure_reason = failure_reason;
    self.background_fetch.result = result;
    self.background_fetch.failure_reason = failure_reason;
    FunctionalEvent::for_result(failure_reason)
  }

  /// What [`FetchMachine::settle`] is going to set, for the caller that has to
  /// make it durable before it is announced.
  pub fn outcome(
    &self,
    was_active: bool,
  ) -> (BackgroundFetchResult, BackgroundFetchFailureReason) {
    let failure_reason = if was_active {
      self.failure_reason
    } else {
      // perform.8.4: Otherwise, set failureReason to "aborted": abort() has
      // answered true already.
      BackgroundFetchFailureReason::Aborted
    };
    // perform.8.5: If failureReason is not the empty string, then:
    let result = if failure_reason != BackgroundFetchFailureReason::None {
      // perform.8.5.1, perform.8.5.2: the result is "failure", for this reason.
      BackgroundFetchResult::Failure
    } else {
      // perform.8.6: Otherwise, set result to "success".
      BackgroundFetchResult::Success
    };
    (result, failure_reason)
  }

  /// Unsets the records available flag, when the event is no longer active.
  pub fn clear_records_available(&mut self) {
    // perform.8.13.2: Unset the records available flag.
    self.background_fetch.records_available = false;
  }
}
