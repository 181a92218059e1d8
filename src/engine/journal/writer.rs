//! Carries out what the [`Journal`] says: it has the store, the clock and
//! those who wait.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument;

use super::queue::Progress;
use super::value::Answer;
use super::value::Bodies;
use super::value::Journal;
use super::value::Next;
use super::value::Synced;
use super::value::Ticket;
use super::value::Wanted;
use crate::engine::policy::CheckpointPolicy;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::store::Change;
use crate::store::Group;
use crate::store::GroupOutcome;
use crate::store::OpenStore;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;
use crate::telemetry;
use crate::telemetry::Flush;

/// Called with a record, and why its bytes are lost. It enqueues what comes of
/// that.
pub(crate) type BytesLost =
  Box<dyn Fn(BackgroundFetchKey, usize, &StoreError) + Send + Sync>;

pub(crate) struct JournalWriter {
  store: Arc<OpenStore>,
  bytes_lost: BytesLost,
  state: Mutex<State>,
  /// The journal was called.
  changed: Notify,
}

struct State {
  journal: Journal,
  waiting: HashMap<Ticket, oneshot::Sender<Answer>>,
  is_closed: bool,
}

impl JournalWriter {
  pub(in crate::engine) fn new(
    store: Arc<OpenStore>,
    policy: CheckpointPolicy,
    bytes_lost: BytesLost,
  ) -> Self {
    Self {
      store,
      bytes_lost,
      state: Mutex::new(State {
        journal: Journal::new(policy),
        waiting: HashMap::new(),
        is_closed: false,
      }),
      changed: Notify::new(),
    }
  }

  fn update<T>(&self, what: impl FnOnce(&mut Journal, Instant) -> T) -> T {
    let result = what(&mut self.state.lock().journal, Instant::now());
    self.changed.notify_one();
    result
  }

  /// Remembers `change`, for the next checkpoint at the latest.
  pub(in crate::engine) fn enqueue(&self, change: Change) {
    self.update(|journal, now| journal.enqueue(change, now));
  }

  /// Remembers `change`, which is written at once, or with what comes in the
  /// next moments.
  pub(in crate::engine) fn enqueue_urgent(&self, change: Change) {
    self.update(|journal, now| journal.enqueue_urgent(change, now));
  }

  /// Bytes were added to `body`, or found in it.
  pub(in crate::engine) fn record_progress(
    &self,
    key: BackgroundFetchKey,
    body: BodyId,
    progress: Progress,
  ) {
    self.update(|journal, now| {
      journal.record_progress(key, body, progress, now);
    });
  }

  /// The bodies are going to be deleted: nothing of them need be synced.
  pub(in crate::engine) fn forget(&self, bodies: &[BodyId]) {
    self.update(|journal, _| journal.forget(bodies));
  }

  /// Makes a new background fetch durable, with its request bodies, and returns
  /// its key (the one in `row` is ignored). Fails as
  /// [`Write::Insert`](crate::store::Write::Insert) does.
  pub(in crate::engine) async fn insert(
    &self,
    row: StoredBackgroundFetch,
  ) -> Result<BackgroundFetchKey, StoreError> {
    let key = self.wait(Wanted::Insert(Box::new(row))).await?;
    key.ok_or_else(|| StoreError::Database("no key was given".into()))
  }

  /// Makes everything durable that was enqueued before, except for what the
  /// database refuses. When this fails nothing is forgotten: it is tried again
  /// with the next checkpoint.
  pub(in crate::engine) async fn flush(&self) -> Result<(), StoreError> {
    self.wait(Wanted::Flush).await.map(drop)
  }

