//! Making progress durable: many small changes and many bytes in few syncs.
//!
//! Rows speak only of bytes that are synced already: a checkpoint first syncs
//! the bodies, then commits the changes that came before.
//!
//! What is durable before what, change by change. *Noted* is written by the
//! next checkpoint, or by whatever is committed before: every commit takes what
//! was noted before it along, so that rows change in the order of the changes.
//!
//! | change | noted | durable before |
//! | --- | --- | --- |
//! | the registration, by [`MetadataStore::insert`] | | `fetch()` resolves; its request bodies are synced before |
//! | [`Response`](Change::Response) | yes, urgently with its first body | the body of a redundant one is deleted |
//! | [`Stored`](Change::Stored) | yes, after a sync of the body | the record's result |
//! | [`Sent`](Change::Sent) | | the request that must not be repeated is sent |
//! | [`RecordResult`](Change::RecordResult) | yes | the event |
//! | [`Uploaded`](Change::Uploaded) | yes | the event |
//! | [`Paused`](Change::Paused), [`Released`](Change::Released) | when the store fails | the caller is answered |
//! | [`Aborted`](Change::Aborted) | never: it is taken back | `abort()` resolves with true |
//! | [`Settled`](Change::Settled) | never: it is tried again | the event is fired |
//! | [`Retained`](Change::Retained) | when the store fails | |
//! | [`Redelivered`](Change::Redelivered) | never | the event is fired again |
//! | [`Retried`](Change::Retried), [`Moved`](Change::Moved) | never | an attempt is made |
//! | [`Ui`](Change::Ui) | yes | the event's end |
//! | [`Forgotten`](Change::Forgotten) | when the store fails | its bodies are deleted, but for a full disk |
//!
//! [`MetadataStore::insert`]: crate::store::MetadataStore::insert

pub(crate) mod pending;
pub(crate) mod tickets;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::pending::InFlightBatch;
use self::pending::Pending;
use self::pending::SetAside;
use self::pending::Stored;
use self::tickets::Tickets;
use crate::engine::policy::CheckpointPolicy;
use crate::engine::until::until;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::Extents;
use crate::store::Change;
use crate::store::Store;
use crate::store::StoreError;

/// What could not be written is tried again after this, and then after twice
/// as long each time, up to the longest wait.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
pub(super) const MAX_BACKOFF: Duration = Duration::from_secs(30);

pub(crate) struct Journal {
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
  /// One writes at a time, so that changes keep their order. That one has what
  /// the database has refused.
  writing: tokio::sync::Mutex<SetAside>,
  /// Something is set aside.
  set_aside: Notify,
}

/// What becomes of the others when the database refuses a row.
#[derive(Clone, Copy, PartialEq)]
enum Refused {
  /// Nothing is written: no caller's facts may be durable while it is told
  /// that they are not.
  FailsAll,
  /// They are written, and what belongs to the row waits for the next try.
  IsSetAside,
}

/// Called with a record, and why its bytes are lost. It notes what comes of
/// that.
pub(crate) type BytesLost =
  Box<dyn Fn(BackgroundFetchKey, usize, &StoreError) + Send + Sync>;

