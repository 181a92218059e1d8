//! The algorithms, step by step, without any I/O. The random schedules are in
//! `tests/state_machine`.

use std::sync::Arc;

use super::*;
use crate::spec::BackgroundFetchRecord;
use crate::spec::BackgroundFetchResponse;
use crate::spec::BackgroundFetchResult;
use crate::spec::Decision;
use crate::spec::Request;
use crate::spec::Response;
use crate::spec::Unusable;
use crate::spec::test_support::response;
use crate::spec::test_support::url;

const FETCH_ERROR: RecordResult =
  RecordResult::Failure(BackgroundFetchFailureReason::FetchError);

#[test]
fn what_had_settled_before_a_restart_is_not_paused() {
  let mut script = script(&["GET"], 0);
  script.update(|p, a| p.abort_all(a));
  script.update(|p, _| p.settle(true));
  let settled = script.machine.background_fetch().clone();
  let mut restored = FetchMachine::new(settled.clone());
  let mut actions = Vec::new();
  assert!(!restored.pause(&mut actions));
  let paused = BackgroundFetch {
    paused: true,
    ..settled
  };
  let mut restored = FetchMachine::new(paused);
  assert!(!restored.unpause(&mut actions));
  assert_eq!(actions, []);
}

/// A run whose inputs and actions read like a script.
struct Script {
  machine: FetchMachine,
  actions: Vec<Action>,
}

fn script(methods: &[&str], download_total: u64) -> Script {
  let records = methods.iter().map(|method| BackgroundFetchRecord {
    request: Arc::new(Request {
      method: method.to_string(),
      ..Request::get(url("https://a.test/"))
    }),
    response_data: BackgroundFetchResponse::default(),
  });
  let mut machine = FetchMachine::new(BackgroundFetch {
    download_total,
    ..BackgroundFetch::new("id".into(), records.collect())
  });
  let mut actions = Vec::new();
  machine.begin(&mut actions);
  Script { machine, actions }
}

impl Script {
  fn update<T>(
    &mut self,
    what: impl FnOnce(&mut FetchMachine, &mut Vec<Action>) -> T,
  ) -> T {
    self.actions.clear();
    what(&mut self.machine, &mut self.actions)
  }

  /// The attempt begins, and its response's head is there.
  fn head(&mut self, record: usize, attempt: u32, head: Response) -> u64 {
    let start = self.machine.start_fetch(record, attempt).unwrap();
    self.update(|p, a| p.process_response(record, attempt, head, a));
    start.range_start
  }

  fn bytes(&mut self, record: usize, attempt: u32, length: u64) -> bool {
    self.update(|p, a| {
      let allowed = p.bytes_transmitted(record, attempt, length, a).is_ok();
      if allowed {
        p.bytes_appended(record, length, a);
      }
      allowed
    })
  }

  fn done(&mut self, record: usize, attempt: u32) {
    self.update(|p, a| p.stream_done(record, attempt, a));
  }

  /// The body ends, and what is stored is what it has to be.
  fn done_and_verified(&mut self, record: usize, attempt: u32) {
    self.done(record, attempt);
    assert_eq!(self.actions, [Action::Verify { record, attempt }]);
    self.update(|p, a| p.verified(record, attempt, true, a));
  }

  /// The connection breaks, and it is tried again.
  fn interrupted(&mut self, record: usize, attempt: u32) {
    let temporary = Unavailability::Temporary;
    self.update(|p, a| p.stream_errored(record, attempt, temporary, a));
    self.update(|p, a| p.available(record, attempt, a));
  }

  fn start(&mut self, record: usize, attempt: u32) -> FetchStart {
    self.machine.start_fetch(record, attempt).unwrap()
  }

  fn result(&self, record: usize) -> Option<RecordResult> {
    self.machine.background_fetch().records[record]
      .response_data
      .result
  }
}

fn partial(content_range: &str) -> Response {
  response(206, &[("content-range", content_range), ("etag", "\"1\"")])
}

