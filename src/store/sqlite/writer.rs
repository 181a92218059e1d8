//! The thread that owns the connection, and group commit: everything that
//! waits goes into one transaction, for one flush of the disk.

use std::sync::mpsc;

use rusqlite::TransactionBehavior;
use tokio::sync::oneshot;

use super::apply;
use super::apply::Refusal;
use super::connection::Database;
use super::load;
use crate::store::BackgroundFetchKey;
use crate::store::DamagedRow;
use crate::store::Fact;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;

/// The most changes in one transaction, so that the first of many does not
/// wait for all of them.
const GROUP: usize = 1024;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked for.
pub(super) enum Request {
  Load {
    answer: Answer<Vec<Result<StoredBackgroundFetch, DamagedRow>>>,
  },
  Insert {
    row: Box<StoredBackgroundFetch>,
    answer: Answer<BackgroundFetchKey>,
  },
  Commit {
    facts: Vec<Fact>,
    answer: Answer<()>,
  },
}

/// What a change came to inside its transaction: only an insertion has a key.
type Outcome = Result<Option<BackgroundFetchKey>, StoreError>;

pub(super) struct Writer {
  database: Database,
}

impl Writer {
  pub(super) fn new(database: Database) -> Self {
    Self { database }
  }

  /// Serves `queue` until nobody can ask any more.
  pub(super) fn run(mut self, queue: &mpsc::Receiver<Request>) {
    while let Ok(first) = queue.recv() {
      let waiting = std::iter::once(first).chain(queue.try_iter());
      let (loads, changes) = waiting
        .take(GROUP)
        .partition::<Vec<_>, _>(|r| matches!(r, Request::Load { .. }));
      self.change(changes);
      for request in loads {
        if let Request::Load { answer } = request {
          // Who no longer listens needs no answer, here and below.
          let _ = answer.send(load::all(&self.database));
        }
      }
    }
  }

  fn change(&mut self, requests: Vec<Request>) {
    let outcomes = match self.together(&requests) {
      Ok(outcomes) => outcomes,
      // A failure of the transaction itself (no space for it, say) need not
      // be everyone's: each gets its own.
      Err(_) if requests.len() > 1 => {
        requests.iter().map(|request| self.alone(request)).collect()
      }
      Err(error) => vec![Err(error)],
    };
    for (request, outcome) in requests.into_iter().zip(outcomes) {
      match request {
        Request::Insert { answer, .. } => {
          let missing = || StoreError::Database("no key was given".into());
          let _ = answer.send(outcome.and_then(|k| k.ok_or_else(missing)));
        }
        Request::Commit { answer, .. } => {
          let _ = answer.send(outcome.map(|_| ()));
        }
        Request::Load { .. } => {}
      }
    }
  }

  fn alone(&mut self, request: &Request) -> Outcome {
    let outcomes = self.together(std::slice::from_ref(request))?;
    outcomes.into_iter().next().unwrap_or(Ok(None))
  }

  /// Runs all of `requests` in one transaction, each in a savepoint: one that
  /// fails is undone and does not hinder the others.
  ///
  /// An error means that nothing has happened at all.
  fn together(
    &mut self,
    requests: &[Request],
  ) -> Result<Vec<Outcome>, StoreError> {
    if requests.is_empty() {
      return Ok(Vec::new());
    }
    let file = &self.database.file;
    let failed = |error| super::error::database_error(file, error);
    let mut transaction = self
      .database
      .connection
      .transaction_with_behavior(TransactionBehavior::Immediate)
      .map_err(failed)?;
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
      let mut savepoint = transaction.savepoint().map_err(failed)?;
      let outcome = perform(&savepoint, request).map_err(|refusal| {
        match (refusal, request) {
          (Refusal::Duplicate, Request::Insert { row, .. }) => {
            StoreError::DuplicateId {
              scope: row.scope.clone(),
              id: row.background_fetch.id.clone(),
            }
          }
          (Refusal::Duplicate, _) => {
            StoreError::Database("a unique value exists already".into())
          }
          (Refusal::Sqlite(error), _) => failed(error),
        }
      });
      match outcome {
        Ok(key) => {
          savepoint.commit().map_err(failed)?;
          outcomes.push(Ok(key));
        }
        // SQLite has undone the whole transaction on its own.
        Err(error) if savepoint.is_autocommit() => return Err(error),
        Err(error) => {
          savepoint.rollback().map_err(failed)?;
          savepoint.commit().map_err(failed)?;
          outcomes.push(Err(error));
        }
      }
    }
    transaction.commit().map_err(failed)?;
    Ok(outcomes)
  }
}

fn perform(
  connection: &rusqlite::Connection,
  request: &Request,
) -> Result<Option<BackgroundFetchKey>, Refusal> {
  match request {
    Request::Insert { row, .. } => apply::insert(connection, row).map(Some),
    Request::Commit { facts, .. } => {
      for fact in facts {
        apply::apply(connection, fact)?;
      }
      Ok(None)
    }
    Request::Load { .. } => Ok(None),
  }
}
