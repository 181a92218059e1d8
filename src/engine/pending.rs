//! What the next checkpoint is going to write.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::store::BackgroundFetchKey;
use crate::store::BodyId;
use crate::store::Fact;

#[derive(Default)]
pub(super) struct Pending {
  pub(super) facts: Vec<Fact>,
  pub(super) bodies: HashMap<BodyId, Stored>,
  /// In bytes.
  pub(super) unsynced: u64,
}

/// How much of a record's body was appended.
#[derive(Clone, Copy)]
pub(super) struct Stored {
  pub(super) key: BackgroundFetchKey,
  pub(super) record: usize,
  pub(super) bytes: u64,
}

impl Pending {
  /// All of it as facts. Those about the bodies come last: a body that a fact
  /// introduces has to be known first.
  pub(super) fn facts(&self) -> Vec<Fact> {
    let mut facts = self.facts.clone();
    facts.extend(self.bodies.values().map(|stored| Fact::Stored {
      key: stored.key,
      record: stored.record,
      bytes: stored.bytes,
    }));
    facts
  }

  /// The background fetches that it is about, some of them several times.
  pub(super) fn keys(&self) -> impl Iterator<Item = BackgroundFetchKey> {
    let of_bodies = self.bodies.values().map(|stored| stored.key);
    self.facts.iter().map(Fact::key).chain(of_bodies)
  }

  /// What is about one background fetch.
  pub(super) fn clone_of(&self, key: BackgroundFetchKey) -> Self {
    let facts = self.facts.iter().filter(|fact| fact.key() == key);
    let bodies = self.bodies.iter().filter(|(_, stored)| stored.key == key);
    Self {
      facts: facts.cloned().collect(),
      bodies: bodies.map(|(body, stored)| (*body, *stored)).collect(),
      unsynced: 0,
    }
  }

  pub(super) fn remove(&mut self, key: BackgroundFetchKey) {
    self.facts.retain(|fact| fact.key() != key);
    self.bodies.retain(|_, stored| stored.key != key);
  }
}

/// What is being written. Unless it was written it goes back to what is
/// pending, also when the future that wrote it was dropped.
pub(super) struct Taken<'a> {
  from: &'a Mutex<Pending>,
  pending: Pending,
}

impl<'a> Taken<'a> {
  pub(super) fn new(from: &'a Mutex<Pending>) -> Self {
    let pending = std::mem::take(&mut *from.lock());
    Self { from, pending }
  }

  pub(super) fn pending(&mut self) -> &mut Pending {
    &mut self.pending
  }

  pub(super) fn written(mut self) {
    self.pending = Pending::default();
  }
}

impl Drop for Taken<'_> {
  fn drop(&mut self) {
    let mut taken = std::mem::take(&mut self.pending);
    // What came meanwhile is younger: it goes behind.
    let mut pending = self.from.lock();
    taken.facts.append(&mut pending.facts);
    taken.bodies.extend(pending.bodies.drain());
    taken.unsynced += pending.unsynced;
    *pending = taken;
  }
}
