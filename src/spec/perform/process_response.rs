//! [Complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm):
//! the request's body and the response's head.

use super::Action;
use super::Perform;
use super::Unavailability;
use super::complete_a_record::Head;
use super::complete_a_record::State;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResponse;
use crate::spec::RecordResult;
use crate::spec::Response;
use crate::spec::content_range::complete_length_of_unsatisfied_range;
use crate::spec::extract_content_range_values;
use crate::spec::validate_partial_response;

impl Perform {
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

  /// Whether `response`, to a request for more, says that there is no more:
  /// deviation E9.
  pub fn is_end_of_record(&self, record: usize, response: &Response) -> bool {
    let State::Fetching(fetching) = &self.records[record].state else {
      return false;
    };
    let stored = &self.background_fetch.records[record].response_data;
    is_end_of_unknown_length(fetching.range_start, response, stored)
  }
}

/// Whether the part that a 206 brings is all there is.
fn is_the_whole(response: &Response) -> bool {
  extract_content_range_values(response).is_some_and(|range| {
    range.first_byte_pos == 0
      && range.complete_length == Some(range.body_length())
  })
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
