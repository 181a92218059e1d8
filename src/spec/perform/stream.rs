//! [Complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm):
//! the response's stream, from its bytes to its end.

use super::Action;
use super::Perform;
use super::Unavailability;
use super::complete_a_record::Head;
use super::complete_a_record::State;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::RecordResult;

impl Perform {
  /// complete.11.response.6: bytes were transmitted from the response's stream. Returns whether they
  /// may be appended; when not, the stream has to be cancelled.
  pub fn bytes_transmitted(
    &mut self,
    record: usize,
    attempt: u32,
    length: u64,
    actions: &mut Vec<Action>,
  ) -> bool {
    // complete.2: downloadTotal, or infinity when it is 0.
    let download_total = match self.background_fetch.download_total {
      0 => u64::MAX,
      total => total,
    };
    let total = self.stored + self.in_flight;
    let Some(fetching) = self.fetching(record, attempt) else {
      return false;
    };
    if fetching.head.is_none() {
      return false;
    }
    // complete.11.response.6.1: stored body bytes total plus the size of
    // bytes is greater than downloadTotal
    if total.saturating_add(length) > download_total {
      // complete.11.response.6.1.1: Cancel stream.
      actions.push(Action::Terminate { record, attempt });
      // complete.11.response.6.1.2
      let reason = BackgroundFetchFailureReason::DownloadTotalExceeded;
      self.fail(record, reason, actions);
      return false;
    }
    self.records[record].in_flight += length;
    self.in_flight += length;
    true
  }

  /// Bytes that [`Perform::bytes_transmitted`] allowed are appended. Those of
  /// an attempt that was terminated meanwhile count, too: they are there.
  pub fn bytes_appended(
    &mut self,
    record: usize,
    length: u64,
    actions: &mut Vec<Action>,
  ) {
    let state = &mut self.records[record];
    debug_assert!(state.in_flight >= length);
    state.in_flight -= length;
    if let State::Fetching(fetching) = &mut state.state {
      fetching.appended += length;
    }
    self.in_flight -= length;
    // complete.11.response.6.2: Append bytes to responseData's bytes.
    self.background_fetch.records[record].response_data.bytes += length;
    self.stored += length;
    // complete.11.response.6.4: Update background fetch instances.
    actions.push(Action::UpdateInstances);
  }

  /// Appending failed: for want of space, or (when not `quota`) because the
  /// store is damaged.
  pub fn append_failed(
    &mut self,
    record: usize,
    attempt: u32,
    quota: bool,
    actions: &mut Vec<Action>,
  ) {
    if self.fetching(record, attempt).is_none() {
      return;
    }
    actions.push(Action::Terminate { record, attempt });
    // complete.11.response.6.3: "quota-exceeded"
    let reason = if quota {
      BackgroundFetchFailureReason::QuotaExceeded
    } else {
      BackgroundFetchFailureReason::FetchError
    };
    self.fail(record, reason, actions);
  }

  /// Whether the response that is being received is a part, and all bytes
  /// that are missing beside it are appended: *main fetch* has seen none of
  /// the other parts, so nobody has verified their integrity.
  pub fn is_last_part(&self, record: usize) -> bool {
    let data = &self.background_fetch.records[record].response_data;
    let State::Fetching(fetching) = &self.records[record].state else {
      return false;
    };
    match fetching.head {
      Some(Head::Partial {
        complete_length, ..
      }) => complete_length == Some(data.bytes),
      // Deviation E15: a part that is the whole.
      Some(Head::Whole { ok }) => {
        ok && data.response.as_ref().is_some_and(|r| r.status == 206)
      }
      None => false,
    }
  }

  /// complete.11.response.7: the bytes transmission is done normally, and all bytes are appended.
  pub fn stream_done(
    &mut self,
    record: usize,
    attempt: u32,
    actions: &mut Vec<Action>,
  ) {
    let Some(fetching) = self.fetching(record, attempt) else {
      return;
    };
    let appended = fetching.appended;
    let Some(head) = fetching.head.clone() else {
      return;
    };
    let bytes = self.background_fetch.records[record].response_data.bytes;
    let is_get = self.background_fetch.records[record].request.is_get();
    match head {
      // complete.11.response.7.1: If status is 206, then:
      Head::Partial {
        length,
        complete_length,
      } => {
        // complete.11.response.7.1.1: the values are in the head.
        // complete.11.response.7.1.2: complete, so "success"
        if complete_length == Some(bytes) {
          self.complete(record, RecordResult::Success, actions);
        } else if !is_get
          || appended == 0
          || appended > length
          || complete_length.is_some_and(|complete| bytes > complete)
        {
          // Deviation E9: a piece that brings nothing, or more than it said,
          // would be asked for again and again; and what is not a GET is not
          // asked for again at all.
          let reason = BackgroundFetchFailureReason::FetchError;
          self.fail(record, reason, actions);
        } else {
          // complete.15: result is the empty string: the rest is missing.
          self.complete_a_record(record, actions);
        }
      }
      // complete.11.response.7.2: "bad-status"
      Head::Whole { ok: false } => {
        self.fail(record, BackgroundFetchFailureReason::BadStatus, actions);
      }
      // complete.11.response.7.3: Otherwise, "success".
      Head::Whole { ok: true } => {
        self.complete(record, RecordResult::Success, actions);
      }
    }
    // complete.11.response.7.4: each branch has ended the attempt.
  }

  /// complete.11.response.8: the stream became errored, and all bytes that came before are appended.
  pub fn stream_errored(
    &mut self,
    record: usize,
    attempt: u32,
    unavailability: Unavailability,
    actions: &mut Vec<Action>,
  ) {
    if self.fetching(record, attempt).is_none() {
      return;
    }
    // complete.11.response.8.1: temporarily unavailable, and a GET
    if !self.wait_until_available(record, unavailability, actions) {
      // complete.11.response.8.2: Otherwise, "fetch-error".
      self.fail(record, BackgroundFetchFailureReason::FetchError, actions);
    }
  }

  /// The resource is no longer temporarily unavailable.
  pub fn available(
    &mut self,
    record: usize,
    attempt: u32,
    actions: &mut Vec<Action>,
  ) {
    let state = &self.records[record];
    if state.attempt == attempt && matches!(state.state, State::Unavailable) {
      // complete.15: complete a record again.
      self.complete_a_record(record, actions);
    }
  }
}
