//! The thread that owns the connection, and group commit: everything that
//! waits goes into one transaction, for one flush of the disk.

use std::sync::Arc;
use std::sync::mpsc;

use rusqlite::TransactionBehavior;
use tokio::sync::oneshot;
use url::Url;

use super::apply;
use super::apply::Refusal;
use super::connection::Database;
use super::load;
use super::owner;
use super::registration;
use super::reserve::Reserve;
use crate::ids::BackgroundFetchKey;
use crate::store::Change;
use crate::store::DamagedRow;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;
use crate::store::StoredRegistration;
use crate::store::directory_lock::DirectoryLock;

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
    changes: Vec<Change>,
    answer: Answer<()>,
  },
  Registrations {
    answer: Answer<Vec<StoredRegistration>>,
  },
  PutRegistration {
    row: Box<StoredRegistration>,
    answer: Answer<()>,
  },
  RemoveRegistration {
    scope: Url,
    answer: Answer<()>,
  },
}

impl Request {
  fn changes_nothing(&self) -> bool {
    matches!(self, Self::Load { .. } | Self::Registrations { .. })
  }
}

/// What a change came to inside its transaction: only an insertion has a key.
type Outcome = Result<Option<BackgroundFetchKey>, StoreError>;

pub(super) struct Writer {
  database: Database,
  reserve: Reserve,
  directory: Arc<DirectoryLock>,
}

impl Writer {
  pub(super) fn new(
    database: Database,
    reserve: Reserve,
    directory: Arc<DirectoryLock>,
  ) -> Self {
    Self {
      database,
      reserve,
      directory,
    }
  }

  /// Serves `queue` until nobody can ask any more.
  pub(super) fn run(mut self, queue: &mpsc::Receiver<Request>) {
    while let Ok(first) = queue.recv() {
      let waiting = std::iter::once(first).chain(queue.try_iter());
      let (loads, changes) = waiting
        .take(GROUP)
        .partition::<Vec<_>, _>(Request::changes_nothing);
      self.change(changes);
      for request in loads {
        // Who no longer listens needs no answer, here and below.
        match request {
          Request::Load { answer } => {
            let _ = answer.send(load::all(&self.database));
          }
          Request::Registrations { answer } => {
            let _ = answer.send(registration::all(&self.database));
          }
          _ => {}
        }
      }
    }
    let left = owner::let_go(&self.database.connection);
    if let Err(error) = left.map_err(|error| self.database.error(error)) {
      tracing::warn!(%error, "the end of the store's owner was not noted");
    }
  }

  fn change(&mut self, requests: Vec<Request>) {
    let outcomes = self.outcomes(&requests);
    for (request, outcome) in requests.into_iter().zip(outcomes) {
      match request {
        Request::Insert { answer, .. } => {
          let missing = || StoreError::Database("no key was given".into());
          let _ = answer.send(outcome.and_then(|k| k.ok_or_else(missing)));
        }
        Request::Commit { answer, .. }
        | Request::PutRegistration { answer, .. }
        | Request::RemoveRegistration { answer, .. } => {
          let _ = answer.send(outcome.map(|_| ()));
        }
        Request::Load { .. } | Request::Registrations { .. } => {}
      }
    }
  }

  /// Runs `requests` in one transaction if that is possible. Its failure (no
  /// space for it, say) need not be everyone's: then each half is tried, down
  /// to the ones that fail on their own.
  fn outcomes(&mut self, requests: &[Request]) -> Vec<Outcome> {
    match self.together(requests) {
      Ok(outcomes) => outcomes,
      Err(_) if requests.len() > 1 => {
        let (first, second) = requests.split_at(requests.len() / 2);
        let mut outcomes = self.outcomes(first);
        outcomes.extend(self.outcomes(second));
        outcomes
      }
      Err(error) if error.is_full() => {
        self.reserve.spend();
        self.empty_the_log();
        let outcomes = self.together(requests);
        self.reserve.fill();
        outcomes.unwrap_or_else(|error| vec![Err(error)])
      }
      Err(error) => vec![Err(error)],
    }
  }

  /// Moves what is in the write-ahead log to its place. On a full disk the log
  /// may hold the last of the space with pages that were replaced since.
  fn empty_the_log(&self) {
    let emptied = self.database.connection.query_row(
      "PRAGMA wal_checkpoint(TRUNCATE)",
      [],
      |_| Ok(()),
    );
    if let Err(error) = emptied {
      tracing::warn!(%error, "the log of the store could not be emptied");
    }
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
    self.directory.is_there()?;
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
        // Without space the next ones fail too, though they may be small; and
        // SQLite may have undone the whole transaction on its own.
        Err(error) if error.is_full() || savepoint.is_autocommit() => {
          return Err(error);
        }
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
    Request::Commit { changes, .. } => {
      for change in changes {
        apply::apply(connection, change)?;
      }
      Ok(None)
    }
    Request::PutRegistration { row, .. } => {
      registration::put(connection, row)?;
      Ok(None)
    }
    Request::RemoveRegistration { scope, .. } => {
      registration::remove(connection, scope)?;
      Ok(None)
    }
    Request::Load { .. } | Request::Registrations { .. } => Ok(None),
  }
}