impl Journal {
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
      set_aside: Notify::new(),
    }
  }

  /// Remembers `change` for the next checkpoint.
  pub(super) fn enqueue(&self, change: Change) {
    self.pending.lock().changes.push(change);
    self.first.notify_one();
  }

  /// Remembers `change` for a checkpoint that begins at once.
  pub(super) fn enqueue_urgent(&self, change: Change) {
    self.enqueue(change);
    self.soon.notify_one();
  }

  /// `more` bytes were written to `body`, of which `extents` are there now.
  pub(super) fn record_progress(
    &self,
    key: BackgroundFetchKey,
    record: usize,
    body: BodyId,
    extents: Extents,
    more: u64,
  ) {
    let mut pending = self.pending.lock();
    let stored = Stored {
      key,
      record,
      extents,
    };
    pending.bodies.insert(body, stored);
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
      pending.forget(*body);
    }
  }

  /// Makes everything durable that was enqueued before, except for what the
  /// database refuses. When this fails nothing is forgotten: it is tried again
  /// with the next checkpoint.
  pub(super) async fn flush(&self) -> Result<(), StoreError> {
    self.commit(&[]).await
  }

  /// The same; an error even if it is what was enqueued of the background fetch
  /// `key` that the database refuses.
  pub(super) async fn flush_key(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<(), StoreError> {
    self.flush().await?;
    let aside = self.writing.lock().await;
    match aside.contains(key) {
      true => Err(StoreError::Database("a row cannot be written".into())),
      false => Ok(()),
    }
  }

  /// Makes everything durable that there is, also what was refused before: the
  /// last chance.
  pub(super) async fn flush_all(&self) -> Result<(), StoreError> {
    self.flush().await?;
    self.retry_set_aside().await;
    Ok(())
  }

  /// Makes `changes` durable, behind everything that was enqueued before. When
  /// this fails, or is dropped early, what was enqueued is kept for the next
  /// checkpoint, and `changes` are not: the caller hears that they did not
  /// become true, so they must not become it later.
  ///
  /// Callers that come while another one writes share the next round: one sync
  /// and one transaction for all of them.
  pub(super) async fn commit(
    &self,
    changes: &[Change],
  ) -> Result<(), StoreError> {
    let ticket = self.tickets.draw(changes);
    let mut aside = self.writing.lock().await;
    // Given back before the lock is, also when this is dropped early: no later
    // round may take these changes along.
    let ticket = ticket;
    if ticket.is_written() {
      return Ok(());
    }
    let round = ticket.begin_round();
    if round.is_shared() {
      let all = round.changes();
      let written = self.write_all(&mut aside, &all, Refused::FailsAll).await;
      if written.is_ok() {
        round.written();
        return Ok(());
      }
      // Whose fault it is shows when each is alone.
      round.part();
    }
    self
      .write_all(&mut aside, changes, Refused::IsSetAside)
      .await
  }

  async fn write_all(
    &self,
    aside: &mut SetAside,
    changes: &[Change],
    refused: Refused,
  ) -> Result<(), StoreError> {
    while !self.try_commit(aside, changes, refused).await? {}
    Ok(())
  }

  /// The same, for changes that are true whether the store knows them or not:
  /// when this fails they are kept, too.
  pub(super) async fn commit_or_enqueue(
    &self,
    changes: Vec<Change>,
  ) -> Result<(), StoreError> {
    let written = self.commit(&changes).await;
    if written.is_err() {
      self.pending.lock().changes.extend(changes);
      self.first.notify_one();
    }
    written
  }

  /// Returns false when it has to be done again: bytes were lost, and what
  /// comes of that has to be durable together with the rest. There are fewer
  /// bodies each time.
  async fn try_commit(
    &self,
    aside: &mut SetAside,
    changes: &[Change],
    on_refusal: Refused,
  ) -> Result<bool, StoreError> {
    let mut batch = InFlightBatch::new(&self.pending);
    let pending = batch.pending();
    if !self.sync(pending).await? {
      return Ok(false);
    }
    // What belongs to a row that was refused waits with it.
    for key in aside.keys() {
      let own = pending.take_key(key);
      aside.add(key, own);
    }
    let (refused, rest): (Vec<Change>, _) = changes
      .iter()
      .cloned()
      .partition(|change| aside.contains(change.key()));
    if on_refusal == Refused::FailsAll && !refused.is_empty() {
      return Err(StoreError::Database("a row was refused before".into()));
    }
    let mut all = pending.changes();
    all.extend_from_slice(&rest);
    let mut result = Ok(());
    if !all.is_empty() {
      match self.store.metadata.commit(all).await {
        Err(StoreError::Database(_)) if on_refusal == Refused::IsSetAside => {
          result = self.commit_each(aside, pending, &rest).await;
        }
        other => {
          other?;
          batch.written();
        }
      }
    }
    drop(batch);
    for (key, changes) in by_key(refused) {
      if let Err(error) = self.write_refused(aside, key, changes).await {
        result = Err(error);
      }
    }
    result.map(|()| true)
  }

  /// Returns false when bytes were lost.
  async fn sync(&self, pending: &mut Pending) -> Result<bool, StoreError> {
    let bodies: Vec<BodyId> = pending.bodies.keys().copied().collect();
    if bodies.is_empty() {
      return Ok(true);
    }
    match self.store.bodies.sync(&bodies).await {
      Err(StoreError::Unsynced { bodies, source }) => {
        let lost = |body| pending.bodies.remove(&body);
        for lost in bodies.into_iter().filter_map(lost) {
          (self.bytes_lost)(lost.key, lost.record, &source);
        }
        Ok(false)
      }
      other => other.map(|()| true),
    }
  }

  /// A row that is damaged must hold up no other: what belongs to one
  /// background fetch is written by itself, and set aside when the database
  /// refuses it. From then on the others are written together again. An error
  /// is that of `changes`.
  async fn commit_each(
    &self,
    aside: &mut SetAside,
    pending: &mut Pending,
    changes: &[Change],
  ) -> Result<(), StoreError> {
    let mut result = Ok(());
    let mut asked = by_key(changes.to_vec());
    let keys = pending.keys().chain(asked.keys().copied());
    for key in keys.collect::<BTreeSet<_>>() {
      if let Some(own) = asked.remove(&key) {
        let mut all = pending.facts_of(key);
        all.extend(own);
        match self.store.metadata.commit(all).await {
          Ok(()) => {
            pending.take_key(key);
            continue;
          }
          // What was enqueued may be possible without it.
          Err(error) => result = Err(error),
        }
      }
      match self.store.metadata.commit(pending.facts_of(key)).await {
        Ok(()) => drop(pending.take_key(key)),
        Err(error @ StoreError::Database(_)) => {
          tracing::error!(%error, key = key.0, "a row cannot be written");
          aside.add(key, pending.take_key(key));
          self.set_aside.notify_one();
        }
        Err(error) => result = Err(error),
      }
    }
    result
  }

  /// Writes `changes` behind what was refused of the same background fetch.
  async fn write_refused(
    &self,
    aside: &mut SetAside,
    key: BackgroundFetchKey,
    changes: Vec<Change>,
  ) -> Result<(), StoreError> {
    let mut all = aside.changes(key);
    all.extend(changes);
    self.store.metadata.commit(all).await?;
    aside.remove(key);
    Ok(())
  }

  /// Tries once more what was refused.
  async fn retry_set_aside(&self) {
    let mut aside = self.writing.lock().await;
    for key in aside.keys() {
      let written = self.write_refused(&mut aside, key, Vec::new()).await;
      if let Err(error) = written {
        tracing::debug!(%error, key = key.0, "a row still cannot be written");
      }
    }
    if !aside.is_empty() {
      self.set_aside.notify_one();
    }
  }

  /// Writes checkpoints until `stopping`. One that fails is tried again, for
  /// the disk may have space again, or be back, at any time; but after a wait
  /// that is twice as long each time.
  pub(super) async fn run(&self, stopping: CancellationToken) {
    tokio::join!(
      self.write_checkpoints(&stopping),
      self.try_set_aside_again(&stopping)
    );
  }

  async fn try_set_aside_again(&self, stopping: &CancellationToken) {
    loop {
      let wait = async {
        self.set_aside.notified().await;
        tokio::time::sleep(MAX_BACKOFF).await;
      };
      match until(stopping, wait).await {
        Some(()) => self.retry_set_aside().await,
        None => return,
      }
    }
  }

  async fn write_checkpoints(&self, stopping: &CancellationToken) {
    let mut wait = self.policy.interval;
    loop {
      tokio::select! {
        biased;
        _ = self.first.notified() => {}
        _ = stopping.cancelled() => return,
      }
      tokio::select! {
        biased;
        _ = tokio::time::sleep(wait) => {}
        _ = self.soon.notified(), if wait <= self.policy.interval => {}
        _ = stopping.cancelled() => return,
      }
      let longer = (wait * 2).clamp(RETRY_INTERVAL, MAX_BACKOFF);
      wait = self.policy.interval;
      if let Err(error) = self.flush().await {
        if let StoreError::Closed = error {
          return;
        }
        tracing::error!(%error, "progress cannot be made durable; trying again");
        // Even if nothing more comes that would have to be written.
        wait = wait.max(longer);
        self.first.notify_one();
      }
    }
  }
}

fn by_key(changes: Vec<Change>) -> BTreeMap<BackgroundFetchKey, Vec<Change>> {
  let mut all = BTreeMap::<_, Vec<Change>>::new();
  for change in changes {
    all.entry(change.key()).or_default().push(change);
  }
  all
}