// steps: perform.2 to perform.4, perform.5.1, perform.5.2, perform.5.4
// steps: perform.6, perform.8.6, perform.8.8, perform.8.9, perform.8.12.1
// steps: complete.1, complete.9, complete.10
// steps: complete.11.response.4 to complete.11.response.6
// steps: complete.11.response.6.2, complete.11.response.7.3
// steps: complete.11.response.7.4, complete.12, complete.13.1, complete.13.2
// steps: stored.1 to stored.3, stored.2.1
#[test]
fn a_record_that_arrives_whole_is_a_success() {
  let mut s = script(&["GET"], 0);
  assert_eq!(
    s.actions,
    [Action::Fetch {
      record: 0,
      attempt: 1
    }]
  );
  s.head(0, 1, response(200, &[]));
  assert!(s.bytes(0, 1, 5));
  s.done(0, 1);
  assert_eq!(s.result(0), Some(RecordResult::Success));
  assert_eq!(s.actions.last(), Some(&Action::Settle));
  assert_eq!(s.machine.settle(true), FunctionalEvent::Success);
  let background_fetch = s.machine.background_fetch();
  assert_eq!(background_fetch.result, BackgroundFetchResult::Success);
  assert_eq!(background_fetch.stored_body_bytes_total(), 5);
}

// steps: perform.5.3.2, perform.8.5.1, perform.8.5.2, perform.8.11.1
// steps: complete.11.response.7.2
#[test]
fn a_status_that_is_not_ok_is_a_bad_status() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(404, &[]));
  s.done(0, 1);
  assert_eq!(s.machine.settle(true), FunctionalEvent::Fail);
  let reason = s.machine.background_fetch().failure_reason;
  assert_eq!(reason, BackgroundFetchFailureReason::BadStatus);
}

// steps: complete.7, complete.8, complete.11.response.7.1.1
// steps: complete.11.response.7.1.2, complete.11.response.8.1, complete.15
#[test]
fn an_interrupted_get_asks_for_the_rest_with_its_validator() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[("etag", "\"1\"")]));
  s.bytes(0, 1, 5);
  s.update(|p, a| p.stream_errored(0, 1, Unavailability::Temporary, a));
  assert_eq!(
    s.actions,
    [Action::WaitUntilAvailable {
      record: 0,
      attempt: 1
    }]
  );
  s.update(|p, a| p.available(0, 1, a));
  assert_eq!(
    s.actions,
    [Action::Fetch {
      record: 0,
      attempt: 2
    }]
  );
  let start = s.machine.start_fetch(0, 2).unwrap();
  assert_eq!(start.range_start, 5);
  assert_eq!(start.validator.as_deref(), Some("\"1\""));
  s.update(|p, a| p.process_response(0, 2, partial("bytes 5-9/10"), a));
  s.bytes(0, 2, 5);
  s.done_and_verified(0, 2);
  assert_eq!(s.result(0), Some(RecordResult::Success));
}

#[test]
fn without_a_strong_validator_it_begins_again() {
  let date = ("last-modified", "Sun, 06 Sep 2026 10:00:00 GMT");
  for headers in [
    vec![("etag", "W/\"1\""), ("content-length", "10")],
    vec![date, ("content-length", "10")],
    vec![("content-length", "10")],
  ] {
    let mut s = script(&["GET"], 0);
    s.head(0, 1, response(200, &headers));
    s.bytes(0, 1, 5);
    s.interrupted(0, 1);
    let start = s.start(0, 2);
    assert_eq!((start.range_start, start.validator), (0, None));
    assert!(start.identity);
    // Nothing is lost before there is something better.
    assert_eq!(s.machine.stored_body_bytes_total(), 5);
  }
}

#[test]
fn equal_lengths_are_trusted_where_that_is_asked_for() {
  let mut s = script(&["GET"], 0);
  s.machine.set_resume_policy(ResumePolicy::SameLength);
  s.head(0, 1, response(200, &[("content-length", "10")]));
  s.bytes(0, 1, 5);
  s.interrupted(0, 1);
  let rest = response(206, &[("content-range", "bytes 5-9/10")]);
  assert_eq!(s.head(0, 2, rest), 5);
  s.bytes(0, 2, 5);
  s.done_and_verified(0, 2);
  assert_eq!(s.result(0), Some(RecordResult::Success));
}

