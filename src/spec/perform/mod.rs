//! [Perform a background fetch](https://wicg.github.io/background-fetch/#machine-a-background-fetch-algorithm)
//! and [complete a record](https://wicg.github.io/background-fetch/#complete-a-record-algorithm),
//! as a value.
//!
//! [`FetchMachine`] takes what has happened and returns what to do. It never
//! waits, never asks the time and does no I/O, so a million schedules can be
//! tried in a second, and it can be restored from a row.

mod action;
mod complete_a_record;
mod parts;
mod process_response;
mod settle;
mod stream;
#[cfg(test)]
mod tests;

use self::complete_a_record::RecordState;
use super::BackgroundFetch;
use super::BackgroundFetchFailureReason;
use super::BackgroundFetchResult;
use super::RecordResult;
use super::ResumePolicy;

pub use self::action::Action;
pub use self::action::FetchStart;
pub use self::action::Unavailability;
pub use self::parts::Divisible;
pub use self::settle::FunctionalEvent;
pub use self::stream::EndOfBody;
pub use self::stream::NotAppended;
pub use self::stream::Wanted;

/// One run of *perform a background fetch*: there is one for each background
/// fetch, from its registration until it is settled.
///
/// Every fetch of a record is an *attempt* with a number; what is said of an
/// attempt that is not the record's latest is stale and changes nothing.
#[derive(Debug)]
pub struct FetchMachine {
  background_fetch: BackgroundFetch,
  records: Vec<RecordState>,
  /// perform.2: how many records are complete.
  settled_fetches: usize,
  /// perform.3: whether the others are aborted for it.
  immediate_failure: bool,
  /// perform.4: the first failure, if there was one.
  failure_reason: BackgroundFetchFailureReason,
  /// The stored body bytes total, kept so that no chunk costs a walk over
  /// every record.
  stored: u64,
  /// What is stored behind gaps, kept for the same reason.
  ahead: u64,
  /// Bytes that were received and allowed, and are not appended yet.
  in_flight: u64,
  /// The same of parts that are fetched beside an attempt.
  parts_in_flight: u64,
  has_begun: bool,
  settling: bool,
  resume_policy: ResumePolicy,
}

impl FetchMachine {
  /// A run for `background_fetch`, new or restored. Nothing happens before
  /// [`FetchMachine::begin`].
  pub fn new(background_fetch: BackgroundFetch) -> Self {
    let records = vec![RecordState::default(); background_fetch.records.len()];
    let stored = background_fetch.stored_body_bytes_total();
    let ahead = background_fetch.records.iter();
    let ahead = ahead.map(|r| r.response_data.extents.ahead_total()).sum();
    Self {
      // One that was settled before a restart does not settle again.
      settling: background_fetch.result != BackgroundFetchResult::None,
      background_fetch,
      records,
      settled_fetches: 0,
      immediate_failure: false,
      failure_reason: BackgroundFetchFailureReason::None,
      stored,
      ahead,
      in_flight: 0,
      parts_in_flight: 0,
      has_begun: false,
      resume_policy: ResumePolicy::default(),
    }
  }

  /// What may join bytes of two answers, when it is not the default.
  pub fn set_resume_policy(&mut self, policy: ResumePolicy) {
    self.resume_policy = policy;
  }

  /// The background fetch as it stands.
  pub fn background_fetch(&self) -> &BackgroundFetch {
    &self.background_fetch
  }

  /// The stored body bytes total, in bytes.
  pub fn stored_body_bytes_total(&self) -> u64 {
    debug_assert_eq!(
      self.stored,
      self.background_fetch.stored_body_bytes_total()
    );
    self.stored
  }

  /// How many bytes of responses are stored, with those behind a gap, which
  /// cannot be read yet.
  pub fn received(&self) -> u64 {
    self.stored_body_bytes_total() + self.ahead
  }

  /// What it holds in the store, or is about to: bodies of requests and of
  /// responses, in bytes.
  pub fn bytes_held(&self) -> u64 {
    let received = self.in_flight + self.parts_in_flight;
    self.received() + received + self.background_fetch.upload_total
  }

  /// How many bytes there are to download in all, as far as that is known:
  /// once every response has said how long it is.
  pub fn expected_total(&self) -> Option<u64> {
    let mut records = self.background_fetch.records.iter().enumerate();
    records.try_fold(0u64, |total, (index, record)| {
      let data = &record.response_data;
      let length = match data.result {
        Some(_) => data.bytes(),
        // Whatever a server says.
        None => self.complete_length(index)?,
      };
      Some(total.saturating_add(length))
    })
  }

