//! Carries out what the [`Journal`] says: it has the store, the clock and
//! those who wait.
//!
//! A round is begun by the caller that it is begun for, and ended by the thread
//! of the store that has written it, where the store has one: each change of
//! threads on the way takes as long as part of a flush. The task of
//! [`JournalWriter::run`] does what takes waiting: it has the bodies flushed, or
//! read, and begins what is due at a time.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Instrument;

use super::queue::Progress;
use super::turns::TurnId;
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
use crate::store::Write;
use crate::store::WriteDone;
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
  /// There is something for the task, or earlier than it knows.
  changed: Notify,
}

struct State {
  journal: Journal,
  waiting: HashMap<Ticket, OnAnswer>,
  /// A round that somebody has begun, and the task has to carry out.
  handed_over: Option<HandedOver>,
  /// When the task looks again, if it is not woken before.
  looks_at: Option<Instant>,
  is_closed: bool,
}

/// What a caller does with its answer. No lock is held then, and it must not
/// block: nothing else is written meanwhile.
type OnAnswer = Box<dyn FnOnce(Answer) + Send>;

/// What of a round takes waiting.
enum HandedOver {
  Bodies(Bodies),
  Groups(Vec<Group>, WriteDone),
}

impl JournalWriter {
  pub(in crate::engine) fn new(
    store: Arc<OpenStore>,
    policy: CheckpointPolicy,
    bytes_lost: BytesLost,
  ) -> Arc<Self> {
    Arc::new(Self {
      store,
      bytes_lost,
      state: Mutex::new(State {
        journal: Journal::new(policy),
        waiting: HashMap::new(),
        handed_over: None,
        looks_at: None,
        is_closed: false,
      }),
      changed: Notify::new(),
    })
  }

  /// What is due then is begun by the task: the caller may have locks.
  fn update<T>(&self, what: impl FnOnce(&mut Journal, Instant) -> T) -> T {
    let mut state = self.state.lock();
    let now = Instant::now();
    let result = what(&mut state.journal, now);
    let is_earlier = state.is_earlier(state.journal.due_at(now));
    drop(state);
    if is_earlier {
      self.changed.notify_one();
    }
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

  /// Makes a new background fetch durable, with its request bodies, calls
  /// `then` with its key (the one in `row` is ignored), and returns what that
  /// returns. The key is an error when it is not stored, see
  /// [`Write::Insert`](crate::store::Write::Insert). All of it happens even if
  /// this is dropped early.
  ///
  /// `turn` is that of the script that waits for it, if one does; see
  /// [`JournalWriter::end_turn`].
  ///
  /// `then` must not block.
  pub(in crate::engine) async fn insert<T: Send + 'static>(
    self: &Arc<Self>,
    row: StoredBackgroundFetch,
    turn: Option<TurnId>,
    then: impl FnOnce(Result<BackgroundFetchKey, StoreError>) -> T + Send + 'static,
  ) -> Result<T, StoreError> {
    let (done, is_done) = oneshot::channel();
    let on_answer = move |answer: Answer| {
      let no_key = || StoreError::Database("no key was given".into());
      let key = answer.and_then(|key| key.ok_or_else(no_key));
      // Who no longer listens needs no answer, here and below.
      let _ = done.send(then(key));
    };
    let wanted = Wanted::Insert(Box::new(row), turn);
    self.draw(wanted, Box::new(on_answer))?;
    is_done.await.map_err(|_| StoreError::Closed)
  }

  /// A script takes no answer before [`JournalWriter::end_turn`].
  pub(in crate::engine) fn begin_turn(&self, turn: TurnId) {
    self.state.lock().journal.begin_turn(turn);
  }

  /// A script has come to the end of what it was doing: what it has registered
  /// meanwhile waits for no more.
  pub(in crate::engine) fn end_turn(self: &Arc<Self>, turn: TurnId) {
    self.state.lock().journal.end_turn(turn);
    self.begin();
  }

  /// Makes everything durable that was enqueued before, except for what the
  /// database refuses. When this fails nothing is forgotten: it is tried again
  /// with the next checkpoint.
  pub(in crate::engine) async fn flush(
    self: &Arc<Self>,
  ) -> Result<(), StoreError> {
    self.wait(Wanted::Flush).await.map(drop)
  }