  /// Makes everything durable that was enqueued of one background fetch before;
  /// an error also when the database refuses it.
  pub(in crate::engine) async fn flush_key(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<(), StoreError> {
    self.commit(key, Vec::new()).await
  }

  /// Makes everything durable that there is, also what was refused before: the
  /// last chance.
  pub(in crate::engine) async fn flush_all(&self) -> Result<(), StoreError> {
    self.wait(Wanted::FlushRefused).await.map(drop)
  }

  /// Makes `changes` durable, behind everything that was enqueued of the same
  /// background fetch. When this fails, or is dropped early, what was enqueued
  /// is kept for the next checkpoint, and `changes` are not: the caller hears
  /// that they did not become true, so they must not become it later. (Dropped
  /// while they are being written, they do.)
  ///
  /// Callers that come while others' changes are written share the next round:
  /// one transaction for all of them.
  pub(in crate::engine) async fn commit(
    &self,
    key: BackgroundFetchKey,
    changes: Vec<Change>,
  ) -> Result<(), StoreError> {
    let is_kept = false;
    let wanted = Wanted::Changes {
      key,
      changes,
      is_kept,
    };
    self.wait(wanted).await.map(drop)
  }

  /// The same, for changes that are true whether the store knows them or not:
  /// when this fails they are kept, too.
  pub(in crate::engine) async fn commit_or_enqueue(
    &self,
    key: BackgroundFetchKey,
    changes: Vec<Change>,
  ) -> Result<(), StoreError> {
    let is_kept = true;
    let wanted = Wanted::Changes {
      key,
      changes,
      is_kept,
    };
    self.wait(wanted).await.map(drop)
  }

  async fn wait(&self, wanted: Wanted) -> Answer {
    let (answer, answered) = oneshot::channel();
    let mut caller = {
      let mut state = self.state.lock();
      if state.is_closed {
        return Err(StoreError::Closed);
      }
      let ticket = state.journal.draw(wanted, Instant::now());
      state.waiting.insert(ticket, answer);
      Caller {
        writer: self,
        ticket: Some(ticket),
      }
    };
    self.changed.notify_one();
    let answer = answered.await;
    caller.ticket = None;
    answer.map_err(|_| StoreError::Closed)?
  }

  /// Writes rounds until it is closed, or the store is.
  pub(in crate::engine) async fn run(&self) {
    // No caller may wait for a task that was ended.
    let _closed = CloseOnDrop(self);
    loop {
      let next = {
        let mut state = self.state.lock();
        if state.is_closed {
          return;
        }
        state.journal.next(Instant::now())
      };
      match next {
        Next::Sync(bodies) => self.round(bodies).await,
        Next::Wait(time) => {
          let changed = self.changed.notified();
          match time {
            Some(time) => {
              let _ = tokio::time::timeout_at(time, changed).await;
            }
            None => changed.await,
          }
        }
      }
    }
  }

  async fn round(&self, bodies: Bodies) {
    let flush = Flush::begin(bodies.flush.len());
    let span = flush.span().clone();
    let is_done = self.flush_round(bodies).instrument(span).await;
    flush.end(is_done);
  }

  /// Whether everything of the round is durable.
  async fn flush_round(&self, bodies: Bodies) -> bool {
    let synced = self.sync_or_read(bodies).await;
    let lost = match &synced {
      Err(StoreError::Unsynced { source, .. }) => Some(source.clone()),
      _ => None,
    };
    let synced = self.update(|journal, now| journal.synced(synced, now));
    let groups = match synced {
      Synced::Write(groups) => groups,
      Synced::Failed(answers) => {
        self.answer(answers);
        return false;
      }
      Synced::Lost { records, answers } => {
        if let Some(error) = lost {
          for (key, record) in records {
            (self.bytes_lost)(key, record, &error);
          }
        }
        self.answer(answers);
        return false;
      }
    };
    telemetry::flush_writes(groups.iter().map(|group| group.len()).sum());
    let written = match groups.is_empty() {
      true => Ok(Vec::new()),
      false => self.write(groups).await,
    };
    if let Err(error) = &written
      && !matches!(error, StoreError::Closed)
    {
      tracing::error!(%error, "progress cannot be made durable; trying again");
    }
    for outcome in written.iter().flatten() {
      if let Some((_, error)) = &outcome.refused {
        tracing::warn!(%error, "something cannot be written");
      }
    }
    let refused = |outcomes: &Vec<GroupOutcome>| {
      outcomes.iter().any(|outcome| outcome.refused.is_some())
    };
    let is_done = written.as_ref().is_ok_and(|outcomes| !refused(outcomes));
    let answers = self.update(|journal, now| journal.written(written, now));
    self.answer(answers);
    is_done
  }

  async fn sync_or_read(
    &self,
    bodies: Bodies,
  ) -> Result<HashMap<BodyId, Bytes>, StoreError> {
    let Bodies { flush, read } = bodies;
    self.sync(&flush).await?;
    match read.is_empty() {
      true => Ok(HashMap::new()),
      false => self.store.get()?.bodies.read_small(&read).await,
    }
  }

  async fn sync(&self, bodies: &[BodyId]) -> Result<(), StoreError> {
    if bodies.is_empty() {
      return Ok(());
    }
    self.store.get()?.bodies.sync(bodies).await
  }

  async fn write(
    &self,
    groups: Vec<Group>,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    self.store.get()?.write(groups).await
  }

  fn answer(&self, answers: Vec<(Ticket, Answer)>) {
    let mut state = self.state.lock();
    for (ticket, answer) in answers {
      if let Some(waiting) = state.waiting.remove(&ticket) {
        // Who no longer listens needs no answer.
        let _ = waiting.send(answer);
      }
    }
  }

  /// Nothing is written any more; every caller that waits, or comes, gets an
  /// error.
  pub(in crate::engine) fn close(&self) {
    let mut state = self.state.lock();
    state.is_closed = true;
    state.journal.close();
    state.waiting.clear();
    drop(state);
    self.changed.notify_one();
  }
}

struct CloseOnDrop<'a>(&'a JournalWriter);

impl Drop for CloseOnDrop<'_> {
  fn drop(&mut self) {
    self.0.close();
  }
}

/// A caller that waits. Nothing is left of it when it is dropped early.
struct Caller<'a> {
  writer: &'a JournalWriter,
  ticket: Option<Ticket>,
}

impl Drop for Caller<'_> {
  fn drop(&mut self) {
    if let Some(ticket) = self.ticket {
      self
        .writer
        .update(|journal, now| journal.withdraw(ticket, now));
      self.writer.state.lock().waiting.remove(&ticket);
    }
  }
}