  /// Begins, or continues after a restart: records that have their result keep
  /// it.
  pub fn begin(&mut self, actions: &mut Vec<Action>) {
    self.has_begun = true;
    // perform.1 is the engine's: it knows the registration.
    // perform.5: For each record, in parallel:
    for (record, result) in self.restored_results() {
      self.completed(record, result, actions);
    }
    if self.background_fetch.abort_all {
      self.abort_all(actions);
    }
    for record in 0..self.records.len() {
      if self.records[record].is_waiting() {
        // perform.5.1: Complete a record, in parallel with the others.
        self.complete_a_record(record, actions);
      }
    }
    if self.records.is_empty() {
      self.settle_when_all_are_complete(actions);
    }
  }

  /// The results that there are already. An abort comes last: it is the
  /// consequence of another failure, unless `abort()` was called, and who
  /// settles the background fetch knows of that.
  fn restored_results(&mut self) -> Vec<(usize, RecordResult)> {
    let results = self.background_fetch.records.iter().enumerate();
    let mut results: Vec<_> = results
      .filter_map(|(i, record)| Some((i, record.response_data.result?)))
      .collect();
    let aborted = RecordResult::Failure(BackgroundFetchFailureReason::Aborted);
    results.sort_by_key(|(_, result)| *result == aborted);
    // All of them are complete before the first one tells the others to abort.
    for (record, _) in &results {
      self.records[*record].finish();
    }
    results
  }

  /// Sets the paused flag. Returns false, and changes nothing, when a request
  /// that is not a `GET` would have to be issued again, or when there is
  /// nothing left to pause.
  ///
  /// <https://wicg.github.io/background-fetch/#background-fetch-display-algorithm>
  pub fn pause(&mut self, actions: &mut Vec<Action>) -> bool {
    if self.settling
      || self.background_fetch.paused
      || !self.may_pause_without_repeating()
    {
      return false;
    }
    self.background_fetch.paused = true;
    for record in 0..self.records.len() {
      self.record_paused(record, actions);
    }
    actions.push(Action::UpdateInstances);
    true
  }

  /// Unsets the paused flag. Returns false when it was not set.
  pub fn unpause(&mut self, actions: &mut Vec<Action>) -> bool {
    if self.settling || !self.background_fetch.paused {
      return false;
    }
    self.background_fetch.paused = false;
    for record in 0..self.records.len() {
      // complete.3: Wait for the paused flag to be unset.
      if self.records[record].is_waiting() {
        self.complete_a_record(record, actions);
      }
    }
    actions.push(Action::UpdateInstances);
    true
  }

  /// Sets the abort all flag: every record that has no result becomes
  /// `"aborted"`.
  pub fn abort_all(&mut self, actions: &mut Vec<Action>) {
    self.background_fetch.abort_all = true;
    for record in 0..self.records.len() {
      self.record_aborted(record, actions);
    }
  }

  /// The display has changed what it shows, by `updateUI()`.
  pub fn update_ui(
    &mut self,
    title: Option<String>,
    icons: Option<Vec<super::ImageResource>>,
  ) {
    if let Some(icons) = icons {
      self.background_fetch.icons = icons;
    }
    if let Some(title) = title {
      self.background_fetch.title = title;
    }
  }

  /// perform.5.2 to perform.7, for one record that is complete.
  fn completed(
    &mut self,
    record: usize,
    result: RecordResult,
    actions: &mut Vec<Action>,
  ) {
    self.records[record].finish();
    // perform.5.2: Let result be the record's response data's result.
    self.note_failure(result);
    // perform.5.4: Increment settledFetches by 1.
    self.settled_fetches += 1;
    // perform.5.5: If result is "download-total-exceeded", set
    // immediateFailure.
    let exceeded = RecordResult::Failure(
      BackgroundFetchFailureReason::DownloadTotalExceeded,
    );
    if result == exceeded && !self.immediate_failure {
      self.immediate_failure = true;
      // perform.7: If immediateFailure is true, set the abort all flag.
      self.abort_all(actions);
    }
    self.settle_when_all_are_complete(actions);
  }

  /// perform.5.3, for one result.
  fn note_failure(&mut self, result: RecordResult) {
    // perform.5.3: If failureReason is not the empty string (deviation E1:
    // the first result that is not a success sets it)
    if self.failure_reason == BackgroundFetchFailureReason::None {
      match result {
        // perform.5.3.1: Assert: result is not "redundant".
        RecordResult::Redundant => {
          debug_assert!(false, "a record ended as redundant");
        }
        RecordResult::Success => {}
        // perform.5.3.2: Set failureReason to result.
        RecordResult::Failure(reason) => self.failure_reason = reason,
      }
    }
  }

  /// perform.6: Wait for settledFetches to be the number of records. (An
  /// immediate failure has completed every record through the abort all flag,
  /// so there is one condition.)
  fn settle_when_all_are_complete(&mut self, actions: &mut Vec<Action>) {
    if self.settled_fetches == self.records.len() && !self.settling {
      self.settling = true;
      // perform.8: Enqueue to the active background fetches edit queue.
      actions.push(Action::Settle);
    }
  }
}
