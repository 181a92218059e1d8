//! [Complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm)

use super::Action;
use super::FetchStart;
use super::Perform;
use super::Unavailability;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResponse;
use crate::spec::RecordResult;
use crate::spec::Response;
use crate::spec::content_range::complete_length_of_unsatisfied_range;
use crate::spec::extract_content_range_values;
use crate::spec::validate_partial_response;

/// Where one record stands.
#[derive(Clone, Debug, Default)]
pub(super) struct CompleteARecord {
  /// Of the latest fetch; 0 before the first.
  attempt: u32,
  state: State,
  /// Received and allowed in this attempt, not appended yet; in bytes.
  in_flight: u64,
}

#[derive(Clone, Debug, Default)]
enum State {
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
struct Fetching {
  /// complete.7
  range_start: u64,
  /// complete.10
  last_transmitted_size: u64,
  /// What the head said, once it is there.
  head: Option<Head>,
  /// Appended in this attempt, in bytes.
  appended: u64,
}

#[derive(Clone, Debug)]
enum Head {
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

  /// complete.11, *process request body*: `transmitted` bytes of the
  /// request's body were sent so far in this attempt.
  pub fn process_request_body(
    &mut self,
    record: usize,
    attempt: u32,
    transmitted: u64,
    actions: &mut Vec<Action>,
  ) {
    let Some(fetching) = self.fetching(record, attempt) else {
      return;
    };
    // complete.11.body.1 to complete.11.body.3
    let more = transmitted.saturating_sub(fetching.last_transmitted_size);
    fetching.last_transmitted_size = transmitted;
    self.background_fetch.uploaded += more;
    // complete.11.body.4: Update background fetch instances.
    actions.push(Action::UpdateInstances);
  }

  /// complete.11, *process response* with a network error. `aborted` tells an
  /// aborted network error from the others.
  pub fn process_network_error(
    &mut self,
    record: usize,
    attempt: u32,
    aborted: bool,
    unavailability: Unavailability,
    actions: &mut Vec<Action>,
  ) {
    // complete.11.response.1: If response is a network error, then:
    if self.fetching(record, attempt).is_none() {
      return;
    }
    // complete.11.response.1.1: temporarily unavailable, and a GET
    if self.wait_until_available(record, unavailability, actions) {
      return;
    }
    // complete.11.response.1.2: "aborted" or "fetch-error"
    let reason = if aborted {
      BackgroundFetchFailureReason::Aborted
    } else {
      BackgroundFetchFailureReason::FetchError
    };
    // complete.11.response.1.3
    self.complete(record, RecordResult::Failure(reason), actions);
  }

