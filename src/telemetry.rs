//! What an operator sees of an engine while it works: spans and events by
//! `tracing`, and numbers by `metrics` where the feature of that name is on.
//! Names and fields are stable: `docs/observability.md` has them all, and no
//! other file makes a span or a number.
//!
//! URLs come here without credentials, queries and fragments.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;

/// Of all spans, and of the events that are documented.
macro_rules! target {
  () => {
    "background_fetch"
  };
}

/// A number that only goes up.
#[cfg(feature = "metrics")]
macro_rules! count {
  ($name:literal, $by:expr $(, $label:literal => $value:expr)*) => {
    ::metrics::counter!($name $(, $label => $value)*).increment($by)
  };
}

/// What takes so long.
#[cfg(feature = "metrics")]
macro_rules! took {
  ($name:literal, $time:expr $(, $label:literal => $value:expr)*) => {
    ::metrics::histogram!($name $(, $label => $value)*).record($time)
  };
}

/// How many of these there are now.
#[cfg(feature = "metrics")]
macro_rules! change {
  ($name:literal, $by:expr) => {
    ::metrics::gauge!($name).increment(f64::from($by))
  };
}

#[cfg(not(feature = "metrics"))]
macro_rules! count {
  ($name:literal, $by:expr $(, $label:literal => $value:expr)*) => {
    let _: u64 = $by;
    $(let _ = $value;)*
  };
}

#[cfg(not(feature = "metrics"))]
macro_rules! took {
  ($name:literal, $time:expr $(, $label:literal => $value:expr)*) => {
    let _ = $time;
    $(let _ = $value;)*
  };
}

#[cfg(not(feature = "metrics"))]
macro_rules! change {
  ($name:literal, $by:expr) => {
    let _: i8 = $by;
  };
}

/// Says to the recorder what each number is, and in which unit.
#[cfg(feature = "metrics")]
pub(crate) fn describe() {
  use metrics::Unit;
  use metrics::describe_counter;
  use metrics::describe_gauge;
  use metrics::describe_histogram;
  describe_counter!(
    "background_fetch_started",
    Unit::Count,
    "Background fetches that were registered"
  );
  describe_counter!(
    "background_fetch_settled",
    Unit::Count,
    "Background fetches that have a result"
  );
  describe_counter!(
    "background_fetch_quarantined",
    Unit::Count,
    "Background fetches that are not begun, since processes died over them"
  );
  describe_counter!(
    "background_fetch_attempts",
    Unit::Count,
    "Attempts to fetch a record that have ended"
  );
  describe_counter!(
    "background_fetch_retries",
    Unit::Count,
    "Failures after which a record is tried again"
  );
  describe_counter!(
    "background_fetch_received",
    Unit::Bytes,
    "Bytes of responses, as they are stored"
  );
  describe_counter!(
    "background_fetch_sent",
    Unit::Bytes,
    "Bytes of request bodies"
  );
  describe_gauge!(
    "background_fetch_transfers",
    Unit::Count,
    "Attempts that are under way"
  );
  describe_histogram!(
    "background_fetch_attempt_duration",
    Unit::Seconds,
    "How long an attempt was under way"
  );
  describe_counter!(
    "background_fetch_flushes",
    Unit::Count,
    "Rounds in which changes and bytes were made durable"
  );
  describe_histogram!(
    "background_fetch_flush_duration",
    Unit::Seconds,
    "How long such a round took"
  );
  describe_counter!(
    "background_fetch_events_delivered",
    Unit::Count,
    "Functional events that a service worker was given"
  );
  describe_counter!(
    "background_fetch_events_redelivered",
    Unit::Count,
    "Those of them that a service worker was given before"
  );
  describe_counter!(
    "background_fetch_events_undelivered",
    Unit::Count,
    "Functional events that no further service worker is tried with"
  );
  describe_counter!(
    "background_fetch_service_workers_started",
    Unit::Count,
    "Service workers that were started"
  );
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn describe() {}

/// As long as the engine has the background fetch.
pub(crate) fn background_fetch(
  key: i64,
  id: &str,
  scope: impl Fn() -> String,
) -> Span {
  tracing::info_span!(
    target: target!(),
    parent: None,
    "background_fetch",
    key,
    id,
    // Made only where somebody listens.
    scope = scope().as_str(),
  )
}

/// A background fetch was registered, in its span.
pub(crate) fn started(span: &Span, records: usize) {
  count!("background_fetch_started", 1);
  tracing::info!(
    name: "started",
    target: target!(),
    parent: span,
    records,
    "a background fetch is registered"
  );
}

/// It has a result, which is durable.
pub(crate) fn settled(
  span: &Span,
  result: &'static str,
  failure_reason: &'static str,
) {
  count!(
    "background_fetch_settled",
    1,
    "result" => result,
    "failure_reason" => failure_reason
  );
  tracing::info!(
    name: "settled",
    target: target!(),
    parent: span,
    result,
    failure_reason,
    "a background fetch has its result"
  );
}

/// It is not begun, since processes have died over it.
pub(crate) fn quarantined(span: &Span) {
  count!("background_fetch_quarantined", 1);
  tracing::warn!(
    name: "quarantined",
    target: target!(),
    parent: span,
    "a background fetch is quarantined"
  );
}

/// How an attempt has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptOutcome {
  /// The response has come whole, whatever its status.
  Complete,
  /// The record is tried again.
  Retry,
  /// The record fails.
  Failed,
  /// It is not wanted any more, or it is paused, or the engine ends.
  Stopped,
}

impl AttemptOutcome {
  fn as_str(self) -> &'static str {
    match self {
      Self::Complete => "complete",
      Self::Retry => "retry",
      Self::Failed => "failed",
      Self::Stopped => "stopped",
    }
  }
}

