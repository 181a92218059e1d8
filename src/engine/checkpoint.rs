//! Making progress durable: many small facts and many bytes in few syncs.
//!
//! Rows speak only of bytes that are synced already: a checkpoint first syncs
//! the bodies, then commits the facts that came before.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::checkpoint_tickets::Tickets;
use super::config::CheckpointPolicy;
use super::pending::Pending;
use super::pending::Stored;
use super::pending::Taken;
use crate::store::BackgroundFetchKey;
use crate::store::BodyId;
use crate::store::Fact;
use crate::store::Store;
use crate::store::StoreError;

/// What could not be written is tried again after this, and then after twice
/// as long each time, up to the longest wait.
const TRY_AGAIN: Duration = Duration::from_millis(500);
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
  /// What callers wait for that are not writing themselves.
  tickets: Tickets,
  /// One writes at a time, so that facts keep their order.
  writing: tokio::sync::Mutex<()>,
}

/// Called with a record, and why its bytes are lost. It notes what comes of
/// that.
pub(super) type BytesLost =
  Box<dyn Fn(BackgroundFetchKey, usize, &StoreError) + Send + Sync>;

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
      tickets: Tickets::default(),
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
  ///
  /// Callers that come while another one writes share the next round: one sync
  /// and one transaction for all of them.
  pub(super) async fn write(&self, facts: &[Fact]) -> Result<(), StoreError> {
    let ticket = self.tickets.draw(facts);
    let _writing = self.writing.lock().await;
    if ticket.is_written() {
      return Ok(());
    }
    let round = ticket.begin_round();
    let all = round.facts();
    let written = self.write_all(&all).await;
    match written {
      Ok(()) => round.written(),
      // It is this caller's own error only if nobody else's facts were there.
      Err(_) if round.is_shared() => {
        round.part();
        self.write_all(facts).await?;
      }
      Err(error) => return Err(error),
    }
    Ok(())
  }

  async fn write_all(&self, facts: &[Fact]) -> Result<(), StoreError> {
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
    let mut taken = Taken::new(&self.pending);
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
    let mut all = pending.facts();
    all.extend_from_slice(facts);
    if all.is_empty() {
      return Ok(true);
    }
    match self.store.facts.commit(all).await {
      Err(StoreError::Database(_)) => self.write_each(pending, facts).await?,
      other => {
        other?;
        taken.written();
      }
    }
    Ok(true)
  }

  /// A row that is damaged must hold up no other: what belongs to one
  /// background fetch is written by itself. An error is that of `facts`, when
  /// there are any; what could not be written is left in `pending`.
  async fn write_each(
    &self,
    pending: &mut Pending,
    facts: &[Fact],
  ) -> Result<(), StoreError> {
    let mut failed = None;
    let keys = pending.keys().chain(facts.iter().map(Fact::key));
    for key in keys.collect::<BTreeSet<_>>() {
      let own = facts.iter().filter(|fact| fact.key() == key);
      let mut all = pending.clone_of(key).facts();
      let noted = all.len();
      all.extend(own.cloned());
      let is_asked_for = facts.is_empty() || all.len() > noted;
      match self.store.facts.commit(all).await {
        Ok(()) => pending.remove(key),
        Err(error) if is_asked_for => failed = Some(error),
        Err(error) => tracing::error!(%error, "a row cannot be written"),
      }
    }
    failed.map_or(Ok(()), Err)
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
      let longer = (wait * 2).clamp(TRY_AGAIN, LONGEST_WAIT);
      wait = self.policy.interval;
      if let Err(error) = self.flush().await {
        tracing::error!(%error, "progress cannot be made durable; trying again");
        // Also when nothing more comes that would have to be written.
        wait = wait.max(longer);
        self.first.notify_one();
      }
    }
  }
}