// steps: complete.11.response.3.2 to complete.11.response.3.4
#[test]
fn a_whole_response_to_a_range_request_starts_again() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[("etag", "\"1\"")]));
  s.bytes(0, 1, 5);
  s.update(|p, a| p.stream_errored(0, 1, Unavailability::Temporary, a));
  s.update(|p, a| p.available(0, 1, a));
  assert_eq!(s.head(0, 2, response(200, &[("etag", "\"2\"")])), 5);
  assert_eq!(
    s.actions,
    [
      Action::NewResponseData { record: 0 },
      Action::UpdateInstances,
      Action::Response { record: 0 }
    ]
  );
  assert_eq!(s.machine.stored_body_bytes_total(), 0);
  s.bytes(0, 2, 7);
  s.done(0, 2);
  assert_eq!(s.result(0), Some(RecordResult::Success));
  assert_eq!(s.machine.stored_body_bytes_total(), 7);
}

#[test]
fn a_part_that_does_not_fit_is_asked_for_as_a_whole_once() {
  for wrong in [
    response(206, &[]),
    partial("bytes 4-9/10"),
    response(206, &[("content-range", "bytes 5-9/10"), ("etag", "\"2\"")]),
    response(412, &[]),
    response(416, &[]),
  ] {
    let mut s = script(&["GET"], 0);
    s.head(0, 1, response(200, &[("etag", "\"1\"")]));
    s.bytes(0, 1, 5);
    s.interrupted(0, 1);
    s.head(0, 2, wrong.clone());
    let (record, attempt) = (0, 2);
    let terminate = Action::Terminate { record, attempt };
    let (record, attempt) = (0, 3);
    assert_eq!(s.actions, [terminate, Action::Fetch { record, attempt }]);
    assert_eq!(s.machine.stored_body_bytes_total(), 5);
    assert_eq!(s.head(0, 3, response(200, &[("etag", "\"2\"")])), 0);
    s.bytes(0, 3, 5);
    s.interrupted(0, 3);
    // The same again, and no more bytes than before: it is waited for.
    assert_eq!(s.start(0, 4).range_start, 5);
    let verdict = s.machine.judge(0, 4, &response(416, &[])).unwrap();
    assert!(matches!(verdict, Decision::Interrupted(_)), "{verdict:?}");
  }
}

// steps: complete.11.response.2.1
// steps: complete.11.response.2.1.1 to complete.11.response.2.1.3
#[test]
fn a_first_part_that_does_not_fit_is_a_fetch_error() {
  for wrong in [response(206, &[]), partial("bytes 4-9/10")] {
    let mut s = script(&["GET"], 0);
    s.head(0, 1, wrong);
    assert_eq!(s.result(0), Some(FETCH_ERROR));
    assert!(s.actions.contains(&Action::Terminate {
      record: 0,
      attempt: 1
    }));
  }
}

#[test]
fn more_bytes_than_ever_allow_another_request_for_the_whole() {
  let mut s = script(&["GET"], 0);
  let whole = || response(200, &[("etag", "\"1\"")]);
  s.head(0, 1, whole());
  s.bytes(0, 1, 5);
  s.interrupted(0, 1);
  s.head(0, 2, response(416, &[]));
  s.head(0, 3, whole());
  s.bytes(0, 3, 6);
  s.interrupted(0, 3);
  s.head(0, 4, response(416, &[]));
  assert_eq!(s.start(0, 5).range_start, 0);
}

#[test]
fn a_page_in_place_of_the_rest_costs_no_byte() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[("etag", "\"1\"")]));
  s.bytes(0, 1, 5);
  s.interrupted(0, 1);
  s.start(0, 2);
  let page = response(200, &[("content-type", "text/html")]);
  let verdict = s.machine.judge(0, 2, &page).unwrap();
  let Decision::Interrupted(unusable) = verdict else {
    panic!("{verdict:?}");
  };
  let temporary = Unavailability::Temporary;
  s.update(|p, a| p.process_unusable_response(0, 2, &unusable, temporary, a));
  s.update(|p, a| p.available(0, 2, a));
  // It is a matter of the network, and none of ranges.
  assert_eq!(s.start(0, 3).range_start, 5);
  let last = Unavailability::Final;
  s.update(|p, a| p.process_unusable_response(0, 3, &unusable, last, a));
  assert_eq!(s.result(0), Some(FETCH_ERROR));
  assert_eq!(s.machine.stored_body_bytes_total(), 5);
}

#[test]
fn a_bad_status_in_place_of_the_rest_costs_no_byte_and_exposes_none() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[("etag", "\"1\"")]));
  s.bytes(0, 1, 5);
  s.interrupted(0, 1);
  s.head(0, 2, response(503, &[]));
  let data = &s.machine.background_fetch().records[0].response_data;
  let bad_status =
    RecordResult::Failure(BackgroundFetchFailureReason::BadStatus);
  assert_eq!(data.result, Some(bad_status));
  assert_eq!((data.bytes(), data.may_be_exposed()), (5, false));
}

