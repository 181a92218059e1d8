//! Sums over all background fetches that a display knows.

use std::collections::HashMap;

use super::BackgroundFetchSnapshot;
use super::rate::Rate;
use super::text;
use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetchResult;

/// What is known of all background fetches together.
pub(super) struct Totals {
  parts: HashMap<BackgroundFetchKey, Part>,
  /// How many are going to begin of which nothing is known yet.
  queued: usize,
  settled: usize,
  failed: usize,
  /// In bytes. Wider than what one may have, for servers may announce any
  /// length, and what was added is taken off again.
  downloaded: u128,
  /// In bytes, of those that say how much they will have.
  expected: u128,
  without_expected: usize,
  /// Of the bytes that came since each was first seen.
  rate: Rate,
  already_there: u128,
}

#[derive(Clone, Copy, Default)]
struct Part {
  downloaded: u64,
  expected: Option<u64>,
  result: BackgroundFetchResult,
}

impl Totals {
  pub(super) fn new() -> Self {
    Self {
      parts: HashMap::new(),
      queued: 0,
      settled: 0,
      failed: 0,
      downloaded: 0,
      expected: 0,
      without_expected: 0,
      rate: Rate::starting_at(0),
      already_there: 0,
    }
  }

  pub(super) fn update(&mut self, b: &BackgroundFetchSnapshot) {
    let part = Part {
      downloaded: b.received,
      expected: b.total_to_download(),
      result: b.result,
    };
    match self.parts.insert(b.key, part) {
      Some(before) => self.count(before, false),
      None => self.already_there += u128::from(b.received),
    }
    self.count(part, true);
  }

  fn count(&mut self, part: Part, add: bool) {
    let one = |is: bool, of: &mut usize| match add {
      true => *of += usize::from(is),
      false => *of -= usize::from(is),
    };
    one(
      part.result != BackgroundFetchResult::None,
      &mut self.settled,
    );
    one(
      part.result == BackgroundFetchResult::Failure,
      &mut self.failed,
    );
    one(part.expected.is_none(), &mut self.without_expected);
    let bytes = |bytes: u64, of: &mut u128| match add {
      true => *of += u128::from(bytes),
      false => *of -= u128::from(bytes),
    };
    bytes(part.downloaded, &mut self.downloaded);
    bytes(part.expected.unwrap_or_default(), &mut self.expected);
  }

  /// So many are going to begin of which nothing is known yet. Whether that is
  /// another number than before.
  #[cfg(feature = "cli")]
  pub(super) fn set_queued(&mut self, count: usize) -> bool {
    std::mem::replace(&mut self.queued, count) != count
  }

  pub(super) fn known(&self) -> usize {
    self.parts.len() + self.queued
  }

  /// In bytes, as the next two.
  pub(super) fn downloaded(&self) -> u64 {
    saturate(self.downloaded)
  }

  /// How many there will be, once all have said so.
  #[cfg(feature = "cli")]
  pub(super) fn expected(&self) -> Option<u64> {
    (self.without_expected == 0 && self.queued == 0)
      .then(|| saturate(self.expected))
  }

  /// In a second, since the first was seen.
  pub(super) fn rate(&self) -> u64 {
    let came = self.downloaded.saturating_sub(self.already_there);
    self.rate.average(saturate(came))
  }

  /// `12 of 200 done, 1 failed`
  pub(super) fn counts(&self) -> String {
    let done = self.settled - self.failed;
    let known = self.known();
    match self.failed {
      0 => format!("{done} of {known} done"),
      failed => format!("{done} of {known} done, {failed} failed"),
    }
  }

  /// All of it in a line.
  pub(super) fn line(&self) -> String {
    let bytes = text::bytes(self.downloaded());
    let rate = text::bytes(self.rate());
    format!("{}, {bytes}, {rate}/s", self.counts())
  }
}

fn saturate(bytes: u128) -> u64 {
  u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::snapshot::tests::snapshot;

  #[test]
  fn every_change_counts_once() {
    let mut totals = Totals::new();
    let mut one = snapshot(1);
    let mut two = snapshot(2);
    one.expected = Some(100);
    totals.update(&one);
    totals.update(&two);
    assert_eq!(totals.counts(), "0 of 2 done");
    assert_eq!(totals.expected(), None);
    one.received = 100;
    one.result = BackgroundFetchResult::Success;
    two.expected = Some(50);
    two.result = BackgroundFetchResult::Failure;
    for _ in 0..2 {
      totals.update(&one);
      totals.update(&two);
    }
    assert_eq!(totals.counts(), "1 of 2 done, 1 failed");
    assert_eq!((totals.downloaded(), totals.expected()), (100, Some(150)));
  }

  #[test]
  fn lengths_that_servers_make_up_are_summed_and_taken_off_again() {
    let mut totals = Totals::new();
    let mut all = [1, 2, 3].map(snapshot);
    for b in &mut all {
      b.expected = Some(u64::MAX);
      totals.update(b);
    }
    assert_eq!(totals.expected(), Some(u64::MAX));
    for b in &mut all {
      b.expected = Some(10);
      totals.update(b);
    }
    assert_eq!(totals.expected(), Some(30));
  }
}
