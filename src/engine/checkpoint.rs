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

/// What could not be written is tried again after this at the latest.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(30);

pub(super) struct Checkpoint {
  store: Store,
  policy: CheckpointPolicy,
  /// Hears of the records whose bytes cannot be made durable any more.
  bytes_lost: BytesLost,
  pending: Mutex<Pending>,
  /// There is something to write.
  first: Notify,
  /// It should not wait for the interval.
  soon: Notify,
  /// One writes at a time, so that facts keep their order.
  writing: tokio::sync::Mutex<()>,
}

/// Called with a record, and why its bytes are lost. It notes what comes of
/// that.
pub(super) type BytesLost =
  Box<dyn Fn(BackgroundFetchKey, usize, &StoreError) + Send + Sync>;

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
  pub(super) fn new(
    store: Store,
    policy: CheckpointPolicy,
    bytes_lost: BytesLost,
  ) -> Self {
    Self {
      store,
      policy,
      bytes_lost,
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

  /// Makes everything durable that was noted before. When this fails nothing
  /// is forgotten: it is tried again with the next checkpoint.
  pub(super) async fn flush(&self) -> Result<(), StoreError> {
    self.write(&[]).await
  }

  /// Makes `facts` durable, behind everything that was noted before. When this
  /// fails, or is dropped early, what was noted is kept for the next
  /// checkpoint, and `facts` are not: the caller hears that they did not
  /// become true, so they must not become it later.
  pub(super) async fn write(&self, facts: &[Fact]) -> Result<(), StoreError> {
    let _writing = self.writing.lock().await;
    while !self.try_write(facts).await? {}
    Ok(())
  }

  /// The same, for facts that are true whether the store knows them or not:
  /// when this fails they are kept, too.
  pub(super) async fn write_or_note(
    &self,
    facts: Vec<Fact>,
  ) -> Result<(), StoreError> {
    let written = self.write(&facts).await;
    if written.is_err() {
      self.pending.lock().facts.extend(facts);
      self.first.notify_one();
    }
    written
  }

  /// Returns false when it has to be done again: bytes were lost, and what
  /// comes of that has to be durable together with the rest. There are fewer
  /// bodies each time.
  async fn try_write(&self, facts: &[Fact]) -> Result<bool, StoreError> {
    let mut taken = Taken::new(self);
    let pending = taken.pending();
    let bodies: Vec<BodyId> = pending.bodies.keys().copied().collect();
    if !bodies.is_empty() {
      match self.store.bodies.sync(&bodies).await {
        Err(StoreError::Unsynced { bodies, source }) => {
          let lost = |body| pending.bodies.remove(&body);
          for lost in bodies.into_iter().filter_map(lost) {
            (self.bytes_lost)(lost.key, lost.record, &source);
          }
          return Ok(false);
        }
        other => other?,
      }
    }
    let mut all = pending.facts.clone();
    // Behind the facts: a body that a fact introduces has to be known first.
    all.extend(pending.bodies.values().map(|stored| Fact::Stored {
      key: stored.key,
      record: stored.record,
      bytes: stored.bytes,
    }));
    all.extend_from_slice(facts);
    if !all.is_empty() {
      self.store.facts.commit(all).await?;
    }
    taken.written();
    Ok(true)
  }

  /// Writes checkpoints until `stopping`. One that fails is tried again, for
  /// the disk may have space again, or be back, at any time; but after a wait
  /// that is twice as long each time.
  pub(super) async fn run(&self, stopping: CancellationToken) {
    let mut wait = self.policy.interval;
    loop {
      tokio::select! {
        _ = self.first.notified() => {}
        _ = stopping.cancelled() => return,
      }
      tokio::select! {
        _ = tokio::time::sleep(wait) => {}
        _ = self.soon.notified(), if wait <= self.policy.interval => {}
        _ = stopping.cancelled() => return,
      }
      let longer = (wait * 2).min(LONGEST_WAIT);
      wait = self.policy.interval;
      if let Err(error) = self.flush().await {
        tracing::error!(%error, "progress cannot be made durable; trying again");
        wait = wait.max(longer);
        self.first.notify_one();
      }
    }
  }
}

/// What is being written. Unless it was written it goes back to what is
/// pending, also when the future that wrote it was dropped.
struct Taken<'a> {
  checkpoint: &'a Checkpoint,
  pending: Option<Pending>,
}

impl<'a> Taken<'a> {
  fn new(checkpoint: &'a Checkpoint) -> Self {
    let pending = std::mem::take(&mut *checkpoint.pending.lock());
    Self {
      checkpoint,
      pending: Some(pending),
    }
  }

  fn pending(&mut self) -> &mut Pending {
    self.pending.get_or_insert_default()
  }

  fn written(mut self) {
    self.pending = None;
  }
}

impl Drop for Taken<'_> {
  fn drop(&mut self) {
    let Some(mut taken) = self.pending.take() else {
      return;
    };
    // What came meanwhile is younger: it goes behind.
    let mut pending = self.checkpoint.pending.lock();
    taken.facts.append(&mut pending.facts);
    taken.bodies.extend(pending.bodies.drain());
    taken.unsynced += pending.unsynced;
    *pending = taken;
  }
}