#[test]
fn fewer_bytes_than_were_announced_are_no_success() {
  for (head, announced) in [
    (response(200, &[("content-length", "10")]), 10),
    (partial("bytes 0-6/10"), 7),
  ] {
    let mut s = script(&["GET"], 0);
    s.head(0, 1, head);
    s.bytes(0, 1, 5);
    let unusable = Unusable::TooShort {
      received: 5,
      announced,
    };
    let end = s.machine.end_of_body(0, 1);
    assert_eq!(end, EndOfBody::Interrupted(unusable));
    // Nor for a caller that does not ask.
    s.done(0, 1);
    assert_eq!(s.result(0), Some(FETCH_ERROR));
  }
}

// After a restart they could not be told from the others.
#[test]
fn not_a_byte_is_stored_that_was_not_announced() {
  for head in [
    response(200, &[("content-length", "10")]),
    partial("bytes 0-9/12"),
  ] {
    let mut s = script(&["GET"], 0);
    s.head(0, 1, head);
    assert!(s.bytes(0, 1, 4));
    // Received, and appended a moment later.
    assert_eq!(
      s.update(|p, a| p.bytes_transmitted(0, 1, 5, a)),
      Ok(Wanted::All)
    );
    let wrong = NotAppended::Wrong(Unusable::TooLong { announced: 10 });
    let refused = s.update(|p, a| p.bytes_transmitted(0, 1, 2, a));
    assert_eq!(refused, Err(wrong));
    s.update(|p, a| p.bytes_appended(0, 5, a));
    assert_eq!(s.machine.stored_body_bytes_total(), 9);
  }
}

#[test]
fn what_frames_no_body_announces_no_bytes() {
  let length = ("content-length", "10");
  for (method, head) in [
    ("HEAD", response(200, &[length])),
    ("GET", response(204, &[length])),
    (
      "GET",
      response(200, &[length, ("transfer-encoding", "chunked")]),
    ),
  ] {
    let mut s = script(&[method], 0);
    s.head(0, 1, head);
    s.done(0, 1);
    assert_eq!(s.result(0), Some(RecordResult::Success), "{method}");
  }
}

// All bytes came, and the connection broke before that was known.
#[test]
fn what_has_all_bytes_is_verified_and_not_asked_for() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[("content-length", "5")]));
  s.bytes(0, 1, 5);
  s.interrupted(0, 1);
  let (record, attempt) = (0, 2);
  assert_eq!(s.actions, [Action::Verify { record, attempt }]);
  assert_eq!(s.machine.start_fetch(0, 2), None);
  s.update(|p, a| p.verified(0, 2, true, a));
  assert_eq!(s.result(0), Some(RecordResult::Success));
}

#[test]
fn a_restored_record_with_all_bytes_is_verified_first() {
  for (status, is_match, result, bytes) in [
    (200, true, RecordResult::Success, 5),
    (200, false, FETCH_ERROR, 0),
    (
      404,
      true,
      RecordResult::Failure(BackgroundFetchFailureReason::BadStatus),
      5,
    ),
  ] {
    let mut s = script(&["GET"], 0);
    s.head(0, 1, response(status, &[("content-length", "5")]));
    s.bytes(0, 1, 5);
    let mut again = FetchMachine::new(s.machine.background_fetch().clone());
    let mut actions = Vec::new();
    again.begin(&mut actions);
    let (record, attempt) = (0, 1);
    assert_eq!(actions, [Action::Verify { record, attempt }]);
    again.verified(0, 1, is_match, &mut actions);
    let data = &again.background_fetch().records[0].response_data;
    assert_eq!((data.result, data.bytes()), (Some(result), bytes));
  }
}

#[test]
fn a_length_beside_chunks_completes_nothing() {
  let mut s = script(&["GET"], 0);
  let chunked = [("content-length", "5"), ("transfer-encoding", "chunked")];
  s.head(0, 1, response(200, &chunked));
  s.bytes(0, 1, 5);
  let mut again = FetchMachine::new(s.machine.background_fetch().clone());
  let mut actions = Vec::new();
  again.begin(&mut actions);
  let (record, attempt) = (0, 1);
  assert_eq!(actions, [Action::Fetch { record, attempt }]);
}

