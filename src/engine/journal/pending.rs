//! What the next checkpoint is going to write.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::Extents;
use crate::store::Change;

#[derive(Default)]
pub(crate) struct Pending {
  pub(crate) changes: Vec<Change>,
  pub(crate) bodies: BTreeMap<BodyId, Stored>,
  /// In bytes.
  pub(crate) unsynced: u64,
  /// Bodies that were forgotten while something was being written: they do not
  /// come back with it.
  forgotten: BTreeSet<BodyId>,
  is_writing: bool,
}

/// What of a record's body was written.
#[derive(Clone)]
pub(crate) struct Stored {
  pub(crate) key: BackgroundFetchKey,
  pub(crate) record: usize,
  pub(crate) extents: Extents,
}

impl Pending {
  /// All of it as changes. Those about the bodies come last: a body that a
  /// change introduces has to be known first.
  pub(crate) fn changes(&self) -> Vec<Change> {
    let mut changes = self.changes.clone();
    changes.extend(self.bodies.iter().map(to_fact));
    changes
  }

  /// The background fetches that it is about, some of them several times.
  pub(crate) fn keys(&self) -> impl Iterator<Item = BackgroundFetchKey> {
    let of_bodies = self.bodies.values().map(|stored| stored.key);
    self.changes.iter().map(Change::key).chain(of_bodies)
  }

  /// What is about one background fetch.
  pub(crate) fn facts_of(&self, key: BackgroundFetchKey) -> Vec<Change> {
    let changes = self
      .changes
      .iter()
      .filter(|change| change.key() == key)
      .cloned();
    let bodies = self.bodies.iter().filter(|(_, stored)| stored.key == key);
    changes.chain(bodies.map(to_fact)).collect()
  }

  /// The same, and takes it out.
  pub(crate) fn take_key(&mut self, key: BackgroundFetchKey) -> Vec<Change> {
    let changes = self.facts_of(key);
    self.changes.retain(|change| change.key() != key);
    self.bodies.retain(|_, stored| stored.key != key);
    changes
  }

  pub(crate) fn forget(&mut self, body: BodyId) {
    self.bodies.remove(&body);
    if self.is_writing {
      self.forgotten.insert(body);
    }
  }
}

fn to_fact((body, stored): (&BodyId, &Stored)) -> Change {
  Change::Stored {
    key: stored.key,
    record: stored.record,
    body: *body,
    extents: stored.extents.clone(),
  }
}

/// What is being written. Unless it was written it goes back to what is
/// pending, even if the future that wrote it was dropped.
pub(crate) struct InFlightBatch<'a> {
  from: &'a Mutex<Pending>,
  pending: Pending,
}

impl<'a> InFlightBatch<'a> {
  pub(crate) fn new(from: &'a Mutex<Pending>) -> Self {
    let mut from_now_on = from.lock();
    let pending = std::mem::take(&mut *from_now_on);
    from_now_on.is_writing = true;
    drop(from_now_on);
    Self { from, pending }
  }

  pub(crate) fn pending(&mut self) -> &mut Pending {
    &mut self.pending
  }

  pub(crate) fn written(&mut self) {
    self.pending = Pending::default();
  }
}

impl Drop for InFlightBatch<'_> {
  fn drop(&mut self) {
    let mut batch = std::mem::take(&mut self.pending);
    // What came meanwhile is younger: it goes behind.
    let mut pending = self.from.lock();
    batch
      .bodies
      .retain(|body, _| !pending.forgotten.contains(body));
    batch.changes.append(&mut pending.changes);
    batch.bodies.append(&mut pending.bodies);
    batch.unsynced += pending.unsynced;
    *pending = batch;
  }
}

/// What the database has refused, by background fetch. The row of each is
/// damaged, or worse; the others must not wait for it, nor pay for it.
#[derive(Default)]
pub(crate) struct SetAside(BTreeMap<BackgroundFetchKey, Vec<Change>>);

impl SetAside {
  pub(crate) fn is_empty(&self) -> bool {
    self.0.is_empty()
  }

  pub(crate) fn contains(&self, key: BackgroundFetchKey) -> bool {
    self.0.contains_key(&key)
  }

  pub(crate) fn keys(&self) -> Vec<BackgroundFetchKey> {
    self.0.keys().copied().collect()
  }

  /// In order.
  pub(crate) fn changes(&self, key: BackgroundFetchKey) -> Vec<Change> {
    self.0.get(&key).cloned().unwrap_or_default()
  }

  pub(crate) fn remove(&mut self, key: BackgroundFetchKey) {
    self.0.remove(&key);
  }

  pub(crate) fn add(&mut self, key: BackgroundFetchKey, more: Vec<Change>) {
    let changes = self.0.entry(key).or_default();
    for change in more {
      // Of those that come again and again the last one counts.
      if let Change::Stored { body: newer, .. } = change {
        changes.retain(
          |change| !matches!(change, Change::Stored { body, .. } if *body == newer),
        );
      }
      changes.push(change);
    }
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  const KEY: BackgroundFetchKey = BackgroundFetchKey(1);
  const STORED: Stored = Stored {
    key: KEY,
    record: 0,
    extents: Extents::prefix_of(10),
  };

  fn body() -> BodyId {
    BodyId(uuid::Uuid::now_v7())
  }

  fn pending(bodies: &[BodyId]) -> Mutex<Pending> {
    let bodies = bodies.iter().map(|body| (*body, STORED));
    Mutex::new(Pending {
      bodies: bodies.collect(),
      ..Pending::default()
    })
  }

  #[test]
  fn what_could_not_be_written_comes_again_without_what_was_forgotten() {
    let [kept, gone] = [body(), body()];
    let pending = pending(&[kept, gone]);
    let batch = InFlightBatch::new(&pending);
    pending.lock().forget(gone);
    drop(batch);
    let bodies: Vec<_> = pending.lock().bodies.keys().copied().collect();
    assert_eq!(bodies, [kept]);
  }

  #[test]
  fn a_body_that_was_forgotten_while_another_was_written_may_come_later() {
    let body = body();
    let pending = pending(&[]);
    let mut batch = InFlightBatch::new(&pending);
    pending.lock().forget(body);
    batch.written();
    drop(batch);
    pending.lock().bodies.insert(body, STORED);
    drop(InFlightBatch::new(&pending));
    assert!(pending.lock().bodies.contains_key(&body));
  }

  #[test]
  fn what_is_set_aside_stays_small_and_in_order() {
    let body = body();
    let stored = |bytes| Change::Stored {
      key: KEY,
      record: 0,
      body,
      extents: Extents::prefix_of(bytes),
    };
    let mut aside = SetAside::default();
    let paused = Change::Paused {
      key: KEY,
      paused: true,
    };
    aside.add(KEY, vec![stored(1), paused]);
    aside.add(KEY, vec![stored(2)]);
    aside.add(KEY, vec![stored(3)]);
    assert!(matches!(
      &*aside.changes(KEY),
      [Change::Paused { .. }, Change::Stored { extents, .. }]
        if extents.prefix() == 3
    ));
  }
}