/// An attempt that is under way.
pub(crate) struct AttemptUnderWay {
  span: Span,
  begun: Instant,
  outcome: AttemptOutcome,
}

/// What an attempt is for.
pub(crate) struct AttemptFacts<'a> {
  pub(crate) record: usize,
  pub(crate) number: u32,
  pub(crate) method: &'a str,
  pub(crate) url: &'a str,
  /// Where it continues, in bytes.
  pub(crate) from: u64,
}

impl AttemptUnderWay {
  pub(crate) fn begin(parent: &Span, facts: &AttemptFacts<'_>) -> Self {
    change!("background_fetch_transfers", 1);
    let span = tracing::info_span!(
      target: target!(),
      parent: parent,
      "attempt",
      record = facts.record,
      attempt = facts.number,
      method = facts.method,
      url = facts.url,
      from = facts.from,
      status = Empty,
      stored = Empty,
      outcome = Empty,
    );
    Self {
      span,
      begun: Instant::now(),
      outcome: AttemptOutcome::Stopped,
    }
  }

  pub(crate) fn span(&self) -> &Span {
    &self.span
  }

  /// What is stored of the record when it ends, in bytes.
  pub(crate) fn end(mut self, outcome: AttemptOutcome, stored: u64) {
    self.outcome = outcome;
    self.span.record("stored", stored);
  }
}

impl Drop for AttemptUnderWay {
  fn drop(&mut self) {
    let outcome = self.outcome.as_str();
    self.span.record("outcome", outcome);
    change!("background_fetch_transfers", -1);
    count!("background_fetch_attempts", 1, "outcome" => outcome);
    took!(
      "background_fetch_attempt_duration",
      self.begun.elapsed(),
      "outcome" => outcome
    );
  }
}

/// The attempt whose span is entered has a response.
pub(crate) fn answered(status: u16) {
  Span::current().record("status", status);
}

/// The attempt whose span is entered has failed, and the record is tried again.
pub(crate) fn retry(cause: &'static str, after: Duration, reason: &str) {
  count!("background_fetch_retries", 1, "cause" => cause);
  let after = after.as_secs_f64();
  tracing::debug!(
    name: "retry",
    target: target!(),
    cause,
    after,
    reason,
    "a record is tried again"
  );
}

/// So many bytes of a response.
pub(crate) fn received(bytes: u64) {
  count!("background_fetch_received", bytes);
}

/// So many bytes of a request body.
pub(crate) fn sent(bytes: u64) {
  count!("background_fetch_sent", bytes);
}

/// A round that makes changes and bytes durable.
pub(crate) struct Flush {
  span: Span,
  begun: Instant,
}

impl Flush {
  pub(crate) fn begin(bodies: usize) -> Self {
    Self {
      span: tracing::debug_span!(
        target: target!(),
        parent: None,
        "flush",
        bodies,
        changes = Empty,
        outcome = Empty,
      ),
      begun: Instant::now(),
    }
  }

  pub(crate) fn span(&self) -> &Span {
    &self.span
  }

  pub(crate) fn end(self, is_done: bool) {
    let outcome = if is_done { "done" } else { "failed" };
    self.span.record("outcome", outcome);
    count!("background_fetch_flushes", 1, "outcome" => outcome);
    took!("background_fetch_flush_duration", self.begun.elapsed());
  }
}

/// The flush whose span is entered writes so many changes.
pub(crate) fn flush_writes(changes: usize) {
  Span::current().record("changes", changes);
}

/// An event that a service worker has, or that waits for it, until its handlers
/// have ended.
pub(crate) struct WorkerEvent {
  span: Span,
  outcome: &'static str,
}

impl WorkerEvent {
  /// An event that belongs to no background fetch.
  pub(crate) fn new(name: &'static str, worker: u64) -> Self {
    let span = tracing::info_span!(
      target: target!(),
      parent: None,
      "service_worker_event",
      event = name,
      worker,
      outcome = Empty,
    );
    Self::of(span)
  }

  /// One of a background fetch, which a service worker is given for the
  /// `delivery`th time.
  pub(crate) fn functional(
    name: &'static str,
    scope: &dyn Display,
    key: i64,
    delivery: u32,
  ) -> Self {
    count!("background_fetch_events_delivered", 1, "event" => name);
    if delivery > 1 {
      count!("background_fetch_events_redelivered", 1, "event" => name);
    }
    let span = tracing::info_span!(
      target: target!(),
      parent: None,
      "service_worker_event",
      event = name,
      %scope,
      key,
      delivery,
      outcome = Empty,
    );
    Self::of(span)
  }

  /// Until it is handled the worker may end, or the event be taken back.
  fn of(span: Span) -> Self {
    let outcome = "released";
    Self { span, outcome }
  }

  /// Its handlers have ended, and what extends it.
  pub(crate) fn handled(mut self) {
    self.outcome = "handled";
  }

  /// A promise that extends it was rejected.
  pub(crate) fn rejected(mut self) {
    self.outcome = "rejected";
  }
}

impl Drop for WorkerEvent {
  fn drop(&mut self) {
    self.span.record("outcome", self.outcome);
  }
}

/// No further service worker is tried with an event.
pub(crate) fn undelivered(
  name: &'static str,
  scope: &dyn Display,
  key: i64,
  why: &str,
) {
  count!("background_fetch_events_undelivered", 1, "event" => name);
  tracing::error!(
    name: "undelivered",
    target: target!(),
    key,
    %scope,
    "{name}: {why}"
  );
}

/// A service worker's script is evaluated next.
pub(crate) fn service_worker_started() {
  count!("background_fetch_service_workers_started", 1);
}