#[test]
fn a_part_without_a_validator_is_not_continued() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(206, &[("content-range", "bytes 0-3/10")]));
  s.bytes(0, 1, 4);
  let end = s.machine.end_of_body(0, 1);
  assert_eq!(end, EndOfBody::Interrupted(Unusable::OnlyAPart));
}

// A server need not repeat the length each time.
#[test]
fn a_length_that_was_told_once_counts_for_the_parts_that_follow() {
  let mut s = script(&["GET"], 0);
  s.head(
    0,
    1,
    response(200, &[("etag", "\"1\""), ("content-length", "9")]),
  );
  s.bytes(0, 1, 5);
  s.interrupted(0, 1);
  s.head(0, 2, partial("bytes 5-8/*"));
  s.bytes(0, 2, 4);
  s.done_and_verified(0, 2);
  assert_eq!(s.result(0), Some(RecordResult::Success));
}

// steps: complete.11.response.7.1.2, complete.15
#[test]
fn a_shorter_part_is_followed_by_a_further_request() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, partial("bytes 0-3/10"));
  s.bytes(0, 1, 4);
  s.done(0, 1);
  assert_eq!(
    s.actions,
    [Action::Fetch {
      record: 0,
      attempt: 2
    }]
  );
  assert_eq!(s.head(0, 2, partial("bytes 4-9/10")), 4);
  s.bytes(0, 2, 6);
  s.done_and_verified(0, 2);
  assert_eq!(s.result(0), Some(RecordResult::Success));
}

#[test]
fn parts_that_bring_nothing_do_not_loop_for_ever() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, partial("bytes 0-3/*"));
  s.bytes(0, 1, 4);
  s.done(0, 1);
  s.head(0, 2, partial("bytes 4-9/*"));
  s.done(0, 2);
  assert_eq!(s.result(0), Some(FETCH_ERROR));
}

#[test]
fn a_416_that_names_the_stored_length_ends_an_unknown_length() {
  let chunked = [("transfer-encoding", "chunked"), ("etag", "\"1\"")];
  for first in [partial("bytes 0-3/*"), response(200, &chunked)] {
    for (length, is_end) in [("bytes */4", true), ("bytes */9", false)] {
      let mut s = script(&["GET"], 0);
      s.head(0, 1, first.clone());
      s.bytes(0, 1, 4);
      s.interrupted(0, 1);
      s.head(0, 2, response(416, &[("content-range", length)]));
      let (record, attempt) = (0, 2);
      let verify = Action::Verify { record, attempt };
      assert_eq!(s.actions.contains(&verify), is_end, "{length}");
      s.update(|p, a| p.verified(0, 2, true, a));
      let result = is_end.then_some(RecordResult::Success);
      assert_eq!(s.result(0), result, "{length}");
    }
  }
}

// steps: complete.11.response.1.1 to complete.11.response.1.3
#[test]
fn a_post_is_never_repeated() {
  let mut s = script(&["POST"], 0);
  assert!(s.machine.start_fetch(0, 1).is_some());
  s.update(|p, a| {
    p.process_network_error(0, 1, false, Unavailability::Temporary, a)
  });
  assert_eq!(s.result(0), Some(FETCH_ERROR));
  assert!(!s.actions.iter().any(|a| matches!(a, Action::Fetch { .. })));
}

// steps: display.8
#[test]
fn a_post_that_has_begun_cannot_be_paused() {
  let mut s = script(&["GET", "POST"], 0);
  assert!(!s.update(|p, a| p.pause(a)));
  assert!(!s.machine.background_fetch().paused);
}

// steps: perform.5.5, perform.7, complete.2, complete.11.response.6.1
// steps: complete.11.response.6.1.1, complete.11.response.6.1.2
#[test]
fn the_download_total_is_not_exceeded_by_a_byte() {
  let mut s = script(&["GET", "GET"], 10);
  s.head(0, 1, response(200, &[]));
  s.head(1, 1, response(200, &[]));
  assert!(s.bytes(0, 1, 6));
  // Allowed and not appended yet: it counts all the same.
  assert_eq!(
    s.update(|p, a| p.bytes_transmitted(1, 1, 4, a)),
    Ok(Wanted::All)
  );
  assert!(!s.bytes(0, 1, 1));
  assert_eq!(
    s.result(0),
    Some(RecordResult::Failure(
      BackgroundFetchFailureReason::DownloadTotalExceeded
    ))
  );
  assert_eq!(
    s.result(1),
    Some(RecordResult::Failure(BackgroundFetchFailureReason::Aborted))
  );
  assert_eq!(s.machine.settle(true), FunctionalEvent::Fail);
  assert_eq!(
    s.machine.background_fetch().failure_reason,
    BackgroundFetchFailureReason::DownloadTotalExceeded
  );
}