  /// Makes everything durable that was enqueued of one background fetch before;
  /// an error also when the database refuses it.
  pub(in crate::engine) async fn flush_key(
    self: &Arc<Self>,
    key: BackgroundFetchKey,
  ) -> Result<(), StoreError> {
    self.commit(key, Vec::new()).await
  }

  /// Makes everything durable that there is, also what was refused before: the
  /// last chance.
  pub(in crate::engine) async fn flush_all(
    self: &Arc<Self>,
  ) -> Result<(), StoreError> {
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
    self: &Arc<Self>,
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
    self: &Arc<Self>,
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

  async fn wait(self: &Arc<Self>, wanted: Wanted) -> Answer {
    let (answer, answered) = oneshot::channel();
    let on_answer = move |is: Answer| {
      let _ = answer.send(is);
    };
    let ticket = self.draw(wanted, Box::new(on_answer))?;
    let mut caller = Caller {
      writer: self,
      ticket: Some(ticket),
    };
    let answer = answered.await;
    caller.ticket = None;
    answer.map_err(|_| StoreError::Closed)?
  }

  /// A caller waits from now on. It begins its round itself, if that is due.
  fn draw(
    self: &Arc<Self>,
    wanted: Wanted,
    on_answer: OnAnswer,
  ) -> Result<Ticket, StoreError> {
    let ticket = {
      let mut state = self.state.lock();
      if state.is_closed {
        return Err(StoreError::Closed);
      }
      let ticket = state.journal.draw(wanted, Instant::now());
      state.waiting.insert(ticket, on_answer);
      ticket
    };
    self.begin();
    Ok(ticket)
  }

  /// Begins a round, if one is due. What of it takes waiting is for the task.
  fn begin(self: &Arc<Self>) {
    let mut state = self.state.lock();
    if state.is_closed {
      return;
    }
    let handed_over = match state.journal.next(Instant::now()) {
      Next::Sync(bodies) if bodies.is_empty() => {
        let groups = state.journal.nothing_to_sync();
        drop(state);
        self.begin_to_write(Flush::begin(0), groups)
      }
      Next::Sync(bodies) => {
        drop(state);
        Some(HandedOver::Bodies(bodies))
      }
      Next::Wait(time) => {
        let is_earlier = state.is_earlier(time);
        drop(state);
        if is_earlier {
          self.changed.notify_one();
        }
        return;
      }
    };
    if let Some(handed_over) = handed_over {
      self.state.lock().handed_over = Some(handed_over);
      self.changed.notify_one();
    }
  }

  /// The store has `groups`, and will call; or they are returned, and have to
  /// be waited for.
  fn begin_to_write(
    self: &Arc<Self>,
    flush: Flush,
    groups: Vec<Group>,
  ) -> Option<HandedOver> {
    let changes = groups.iter().map(|group| group.len()).sum();
    flush.span().in_scope(|| telemetry::flush_writes(changes));
    let writer = self.clone();
    let store = self.store.get();
    // Not the whole store: the last one to leave waits for its thread, which
    // may be the one that calls.
    let bodies = store.as_ref().ok().map(|store| store.bodies.clone());
    let with_bytes: Vec<_> = groups.iter().map(bodies_with_bytes).collect();
    let done = WriteDone::new(move |outcomes| {
      if let (Some(bodies), Ok(outcomes)) = (bodies, &outcomes) {
        let written = with_bytes.iter().zip(outcomes);
        let written = written.filter(|(_, is)| is.refused.is_none());
        written.for_each(|(ids, _)| bodies.are_in_rows(ids));
      }
      writer.written(flush, outcomes);
    });
    match store {
      Err(error) => done.call(Err(error)),
      Ok(_) if groups.is_empty() => done.call(Ok(Vec::new())),
      Ok(store) => {
        let (groups, done) = store.write_and_call(groups, done)?;
        return Some(HandedOver::Groups(groups, done));
      }
    }
    None
  }

  /// This has come of a round.
  fn written(
    self: &Arc<Self>,
    flush: Flush,
    written: Result<Vec<GroupOutcome>, StoreError>,
  ) {
    let is_done = flush.span().in_scope(|| is_done(&written));
    let mut state = self.state.lock();
    let answers = state.journal.written(written, Instant::now());
    drop(state);
    self.answer(answers);
    flush.end(is_done);
    self.begin();
  }

  /// Writes rounds until it is closed, or the store is.
  pub(in crate::engine) async fn run(self: &Arc<Self>) {
    // No caller may wait for a task that was ended.
    let _closed = CloseOnDrop(self);
    loop {
      let (handed_over, time) = {
        let mut state = self.state.lock();
        if state.is_closed {
          return;
        }
        match state.handed_over.take() {
          Some(handed_over) => (Some(handed_over), None),
          None => match state.journal.next(Instant::now()) {
            Next::Sync(bodies) => (Some(HandedOver::Bodies(bodies)), None),
            Next::Wait(time) => {
              state.looks_at = time;
              (None, time)
            }
          },
        }
      };
      let changed = self.changed.notified();
      match (handed_over, time) {
        (Some(HandedOver::Bodies(bodies)), _) => self.round(bodies).await,
        (Some(HandedOver::Groups(groups, done)), _) => {
          done.call(self.write(groups).await);
        }
        (None, Some(time)) => {
          let _ = tokio::time::timeout_at(time, changed).await;
        }
        (None, None) => changed.await,
      }
    }
  }

  async fn round(self: &Arc<Self>, bodies: Bodies) {
    let flush = Flush::begin(bodies.flush.len());
    let synced = self.sync_or_read(bodies);
    let synced = synced.instrument(flush.span().clone()).await;
    let lost = match &synced {
      Err(StoreError::Unsynced { source, .. }) => Some(source.clone()),
      _ => None,
    };
    let synced = {
      let mut state = self.state.lock();
      state.journal.synced(synced, Instant::now())
    };
    match synced {
      Synced::Write(groups) => {
        let waiting = self.begin_to_write(flush, groups);
        if let Some(HandedOver::Groups(groups, done)) = waiting {
          done.call(self.write(groups).await);
        }
      }
      Synced::Failed(answers) => {
        self.answer(answers);
        flush.end(false);
      }
      Synced::Lost { records, answers } => {
        if let Some(error) = lost {
          for (key, record) in records {
            (self.bytes_lost)(key, record, &error);
          }
        }
        self.answer(answers);
        flush.end(false);
      }
    }
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
    let answers: Vec<_> = {
      let mut state = self.state.lock();
      let mut waiting = |ticket| state.waiting.remove(&ticket);
      let answers = answers.into_iter();
      answers
        .filter_map(|(ticket, is)| Some((waiting(ticket)?, is)))
        .collect()
    };
    for (on_answer, is) in answers {
      on_answer(is);
    }
  }

  /// Nothing is written any more; every caller that waits, or comes, gets an
  /// error.
  pub(in crate::engine) fn close(&self) {
    let (waiting, handed_over) = {
      let mut state = self.state.lock();
      state.is_closed = true;
      state.journal.close();
      let waiting = std::mem::take(&mut state.waiting);
      (waiting, state.handed_over.take())
    };
    // What a caller wanted to do with its answer may need locks to be dropped.
    drop((waiting, handed_over));
    self.changed.notify_one();
  }
}

impl State {
  /// Whether the task would look too late for what is due then.
  fn is_earlier(&self, due: Option<Instant>) -> bool {
    due.is_some_and(|due| self.looks_at.is_none_or(|at| due < at))
  }
}

/// Whether everything is durable. What is not is logged.
fn is_done(written: &Result<Vec<GroupOutcome>, StoreError>) -> bool {
  match written {
    Ok(outcomes) => {
      let refused = outcomes.iter().filter_map(|o| o.refused.as_ref());
      let refused: Vec<_> = refused.map(|(_, error)| error).collect();
      for error in &refused {
        tracing::warn!(%error, "something cannot be written");
      }
      refused.is_empty()
    }
    Err(error) => {
      if !matches!(error, StoreError::Closed) {
        tracing::error!(%error, "progress cannot be made durable; trying again");
      }
      false
    }
  }
}

/// The bodies whose bytes are written with the rows.
fn bodies_with_bytes(group: &Group) -> Vec<BodyId> {
  let changes = group.iter().flat_map(|write| match write {
    Write::Changes(changes) => changes.as_slice(),
    Write::Insert(_) => &[],
  });
  let bodies = changes.filter_map(|change| match change {
    Change::Stored { body, bytes, .. } => bytes.as_ref().map(|_| *body),
    _ => None,
  });
  bodies.collect()
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
