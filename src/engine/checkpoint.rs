//! Making progress durable: many small facts and many bytes in few syncs.
//!
//! Rows speak only of bytes that are synced already: a checkpoint first syncs
//! the bodies, then commits the facts that came before.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::config::CheckpointPolicy;
use crate::store::BackgroundFetchKey;
use crate::store::BodyId;
use crate::store::Fact;
use crate::store::Store;
use crate::store::StoreError;

/// The least wait before progress that could not be made durable is tried
/// again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

pub(super) struct Checkpoint {
  store: Store,
  policy: CheckpointPolicy,
  pending: Mutex<Pending>,
  /// There is something to write.
  first: Notify,
  /// It should not wait for the interval.
  soon: Notify,
  /// One writes at a time, so that facts keep their order.
  writing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Pending {
  facts: Vec<Fact>,
  bodies: HashMap<BodyId, Stored>,
  unsynced: u64,
}

#[derive(Clone, Copy)]
struct Stored {
  key: BackgroundFetchKey,
  record: usize,
  bytes: u64,
}

impl Checkpoint {
  pub(super) fn new(store: Store, policy: CheckpointPolicy) -> Self {
    Self {
      store,
      policy,
      pending: Mutex::default(),
      first: Notify::new(),
      soon: Notify::new(),
      writing: tokio::sync::Mutex::default(),
    }
  }

  /// Remembers `fact` for the next checkpoint.
  pub(super) fn note(&self, fact: Fact) {
    self.pending.lock().facts.push(fact);
    self.first.notify_one();
  }

  /// Remembers `fact` for a checkpoint that begins at once.
  pub(super) fn note_soon(&self, fact: Fact) {
    self.note(fact);
    self.soon.notify_one();
  }

  /// `more` bytes were appended to `body`, which makes `bytes` in all.
  pub(super) fn stored(
    &self,
    key: BackgroundFetchKey,
    record: usize,
    body: BodyId,
    bytes: u64,
    more: u64,
  ) {
    let mut pending = self.pending.lock();
    pending.bodies.insert(body, Stored { key, record, bytes });
    pending.unsynced += more;
    let many = pending.unsynced >= self.policy.bytes;
    drop(pending);
    self.first.notify_one();
    if many {
      self.soon.notify_one();
    }
  }

  /// The bodies are going to be deleted: nothing of them need be synced.
  pub(super) fn forget(&self, bodies: &[BodyId]) {
    let mut pending = self.pending.lock();
    for body in bodies {
      pending.bodies.remove(body);
    }
  }

  /// Makes everything durable that was noted before, and `facts` with it.
  /// When this fails nothing is forgotten: it is tried again the next time.
  pub(super) async fn write(&self, facts: Vec<Fact>) -> Result<(), StoreError> {
    self.pending.lock().facts.extend(facts);
    let _writing = self.writing.lock().await;
    let mut taken = std::mem::take(&mut *self.pending.lock());
    let result = self.write_pending(&taken).await;
    if result.is_err() {
      // What came meanwhile is younger: it goes behind.
      let mut pending = self.pending.lock();
      taken.facts.append(&mut pending.facts);
      for (body, stored) in pending.bodies.drain() {
        taken.bodies.insert(body, stored);
      }
      taken.unsynced += pending.unsynced;
      *pending = taken;
    }
    result
  }

  async fn write_pending(&self, pending: &Pending) -> Result<(), StoreError> {
    let bodies: Vec<BodyId> = pending.bodies.keys().copied().collect();
    if !bodies.is_empty() {
      self.store.bodies.sync(&bodies).await?;
    }
    let mut facts = pending.facts.clone();
    // Behind the facts: a body that a fact introduces has to be known first.
    facts.extend(pending.bodies.values().map(|stored| Fact::Stored {
      key: stored.key,
      record: stored.record,
      bytes: stored.bytes,
    }));
    if facts.is_empty() {
      return Ok(());
    }
    self.store.facts.commit(facts).await
  }

  /// Writes checkpoints until `stopping`.
  pub(super) async fn run(&self, stopping: CancellationToken) {
    let mut wait = self.policy.interval;
    loop {
      tokio::select! {
        _ = self.first.notified() => {}
        _ = stopping.cancelled() => return,
      }
      tokio::select! {
        _ = tokio::time::sleep(wait) => {}
        _ = self.soon.notified() => {}
        _ = stopping.cancelled() => return,
      }
      wait = self.policy.interval;
      if let Err(error) = self.write(Vec::new()).await {
        tracing::error!(%error, "progress cannot be made durable; trying again");
        // Also when nothing more comes that would have to be written.
        wait = wait.max(TRY_AGAIN);
        self.first.notify_one();
      }
    }
  }
}
