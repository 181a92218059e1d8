//! [Complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm)

use super::Action;
use super::FetchMachine;
use super::FetchStart;
use super::Unavailability;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResponse;
use crate::spec::BackgroundFetchResult;
use crate::spec::RecordResult;
use crate::spec::Representation;
use crate::spec::Response;

/// Where one record stands.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordState {
  /// Of the latest fetch; 0 before the first.
  pub(super) attempt: u32,
  pub(super) state: State,
  /// Received and allowed in this attempt, not appended yet; in bytes.
  pub(super) in_flight: u64,
  /// The same of the parts that are fetched beside it.
  pub(super) parts_in_flight: u64,
  /// How long the whole is, in bytes, where a part that continued the stored
  /// response has said so.
  pub(super) complete_length: Option<u64>,
  /// The rest was asked for in vain: the whole is asked for, until there is an
  /// answer to begin with.
  pub(super) wants_the_whole: bool,
  /// The most bytes that were ever stored in this life of the process.
  most: u64,
  /// What `most` was when the whole was asked for at once in place of the rest.
  begun_again_at: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) enum State {
  /// complete.3: for the paused flag to be unset.
  #[default]
  Waiting,
  /// complete.11: the record's request is being fetched.
  Fetching(Fetching),
  /// For the resource not to be temporarily unavailable.
  Unavailable,
  /// All bytes are there, and are not verified as a whole yet.
  Verifying,
  Complete,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Fetching {
  /// complete.7: rangeStart, how many bytes were stored before.
  pub(super) range_start: u64,
  /// complete.10: lastTransmittedSize, of the request's body.
  pub(super) last_transmitted_size: u64,
  /// What the head said, once it is there.
  pub(super) head: Option<Head>,
  /// Appended in this attempt, in bytes.
  pub(super) appended: u64,
  /// Where in the whole the next byte belongs that is appended.
  pub(super) position: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Head {
  Whole {
    ok: bool,
    /// How many bytes it promises, where it does.
    length: Option<u64>,
    /// Whether the network verifies its integrity as it arrives.
    verified: bool,
  },
  /// Its body has so many bytes, by its `Content-Range`.
  Partial { length: u64 },
}

impl Head {
  /// How many bytes the body has, where that is known before it ends. An error
  /// is an error however long its page is.
  pub(super) fn announced(&self) -> Option<u64> {
    match self {
      Self::Whole { ok: false, .. } => None,
      Self::Whole { length, .. } => *length,
      Self::Partial { length } => Some(*length),
    }
  }
}

impl RecordState {
  pub(super) fn is_waiting(&self) -> bool {
    matches!(self.state, State::Waiting)
  }

  pub(super) fn finish(&mut self) {
    self.state = State::Complete;
  }

  fn has_begun(&self) -> bool {
    self.attempt > 0
  }

  /// So many bytes are stored.
  pub(super) fn has_stored(&mut self, bytes: u64) {
    self.most = self.most.max(bytes);
  }

  /// Whether the whole may be asked for at once in place of the rest: once,
  /// and again only when there has been more than ever before in between.
  pub(super) fn may_begin_again(&self, bytes: u64) -> bool {
    self
      .begun_again_at
      .is_none_or(|at| self.most.max(bytes) > at)
  }

  /// The whole is asked for in place of the rest, of which `bytes` are stored.
  pub(super) fn begin_again(&mut self, bytes: u64) {
    self.has_stored(bytes);
    self.begun_again_at = Some(self.most);
    self.wants_the_whole = true;
  }
}

impl FetchMachine {
  /// complete.3 to complete.11: begin an attempt, unless it has to wait. Again
  /// for complete.15, while there is no result.
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
    // Deviation E14: what is all there is not asked for.
    if self.has_all_bytes(record) {
      self.verify(record, actions);
      return;
    }
    let state = &mut self.records[record];
    state.state = State::Fetching(Fetching::default());
    let attempt = state.attempt;
    actions.push(Action::Fetch { record, attempt });
  }

  /// How long the whole of the record's response is, in bytes, where an answer
  /// has said so.
  pub(super) fn complete_length(&self, record: usize) -> Option<u64> {
    let data = &self.background_fetch.records[record].response_data;
    let response = data.response.as_ref()?;
    response
      .complete_length()
      .or(self.records[record].complete_length)
  }

  fn has_all_bytes(&self, record: usize) -> bool {
    let record_of = &self.background_fetch.records[record];
    record_of.request.is_get()
      && self.complete_length(record) == Some(record_of.response_data.bytes())
  }

  /// All bytes are there: they are to be verified, and then the record is
  /// complete.
  pub(super) fn verify(&mut self, record: usize, actions: &mut Vec<Action>) {
    let state = &mut self.records[record];
    state.state = State::Verifying;
    let attempt = state.attempt;
    actions.push(Action::Verify { record, attempt });
  }

  /// The stored bytes of the record were compared with its request's integrity
  /// metadata. Bytes that are known to be wrong are given up.
  pub fn verified(
    &mut self,
    record: usize,
    attempt: u32,
    is_match: bool,
    actions: &mut Vec<Action>,
  ) {
    let state = &self.records[record];
    if state.attempt != attempt || !matches!(state.state, State::Verifying) {
      return;
    }
    if !is_match {
      self.give_up_response(record, actions);
      self.fail(record, BackgroundFetchFailureReason::FetchError, actions);
      return;
    }
    let data = &self.background_fetch.records[record].response_data;
    let is_ok = data.response.as_ref().is_some_and(Response::is_ok);
    let result = match is_ok {
      // complete.11.response.7.2: what is not ok has failed, also after a
      // restart.
      false => RecordResult::Failure(BackgroundFetchFailureReason::BadStatus),
      true => RecordResult::Success,
    };
    self.complete(record, result, actions);
  }

  /// The stored response is redundant: complete.11.response.3.
  pub(super) fn give_up_response(
    &mut self,
    record: usize,
    actions: &mut Vec<Action>,
  ) {
    // complete.11.response.3.1 to complete.11.response.3.3: the old response
    // data is redundant; the record begins with an empty one.
    let data = &mut self.background_fetch.records[record].response_data;
    self.stored -= data.bytes();
    self.ahead -= data.extents.ahead_total();
    *data = BackgroundFetchResponse::default();
    self.records[record].complete_length = None;
    actions.push(Action::NewResponseData { record });
    // complete.11.response.3.4: Update background fetch instances.
    actions.push(Action::UpdateInstances);
  }

  /// Where the next request starts, with the representation that is stored
  /// before it: `None` when the whole is asked for.
  fn rest(&self, record: usize) -> Option<(u64, Representation)> {
    let of = &self.background_fetch.records[record];
    let data = &of.response_data;
    let response = data.response.as_ref().filter(|r| r.is_ok())?;
    let representation = Representation::of(response);
    let can_be_continued = of.request.is_get()
      && data.bytes() > 0
      && !self.records[record].wants_the_whole
      && representation.can_be_continued(self.resume_policy);
    can_be_continued.then_some((data.bytes(), representation))
  }

  /// Whether what is stored can be continued with what is missing.
  pub(super) fn has_rest(&self, record: usize) -> bool {
    self.rest(record).is_some()
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
    let identity = response_data.response.is_some();
    let rest = self.rest(record);
    self.fetching(record, attempt)?;
    self.end_attempt(record);
    let fetching = self.fetching(record, attempt)?;
    // complete.4 to complete.6 need nothing here: the stored request is never
    // changed, and every fetch is keepalive and meets no service worker.
    // complete.7: Let rangeStart be the length of responseData's bytes
    // (deviation E16: of those that a further part can be proven to belong to).
    let range_start = rest.as_ref().map_or(0, |(bytes, _)| *bytes);
    // complete.9, complete.10: a new attempt begins with both unset.
    *fetching = Fetching {
      range_start,
      position: range_start,
      ..Fetching::default()
    };
    // complete.8: If rangeStart is not 0, add a range header.
    let validator = rest.and_then(|(_, representation)| {
      Some(representation.validator()?.as_str().to_string())
    });
    Some(FetchStart {
      range_start,
      validator,
      identity,
    })
  }

  /// Nothing of the record is being written any more: what was received and
  /// not appended is given up, and will be asked for again.
  pub fn end_attempt(&mut self, record: usize) {
    let state = &mut self.records[record];
    self.in_flight -= std::mem::take(&mut state.in_flight);
    self.parts_in_flight -= std::mem::take(&mut state.parts_in_flight);
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
      State::Fetching(_) | State::Verifying => {
        actions.push(Action::Terminate { record, attempt });
      }
      // What is restored is not begun yet: that counts the results.
      State::Waiting if !self.has_begun => {
        self.result_lost(record, reason, actions);
        return;
      }
      State::Waiting | State::Unavailable => {}
    }
    self.fail(record, reason, actions);
  }

  /// No caller may rely yet on what the record's result was.
  fn completed_bytes_lost(
    &mut self,
    record: usize,
    reason: BackgroundFetchFailureReason,
    actions: &mut Vec<Action>,
  ) {
    let data = &self.background_fetch.records[record].response_data;
    if data.may_be_exposed() {
      self.result_lost(record, reason, actions);
    }
  }

  /// The record's result becomes a failure, and is counted by others.
  fn result_lost(
    &mut self,
    record: usize,
    reason: BackgroundFetchFailureReason,
    actions: &mut Vec<Action>,
  ) {
    let background_fetch = &mut self.background_fetch;
    let data = &mut background_fetch.records[record].response_data;
    let has_failed = data.result.is_some() && !data.may_be_exposed();
    if background_fetch.result != BackgroundFetchResult::None || has_failed {
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
      State::Fetching(_) | State::Verifying => {
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
      State::Fetching(_) | State::Verifying => {
        actions.push(Action::Terminate { record, attempt });
      }
      State::Waiting | State::Unavailable => {}
    }
    // complete.14.2: the abort all flag makes the result "aborted".
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