// steps: perform.8.4, perform.8.10.1
#[test]
fn abort_that_has_answered_true_means_an_abort_event() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[]));
  s.done(0, 1);
  // The record has succeeded, and abort() was faster in the edit queue.
  assert_eq!(s.machine.settle(false), FunctionalEvent::Abort);
}

// steps: complete.14, complete.14.2, complete.14.3
#[test]
fn abort_all_aborts_what_waits_and_what_is_paused() {
  let mut s = script(&["GET", "GET"], 0);
  s.machine.start_fetch(0, 1);
  s.update(|p, a| {
    p.process_network_error(0, 1, false, Unavailability::Temporary, a)
  });
  assert!(s.update(|p, a| p.pause(a)));
  s.update(|p, a| p.abort_all(a));
  let aborted = RecordResult::Failure(BackgroundFetchFailureReason::Aborted);
  assert_eq!(s.result(0), Some(aborted));
  assert_eq!(s.result(1), Some(aborted));
  assert_eq!(s.actions.last(), Some(&Action::Settle));
}

// steps: complete.3, complete.14.3, complete.14.4
#[test]
fn unpausing_asks_for_the_rest_only() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[("etag", "\"1\"")]));
  s.bytes(0, 1, 5);
  // Received when the user paused, and appended a moment later.
  assert_eq!(
    s.update(|p, a| p.bytes_transmitted(0, 1, 2, a)),
    Ok(Wanted::All)
  );
  assert!(s.update(|p, a| p.pause(a)));
  assert!(s.actions.contains(&Action::Terminate {
    record: 0,
    attempt: 1
  }));
  s.update(|p, a| p.bytes_appended(0, 2, a));
  assert!(s.update(|p, a| p.unpause(a)));
  assert_eq!(s.machine.start_fetch(0, 2).unwrap().range_start, 7);
}

// steps: complete.14.4
#[test]
fn what_is_said_of_an_old_attempt_changes_nothing() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[]));
  s.bytes(0, 1, 5);
  s.update(|p, a| p.pause(a));
  s.update(|p, a| p.unpause(a));
  s.update(|p, a| p.stream_done(0, 1, a));
  assert!(!s.bytes(0, 1, 1));
  assert_eq!(s.result(0), None);
  assert!(s.actions.is_empty());
}

// steps: perform.5.3, perform.5.3.2, complete.11.response.6.3
#[test]
fn the_first_failure_gives_the_reason() {
  let mut s = script(&["GET", "GET"], 0);
  s.head(0, 1, response(404, &[]));
  s.head(1, 1, response(200, &[]));
  s.done(0, 1);
  s.update(|p, a| p.append_failed(1, 1, true, a));
  s.machine.settle(true);
  assert_eq!(
    s.machine.background_fetch().failure_reason,
    BackgroundFetchFailureReason::BadStatus
  );
}

// steps: perform.5
#[test]
fn a_restored_run_keeps_its_results() {
  let mut s = script(&["GET", "GET"], 0);
  s.head(0, 1, response(200, &[]));
  s.done(0, 1);
  let mut again = FetchMachine::new(s.machine.background_fetch().clone());
  let mut actions = Vec::new();
  again.begin(&mut actions);
  assert_eq!(
    actions,
    [Action::Fetch {
      record: 1,
      attempt: 1
    }]
  );
}

// steps: complete.11.response.8, complete.11.response.8.2
#[test]
fn a_stream_that_breaks_for_good_is_a_fetch_error() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[]));
  s.bytes(0, 1, 5);
  s.update(|p, a| p.stream_errored(0, 1, Unavailability::Final, a));
  assert_eq!(s.result(0), Some(FETCH_ERROR));
  assert_eq!(s.actions.last(), Some(&Action::Settle));
}