  /// complete.11, *process response* with a response that is no network
  /// error.
  pub fn process_response(
    &mut self,
    record: usize,
    attempt: u32,
    response: Response,
    actions: &mut Vec<Action>,
  ) {
    let stored = self.background_fetch.records[record].response_data.clone();
    let Some(fetching) = self.fetching(record, attempt) else {
      return;
    };
    let range_start = fetching.range_start;
    let is_partial = response.status == 206;
    // complete.11.response.2: If status is 206, then:
    if is_partial {
      // complete.11.response.2.1: If validate a partial response … invalid:
      let previous = stored.response.as_ref().filter(|_| range_start > 0);
      // Deviation E15: a part of a coded body counts the bytes of the coding,
      // and only one that is the whole can be used.
      let is_valid =
        validate_partial_response(range_start, &response, previous)
          && (!response.decoded || is_the_whole(&response));
      let range = extract_content_range_values(&response);
      let (true, Some(range)) = (is_valid, range) else {
        // complete.11.response.2.1.1, complete.11.response.2.1.2
        self.fail(record, BackgroundFetchFailureReason::FetchError, actions);
        // complete.11.response.2.1.3: Terminate the ongoing fetch.
        actions.push(Action::Terminate { record, attempt });
        return;
      };
      fetching.head = Some(if response.decoded {
        Head::Whole { ok: true }
      } else {
        Head::Partial {
          length: range.body_length(),
          complete_length: range.complete_length,
        }
      });
    } else if is_end_of_unknown_length(range_start, &response, &stored) {
      // Deviation E9: a 206 that did not say the complete length has been
      // asked for more, and this is how a server says that there is none.
      self.complete(record, RecordResult::Success, actions);
      actions.push(Action::Terminate { record, attempt });
      return;
    } else {
      fetching.head = Some(Head::Whole {
        ok: response.is_ok(),
      });
    }
    if range_start == 0 || !is_partial {
      // complete.11.response.3: Otherwise, the stored response is redundant.
      // Deviation E12: only when there is one. Record objects that were made
      // before the first response wait for this response.
      if stored.response.is_some() {
        // complete.11.response.3.1 to complete.11.response.3.3
        self.stored -= stored.bytes;
        self.background_fetch.records[record].response_data =
          BackgroundFetchResponse::default();
        actions.push(Action::NewResponseData { record });
        // complete.11.response.3.4: Update background fetch instances.
        actions.push(Action::UpdateInstances);
      }
      // complete.11.response.4: keep a copy of the response except its body.
      self.background_fetch.records[record].response_data.response =
        Some(response);
      actions.push(Action::Response { record });
    }
    // complete.11.response.5 is the engine's: it holds the stream.
  }

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

  /// Whether `response`, to a request for more, says that there is no more:
  /// deviation E9.
  pub fn is_end_of_record(&self, record: usize, response: &Response) -> bool {
    let State::Fetching(fetching) = &self.records[record].state else {
      return false;
    };
    let stored = &self.background_fetch.records[record].response_data;
    is_end_of_unknown_length(fetching.range_start, response, stored)
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

  /// The store cannot go on with the record's bytes: they are gone or
  /// damaged.
  pub fn bytes_lost(&mut self, record: usize, actions: &mut Vec<Action>) {
    let state = &self.records[record];
    let attempt = state.attempt;
    match state.state {
      State::Complete => return,
      State::Fetching(_) => {
        actions.push(Action::Terminate { record, attempt });
      }
      State::Waiting | State::Unavailable => {}
    }
    self.fail(record, BackgroundFetchFailureReason::FetchError, actions);
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

  fn wait_until_available(
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

  fn fail(
    &mut self,
    record: usize,
    reason: BackgroundFetchFailureReason,
    actions: &mut Vec<Action>,
  ) {
    self.complete(record, RecordResult::Failure(reason), actions);
  }

  fn complete(
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

  fn fetching(&mut self, record: usize, attempt: u32) -> Option<&mut Fetching> {
    let state = &mut self.records[record];
    match &mut state.state {
      State::Fetching(fetching) if state.attempt == attempt => Some(fetching),
      _ => None,
    }
  }
}

/// Whether the part that a 206 brings is all there is.
fn is_the_whole(response: &Response) -> bool {
  extract_content_range_values(response).is_some_and(|range| {
    range.first_byte_pos == 0
      && range.complete_length == Some(range.body_length())
  })
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

/// Whether `response` says that the `range_start` bytes of a 206 without a
/// complete length were all there is. It may say so of another version of the
/// resource only: without an `If-Range` a server does not compare.
fn is_end_of_unknown_length(
  range_start: u64,
  response: &Response,
  stored: &BackgroundFetchResponse,
) -> bool {
  let Some(previous) = stored.response.as_ref().filter(|_| range_start > 0)
  else {
    return false;
  };
  let unknown = previous.status == 206
    && extract_content_range_values(previous)
      .is_some_and(|range| range.complete_length.is_none());
  let changed = ["etag", "last-modified"].iter().any(|name| {
    let now = response.internal_headers().get(name);
    now.is_some() && now != previous.internal_headers().get(name)
  });
  unknown
    && !changed
    && response.status == 416
    && complete_length_of_unsatisfied_range(response) == Some(range_start)
}
