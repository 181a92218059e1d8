//! Which bytes of a representation are stored.
//!
//! The laws of [`Extents`], which its tests try:
//!
//! 1. The extents are disjoint, in order, not empty, and there is a gap before
//!    each but the prefix: one set of bytes has one form.
//! 2. What is added is there, what was there stays, and nothing else comes: so
//!    the prefix never shrinks.
//! 3. The order in which extents are added does not matter.
//! 4. [`Extents::add`] returns by how much [`Extents::total`] grows.
//! 5. Extents and gaps are the whole, and have no byte in common.

use std::ops::Range;

/// Disjoint ranges of the bytes of one representation. The one that begins
/// with the first byte, the *prefix*, is what the specification calls the
/// response's bytes; what lies behind a gap is *ahead*, and is never read.
///
/// Only bytes of one representation may be in one value: who adds others has
/// to begin with an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extents {
  /// In bytes.
  prefix: u64,
  ahead: Vec<Range<u64>>,
}

impl Extents {
  /// The first `bytes` bytes.
  pub const fn prefix_of(bytes: u64) -> Self {
    Self {
      prefix: bytes,
      ahead: Vec::new(),
    }
  }

  /// How many bytes there are from the first one on without a gap.
  pub fn prefix(&self) -> u64 {
    self.prefix
  }

  /// What lies behind the first gap, in order.
  pub fn ahead(&self) -> &[Range<u64>] {
    &self.ahead
  }

  /// How many bytes there are in all.
  pub fn total(&self) -> u64 {
    self.prefix + self.ahead_total()
  }

  /// How many bytes there are behind the first gap.
  pub fn ahead_total(&self) -> u64 {
    self
      .ahead
      .iter()
      .map(|extent| extent.end - extent.start)
      .sum()
  }

  /// The position behind the last byte.
  pub fn end(&self) -> u64 {
    self.ahead.last().map_or(self.prefix, |last| last.end)
  }

  /// The first position from `position` on that is stored.
  pub fn next_stored(&self, position: u64) -> Option<u64> {
    if position < self.prefix {
      return Some(position);
    }
    let mut extents = self.ahead.iter();
    let next = extents.find(|extent| position < extent.end)?;
    Some(next.start.max(position))
  }

  /// The first position from `position` on that is not stored.
  pub fn next_missing(&self, position: u64) -> u64 {
    if position < self.prefix {
      return self.prefix;
    }
    let mut extents = self.ahead.iter();
    match extents.find(|extent| extent.contains(&position)) {
      Some(extent) => extent.end,
      None => position,
    }
  }

  /// Adds the bytes of `range`, and returns how many of them are new.
  pub fn add(&mut self, range: Range<u64>) -> u64 {
    let before = self.total();
    if range.is_empty() {
      return 0;
    }
    if range.start <= self.prefix {
      self.prefix = self.prefix.max(range.end);
    } else {
      // Those that it overlaps or touches become one with it.
      let first = self.ahead.partition_point(|e| e.end < range.start);
      let behind = self.ahead.partition_point(|e| e.start <= range.end);
      let mut joined = range;
      if first < behind {
        joined.start = joined.start.min(self.ahead[first].start);
        joined.end = joined.end.max(self.ahead[behind - 1].end);
      }
      self.ahead.splice(first..behind, [joined]);
    }
    let reached = self.ahead.partition_point(|e| e.start <= self.prefix);
    for extent in self.ahead.drain(..reached) {
      self.prefix = self.prefix.max(extent.end);
    }
    self.total() - before
  }

  /// What is missing of the first `length` bytes, in order.
  pub fn gaps(&self, length: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = std::iter::once(self.prefix);
    let starts = starts.chain(self.ahead.iter().map(|extent| extent.end));
    let ends = self.ahead.iter().map(|extent| extent.start);
    let ends = ends.chain(std::iter::once(length));
    let gaps = starts
      .zip(ends)
      .map(move |(start, end)| start..end.min(length));
    gaps.filter(|gap| !gap.is_empty())
  }
}

#[cfg(test)]
mod tests {
  use std::collections::BTreeSet;

  use proptest::prelude::*;

  use super::*;
  use crate::spec::test_support::proptest_config;

  /// Positions are few, so that extents meet.
  const END: u64 = 40;

  fn any_ranges() -> impl Strategy<Value = Vec<Range<u64>>> {
    let range = (0..END, 0..8u64)
      .prop_map(|(start, length)| start..(start + length).min(END));
    proptest::collection::vec(range, 0..12)
  }

  fn extents(ranges: &[Range<u64>]) -> Extents {
    let mut extents = Extents::default();
    for range in ranges {
      extents.add(range.clone());
    }
    extents
  }

  fn bytes(extents: &Extents) -> BTreeSet<u64> {
    let ahead = extents.ahead().iter().cloned().flatten();
    (0..extents.prefix()).chain(ahead).collect()
  }

  proptest! {
    #![proptest_config(proptest_config())]

    #[test]
    fn the_laws_hold(mut ranges in any_ranges()) {
      let mut extents = Extents::default();
      let mut model = BTreeSet::new();
      for range in &ranges {
        let (total, prefix) = (extents.total(), extents.prefix());
        let more = extents.add(range.clone());
        model.extend(range.clone());
        prop_assert_eq!(bytes(&extents), model.clone(), "law 2");
        prop_assert!(extents.prefix() >= prefix, "law 2");
        prop_assert_eq!(extents.total(), total + more, "law 4");
        let mut end = extents.prefix();
        for extent in extents.ahead() {
          prop_assert!(end < extent.start && !extent.is_empty(), "law 1");
          end = extent.end;
        }
        prop_assert_eq!(extents.end(), end);
      }
      ranges.reverse();
      prop_assert_eq!(&self::extents(&ranges), &extents, "law 3");
    }

    #[test]
    fn extents_and_gaps_are_the_whole(
      ranges in any_ranges(), length in 0..END + 5
    ) {
      let extents = extents(&ranges);
      let stored: BTreeSet<u64> =
        bytes(&extents).into_iter().filter(|at| *at < length).collect();
      let missing: Vec<u64> = extents.gaps(length).flatten().collect();
      prop_assert!(missing.is_sorted(), "law 5");
      let missing: BTreeSet<u64> = missing.into_iter().collect();
      prop_assert!(stored.is_disjoint(&missing), "law 5");
      let all: BTreeSet<u64> = stored.union(&missing).copied().collect();
      prop_assert_eq!(all, (0..length).collect(), "law 5");
    }

    #[test]
    fn what_is_next_is_found(ranges in any_ranges(), from in 0..END + 5) {
      let extents = extents(&ranges);
      let bytes = bytes(&extents);
      let stored = bytes.range(from..).next().copied();
      prop_assert_eq!(extents.next_stored(from), stored);
      let missing = (from..).find(|at| !bytes.contains(at));
      prop_assert_eq!(Some(extents.next_missing(from)), missing);
    }
  }
}