#[test]
fn a_post_that_is_answered_with_a_part_is_not_repeated() {
  let mut s = script(&["POST"], 0);
  s.head(0, 1, partial("bytes 0-3/10"));
  s.bytes(0, 1, 4);
  s.done(0, 1);
  assert_eq!(s.result(0), Some(FETCH_ERROR));
}

#[test]
fn a_part_of_a_coded_body_is_used_only_when_it_is_the_whole() {
  let coded = |range| {
    let mut head = partial(range);
    head.decoded = true;
    head
  };
  let mut s = script(&["GET"], 0);
  s.head(0, 1, coded("bytes 0-3/10"));
  assert_eq!(s.result(0), Some(FETCH_ERROR));
  let mut s = script(&["GET"], 0);
  s.head(0, 1, coded("bytes 0-9/10"));
  s.bytes(0, 1, 3);
  // The network has not verified it, for it has the status of a part.
  s.done_and_verified(0, 1);
  assert_eq!(s.result(0), Some(RecordResult::Success));
}

#[test]
fn a_416_of_another_version_ends_nothing() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, partial("bytes 0-3/*"));
  s.bytes(0, 1, 4);
  s.done(0, 1);
  let other = [("content-range", "bytes */4"), ("etag", "\"2\"")];
  s.head(0, 2, response(416, &other));
  assert_eq!(s.start(0, 3).range_start, 0);
}

// steps: complete.14.3, complete.14.4
#[test]
fn what_is_being_verified_can_be_paused_and_aborted() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[("content-length", "5")]));
  s.bytes(0, 1, 5);
  s.interrupted(0, 1);
  assert!(s.update(|p, a| p.pause(a)));
  s.update(|p, a| p.verified(0, 2, true, a));
  assert_eq!(s.result(0), None);
  assert!(s.update(|p, a| p.unpause(a)));
  let (record, attempt) = (0, 3);
  assert!(s.actions.contains(&Action::Verify { record, attempt }));
  s.update(|p, a| p.abort_all(a));
  s.update(|p, a| p.verified(0, 3, true, a));
  let aborted = RecordResult::Failure(BackgroundFetchFailureReason::Aborted);
  assert_eq!(s.result(0), Some(aborted));
}

#[test]
fn a_restored_run_that_exceeded_its_total_says_so() {
  let mut s = script(&["GET", "GET", "GET"], 10);
  for record in [1, 2] {
    s.head(record, 1, response(200, &[]));
  }
  s.done(2, 1);
  assert!(!s.bytes(1, 1, 11));
  let mut again = FetchMachine::new(s.machine.background_fetch().clone());
  let mut actions = Vec::new();
  again.begin(&mut actions);
  assert_eq!(actions, [Action::Settle]);
  assert_eq!(again.settle(true), FunctionalEvent::Fail);
  let background_fetch = again.background_fetch();
  let records = &background_fetch.records;
  let success = Some(RecordResult::Success);
  assert_eq!(records[2].response_data.result, success);
  let reason = BackgroundFetchFailureReason::DownloadTotalExceeded;
  assert_eq!(background_fetch.failure_reason, reason);
}

#[test]
fn lost_bytes_end_the_fetch_of_their_record() {
  let mut s = script(&["GET"], 0);
  s.head(0, 1, response(200, &[]));
  let reason = BackgroundFetchFailureReason::FetchError;
  s.update(|p, a| p.bytes_lost(0, reason, a));
  assert_eq!(s.result(0), Some(FETCH_ERROR));
  assert!(s.actions.contains(&Action::Terminate {
    record: 0,
    attempt: 1
  }));
}

/// Between a restart and the beginning of what it has found.
#[test]
fn bytes_lost_before_the_beginning_are_counted_once() {
  let mut s = script(&["GET", "GET"], 0);
  s.head(0, 1, response(200, &[]));
  let mut again = FetchMachine::new(s.machine.background_fetch().clone());
  let mut actions = Vec::new();
  let reason = BackgroundFetchFailureReason::FetchError;
  again.bytes_lost(0, reason, &mut actions);
  let result = FETCH_ERROR;
  assert_eq!(actions, [Action::Complete { record: 0, result }]);
  actions.clear();
  again.begin(&mut actions);
  assert!(
    !actions.contains(&Action::Settle),
    "the other one is under way"
  );
  again.abort_all(&mut actions);
  assert!(actions.contains(&Action::Settle));
  assert_eq!(again.settle(false), FunctionalEvent::Abort);
}
