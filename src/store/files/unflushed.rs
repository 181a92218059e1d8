//! How many bytes of each body the disk was not yet asked to keep, which tells
//! what is cheaper: a flush of each body, or one of the whole file system.

use std::collections::HashMap;

use crate::ids::BodyId;

/// From how many bodies on one flush of the whole file system may be cheaper
/// than a flush for each.
pub(super) const MANY: usize = 32;

/// A flush of one body takes about as long as writing so many bytes.
pub(super) const ONE_FLUSH: u64 = 256 * 1024;

/// An estimate: what is appended while a flush is under way counts as flushed.
#[derive(Default)]
pub(super) struct Unflushed(HashMap<BodyId, u64>);

impl Unflushed {
  /// So many bytes were written to the body.
  pub(super) fn add(&mut self, id: BodyId, more: u64) {
    *self.0.entry(id).or_default() += more;
  }

  /// The body is deleted.
  pub(super) fn forget(&mut self, id: BodyId) {
    self.0.remove(&id);
  }

  /// These are about to be flushed. Returns whether one flush of everything is
  /// cheaper: it would write the bytes of the others, too, for which no commit
  /// waits.
  pub(super) fn flush(&mut self, ids: &[BodyId]) -> bool {
    for id in ids {
      self.0.remove(id);
    }
    ids.len() > MANY && self.is_little_beside(ids.len())
  }

  /// Whether the bytes of all bodies are written in less time than the flushes
  /// of so many take.
  pub(super) fn is_little_beside(&self, flushes: usize) -> bool {
    self.0.values().sum::<u64>() <= flushes as u64 * ONE_FLUSH
  }

  /// Everything was flushed.
  pub(super) fn clear(&mut self) {
    self.0.clear();
  }
}

#[cfg(test)]
mod tests {
  use uuid::Uuid;

  use super::*;

  fn bodies(numbers: std::ops::Range<u128>) -> Vec<BodyId> {
    numbers.map(|n| BodyId(Uuid::from_u128(n))).collect()
  }

  #[test]
  fn many_small_bodies_are_flushed_at_once_unless_others_have_much_to_write() {
    let mut unflushed = Unflushed::default();
    let (tiny, large) = (bodies(0..100), bodies(100..140));
    tiny.iter().for_each(|id| unflushed.add(*id, 1_000));
    assert!(!unflushed.flush(&tiny[..10]));
    assert!(unflushed.flush(&tiny));
    for id in &large {
      unflushed.add(*id, 1 << 20);
      unflushed.add(*id, 1 << 20);
    }
    assert!(!unflushed.flush(&tiny));
    // A checkpoint waits for all of them.
    assert!(unflushed.flush(&[tiny.clone(), large.clone()].concat()));
    // They are flushed now, or gone, and are in the way of no other.
    assert!(unflushed.flush(&tiny));
    unflushed.add(large[0], 1 << 40);
    assert!(!unflushed.flush(&tiny));
    unflushed.forget(large[0]);
    assert!(unflushed.flush(&tiny));
  }
}
