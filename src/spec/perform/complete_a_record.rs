//! [Complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm)

use super::Action;
use super::FetchStart;
use super::Perform;
use super::Unavailability;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResult;
use crate::spec::RecordResult;
use crate::spec::Response;
use crate::spec::may_be_exposed;

/// Where one record stands.
#[derive(Clone, Debug, Default)]
pub(super) struct CompleteARecord {
  /// Of the latest fetch; 0 before the first.
  pub(super) attempt: u32,
  pub(super) state: State,
  /// Received and allowed in this attempt, not appended yet; in bytes.
  pub(super) in_flight: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) enum State {
  /// complete.3: for the paused flag to be unset.
  #[default]
  Waiting,
  /// complete.11
  Fetching(Fetching),
  /// For the resource not to be temporarily unavailable.
  Unavailable,
  Complete,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Fetching {
  /// complete.7
  pub(super) range_start: u64,
  /// complete.10
  pub(super) last_transmitted_size: u64,
  /// What the head said, once it is there.
  pub(super) head: Option<Head>,
  /// Appended in this attempt, in bytes.
  pub(super) appended: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Head {
  Whole {
    ok: bool,
  },
  /// The values of its `Content-Range`.
  Partial {
    length: u64,
    complete_length: Option<u64>,
  },
}

impl CompleteARecord {
  pub(super) fn is_waiting(&self) -> bool {
    matches!(self.state, State::Waiting)
  }

  pub(super) fn finish(&mut self) {
    self.state = State::Complete;
  }

  fn has_begun(&self) -> bool {
    self.attempt > 0
  }
}

impl Perform {
  /// complete.3 to complete.11, and again for complete.15.
  pub(super) fn complete_a_record(
    &mut self,
    record: usize,
    actions: &mut Vec<Action>,
  ) {
    let state = &mut self.records[record];
    // complete.3: Wait for the paused flag to be unset.
    if self.background_fetch.paused {
      state.state = State::Waiting;
      return;
    }
    state.attempt += 1;
    state.state = State::Fetching(Fetching::default());
    let attempt = state.attempt;
    actions.push(Action::Fetch { record, attempt });
  }

  /// The engine is about to send the attempt's request, and nothing of an
  /// earlier one is being written any more. `None` when the attempt is stale.
  pub fn start_fetch(
    &mut self,
    record: usize,
    attempt: u32,
  ) -> Option<FetchStart> {
    // complete.1: Let responseData be record's response data.
    let response_data = &self.background_fetch.records[record].response_data;
    let range_start = match &response_data.response {
      // Deviation E15: what had a content coding begins anew. A range counts
      // the bytes of another coding, and its ETag is that of another, too.
      Some(response) if response.decoded => 0,
      _ => response_data.bytes,
    };
    let validator = match &response_data.response {
      Some(response) if range_start > 0 => if_range_validator(response),
      _ => None,
    };
    self.fetching(record, attempt)?;
    self.attempt_over(record);
    let fetching = self.fetching(record, attempt)?;
    // complete.4 to complete.6 need nothing here: the stored request is never
    // changed, and every fetch is keepalive and meets no service worker.
    // complete.7: Let rangeStart be the length of responseData's bytes.
    // complete.9, complete.10: a new attempt begins with both unset.
    *fetching = Fetching {
      range_start,
      ..Fetching::default()
    };
    // complete.8: If rangeStart is not 0, add a range header.
    Some(FetchStart {
      range_start,
      validator,
    })
  }

  /// Nothing of the record is being written any more: what was received and
  /// not appended is given up, and will be asked for again.
  pub fn attempt_over(&mut self, record: usize) {
    self.in_flight -= std::mem::take(&mut self.records[record].in_flight);
  }

  /// The store has lost bytes of the record, for want of space
  /// (`"quota-exceeded"`) or because it is damaged (`"fetch-error"`): the
  /// record fails, also one that was complete, unless the background fetch has
  /// settled.
  pub fn bytes_lost(
    &mut self,
    record: usize,
    reason: BackgroundFetchFailureReason,
    actions: &mut Vec<Action>,
  ) {
    let state = &self.records[record];
    let attempt = state.attempt;
    match state.state {
      State::Complete => {
        self.completed_bytes_lost(record, reason, actions);
        return;
      }
      State::Fetching(_) => {
        actions.push(Action::Terminate { record, attempt });
      }
      State::Waiting | State::Unavailable => {}
    }
    self.fail(record, reason, actions);
  }

  /// What the record's result was is known to nobody who may rely on it.
  fn completed_bytes_lost(
    &mut self,
    record: usize,
    reason: BackgroundFetchFailureReason,
    actions: &mut Vec<Action>,
  ) {
    let background_fetch = &mut self.background_fetch;
    let data = &mut background_fetch.records[record].response_data;
    if background_fetch.result != BackgroundFetchResult::None
      || !may_be_exposed(data.result)
    {
      return;
    }
    let result = RecordResult::Failure(reason);
    data.result = Some(result);
    self.note_failure(result);
    actions.push(Action::Complete { record, result });
  }

  /// Whether the paused flag may be set: no request that is not a `GET` has
  /// begun.
  pub(super) fn may_pause_without_repeating(&self) -> bool {
    let records = self.background_fetch.records.iter().zip(&self.records);
    records
      .into_iter()
      .all(|(record, state)| record.request.is_get() || !state.has_begun())
  }

  /// complete.13 and complete.14, for the paused flag.
  pub(super) fn record_paused(
    &mut self,
    record: usize,
    actions: &mut Vec<Action>,
  ) {
    let state = &mut self.records[record];
    let attempt = state.attempt;
    match state.state {
      State::Fetching(_) => {
        // complete.14.1: Assert: the method is GET.
        debug_assert!(self.background_fetch.records[record].request.is_get());
        // complete.14.3: result stays the empty string, so complete.15 waits
        // for the paused flag at complete.3.
        state.state = State::Waiting;
        // complete.14.4: Terminate the ongoing fetch.
        actions.push(Action::Terminate { record, attempt });
      }
      State::Unavailable => state.state = State::Waiting,
      State::Waiting | State::Complete => {}
    }
  }

  /// complete.13 and complete.14, for the abort all flag.
  pub(super) fn record_aborted(
    &mut self,
    record: usize,
    actions: &mut Vec<Action>,
  ) {
    let state = &self.records[record];
    let attempt = state.attempt;
    match state.state {
      State::Complete => return,
      // complete.14.4: Terminate the ongoing fetch.
      State::Fetching(_) => {
        actions.push(Action::Terminate { record, attempt });
      }
      State::Waiting | State::Unavailable => {}
    }
    // complete.14.2: "aborted"
    self.fail(record, BackgroundFetchFailureReason::Aborted, actions);
  }

  pub(super) fn wait_until_available(
    &mut self,
    record: usize,
    unavailability: Unavailability,
    actions: &mut Vec<Action>,
  ) -> bool {
    let is_get = self.background_fetch.records[record].request.is_get();
    if unavailability == Unavailability::Final || !is_get {
      return false;
    }
    let state = &mut self.records[record];
    state.state = State::Unavailable;
    let attempt = state.attempt;
    actions.push(Action::WaitUntilAvailable { record, attempt });
    true
  }

  pub(super) fn fail(
    &mut self,
    record: usize,
    reason: BackgroundFetchFailureReason,
    actions: &mut Vec<Action>,
  ) {
    self.complete(record, RecordResult::Failure(reason), actions);
  }

  pub(super) fn complete(
    &mut self,
    record: usize,
    result: RecordResult,
    actions: &mut Vec<Action>,
  ) {
    // complete.12, complete.13.1, complete.13.2, complete.14.3: the result of
    // the attempt is the record's.
    self.background_fetch.records[record].response_data.result = Some(result);
    actions.push(Action::Complete { record, result });
    self.completed(record, result, actions);
  }

  pub(super) fn fetching(
    &mut self,
    record: usize,
    attempt: u32,
  ) -> Option<&mut Fetching> {
    let state = &mut self.records[record];
    match &mut state.state {
      State::Fetching(fetching) if state.attempt == attempt => Some(fetching),
      _ => None,
    }
  }
}

/// The validator of the stored bytes for `If-Range`, which makes a server send
/// the whole of a resource that has changed, instead of a part that cannot be
/// used: <https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5> allows strong
/// entity tags and dates.
fn if_range_validator(response: &Response) -> Option<String> {
  let headers = response.internal_headers();
  let strong_etag = headers.get("etag").filter(|v| !v.starts_with("W/"));
  strong_etag.or_else(|| headers.get("last-modified"))
}
