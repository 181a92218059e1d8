//! [Complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm):
//! the request's body and the response's head.

use super::Action;
use super::FetchMachine;
use super::Unavailability;
use super::complete_a_record::Head;
use super::complete_a_record::State;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::Begin;
use crate::spec::ContentRange;
use crate::spec::Decision;
use crate::spec::Question;
use crate::spec::RecordResult;
use crate::spec::Response;
use crate::spec::Unusable;

impl FetchMachine {
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
    // complete.11.body.1 to complete.11.body.3: count what was sent since the
    // last time.
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
    // complete.11.response.1.3: the record is complete, and has failed.
    self.complete(record, RecordResult::Failure(reason), actions);
  }

  /// What is done with `response`, to the attempt's request; `None` when the
  /// attempt is stale. A [`Decision::Interrupted`] is for
  /// [`FetchMachine::process_unusable_response`], every other one for
  /// [`FetchMachine::process_response`].
  pub fn judge(
    &self,
    record: usize,
    attempt: u32,
    response: &Response,
  ) -> Option<Decision> {
    let state = &self.records[record];
    let State::Fetching(fetching) = &state.state else {
      return None;
    };
    if state.attempt != attempt {
      return None;
    }
    let stored = &self.background_fetch.records[record].response_data;
    let question = Question {
      stored,
      complete_length: self.complete_length(record),
      range_start: fetching.range_start,
      policy: self.resume_policy,
    };
    Some(match question.judge(response) {
      Decision::AskForTheWhole(unusable)
        if !state.may_begin_again(stored.bytes()) =>
      {
        Decision::Interrupted(unusable)
      }
      verdict => verdict,
    })
  }

  /// complete.11, *process response* with a response that is as good as none:
  /// the stored bytes stay, and the next attempt may be luckier.
  pub fn process_unusable_response(
    &mut self,
    record: usize,
    attempt: u32,
    unusable: &Unusable,
    unavailability: Unavailability,
    actions: &mut Vec<Action>,
  ) {
    if self.fetching(record, attempt).is_none() {
      return;
    }
    // A server that has no use for a range is not asked for one again.
    self.records[record].wants_the_whole |= !unusable.is_a_strangers();
    self.process_network_error(record, attempt, false, unavailability, actions);
  }

  /// complete.11, *process response* with a response that is not a network
  /// error.
  pub fn process_response(
    &mut self,
    record: usize,
    attempt: u32,
    response: Response,
    actions: &mut Vec<Action>,
  ) {
    let Some(verdict) = self.judge(record, attempt, &response) else {
      return;
    };
    match verdict {
      // complete.11.response.2: If status is 206, then:
      Decision::Continue(range) => self.continue_with(record, attempt, range),
      // complete.11.response.3: Otherwise, the stored response is redundant.
      Decision::Begin(begin) => {
        self.begin_with(record, attempt, begin, response, actions);
      }
      // Deviation E9: this is how a server says that there is no more.
      Decision::Complete => {
        actions.push(Action::Terminate { record, attempt });
        self.verify(record, actions);
      }
      Decision::AskForTheWhole(_) => {
        actions.push(Action::Terminate { record, attempt });
        let data = &self.background_fetch.records[record].response_data;
        self.records[record].begin_again(data.bytes());
        self.complete_a_record(record, actions);
      }
      // complete.11.response.2.1: If validate a partial response … invalid:
      Decision::Interrupted(_) => {
        let reason = BackgroundFetchFailureReason::FetchError;
        self.refuse(record, attempt, reason, actions);
      }
      Decision::Fail(reason, _) => {
        self.refuse(record, attempt, reason, actions);
      }
    }
    // complete.11.response.5 is the engine's: it holds the stream.
  }

  fn refuse(
    &mut self,
    record: usize,
    attempt: u32,
    reason: BackgroundFetchFailureReason,
    actions: &mut Vec<Action>,
  ) {
    // complete.11.response.2.1.1, complete.11.response.2.1.2: the record is
    // complete, and its result is a fetch error.
    self.fail(record, reason, actions);
    // complete.11.response.2.1.3: Terminate the ongoing fetch.
    actions.push(Action::Terminate { record, attempt });
  }

  fn continue_with(
    &mut self,
    record: usize,
    attempt: u32,
    range: ContentRange,
  ) {
    let state = &mut self.records[record];
    state.complete_length = state.complete_length.or(range.complete_length);
    if let Some(fetching) = self.fetching(record, attempt) {
      let length = range.body_length();
      fetching.head = Some(Head::Partial { length });
    }
  }

  fn begin_with(
    &mut self,
    record: usize,
    attempt: u32,
    begin: Begin,
    response: Response,
    actions: &mut Vec<Action>,
  ) {
    let of = &self.background_fetch.records[record];
    let is_head = of.request.method == "HEAD";
    let is_stored = of.response_data.response.is_some();
    self.records[record].wants_the_whole = false;
    if let Some(fetching) = self.fetching(record, attempt) {
      fetching.position = 0;
      fetching.head = Some(match begin {
        Begin::Whole => Head::Whole {
          ok: response.is_ok(),
          length: response.body_length().filter(|_| !is_head),
          verified: response.status != 206,
        },
        Begin::Part(range) => Head::Partial {
          length: range.body_length(),
        },
      });
    }
    // Deviation E12: only when there is one. Record objects that were made
    // before the first response wait for this response.
    if is_stored {
      self.give_up_response(record, actions);
    }
    // complete.11.response.4: keep a copy of the response except its body.
    self.background_fetch.records[record].response_data.response =
      Some(response);
    actions.push(Action::Response { record });
  }
}
