//! Results and ends of many background fetches come one after the other, as the
//! wire and the handlers give them. Those that come shortly after another one
//! wait for more, to share a flush; one that comes alone waits for nothing.

use std::time::Duration;

use tokio::time::Instant;

use crate::ids::BackgroundFetchKey;

/// Facts that come this soon after one another are a stream.
const QUIET: Duration = Duration::from_millis(10);

/// How long a fact waits for others, whatever comes.
pub(super) const LONGEST: Duration = Duration::from_millis(50);

/// So many share a flush well enough.
pub(super) const MANY: usize = 100;

/// When the facts are due that may wait for others.
#[derive(Default)]
pub(super) struct Pace {
  /// The last one that came.
  last: Option<(BackgroundFetchKey, Instant)>,
  waiting: usize,
  /// When the first one came that waits.
  since: Option<Instant>,
  due: Option<Instant>,
}

impl Pace {
  /// A fact has come for which a caller waits. What has just come of the same
  /// background fetch says nothing of others.
  pub(super) fn add(&mut self, key: BackgroundFetchKey, now: Instant) {
    self.push(key, now, |other| other != key);
  }

  /// The same, and no caller waits for it.
  pub(super) fn add_noted(&mut self, key: BackgroundFetchKey, now: Instant) {
    self.push(key, now, |_| true);
  }

  fn push(
    &mut self,
    key: BackgroundFetchKey,
    now: Instant,
    is_other: impl FnOnce(BackgroundFetchKey) -> bool,
  ) {
    let last = self.last.replace((key, now));
    let is_stream =
      last.is_some_and(|(last, at)| now < at + QUIET && is_other(last));
    let since = *self.since.get_or_insert(now);
    self.waiting += 1;
    let is_due = !is_stream || self.waiting >= MANY;
    self.due = Some(match is_due {
      true => now,
      false => (now + QUIET).min(since + LONGEST),
    });
  }

  /// Something that has waited before is to be written at once.
  pub(super) fn hurry(&mut self, now: Instant) {
    self.waiting = MANY;
    self.due = Some(now);
  }

  /// When those that wait are to be written.
  pub(super) fn due(&self) -> Option<Instant> {
    self.due
  }

  /// They are being written.
  pub(super) fn clear(&mut self) {
    *self = Self {
      last: self.last,
      ..Self::default()
    };
  }
}
