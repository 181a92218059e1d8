//! The thread that owns the connection, and group commit: everything that
//! waits goes into one transaction, for one flush of the disk.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use rusqlite::Connection;
use rusqlite::TransactionBehavior;
use tokio::sync::oneshot;
use url::Url;

use super::apply;
use super::apply::Refusal;
use super::connection;
use super::connection::Database;
use super::error::database_error;
use super::error::is_damage;
use super::load;
use super::owner;
use super::registration;
use super::reserve::Reserve;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::store::Change;
use crate::store::DamagedRow;
use crate::store::Group;
use crate::store::GroupOutcome;
use crate::store::Owner;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;
use crate::store::StoredRegistration;
use crate::store::Write;
use crate::store::WriteDone;
use crate::store::directory_lock::DirectoryLock;

/// The most requests in one transaction, so that the first of many does not
/// wait for all of them.
const GROUP: usize = 1024;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked for.
pub(super) enum Request {
  TakeOver {
    answer: Answer<Owner>,
  },
  Claim {
    owner: Owner,
    limit: usize,
    answer: Answer<Vec<Result<StoredBackgroundFetch, DamagedRow>>>,
  },
  Load {
    answer: Answer<Vec<Result<StoredBackgroundFetch, DamagedRow>>>,
  },
  Registrations {
    answer: Answer<Vec<StoredRegistration>>,
  },
  Body {
    id: BodyId,
    answer: Answer<Option<Bytes>>,
  },
  Write {
    owner: Owner,
    groups: Vec<Group>,
    done: WriteDone,
  },
  PutRegistration {
    owner: Owner,
    row: Box<StoredRegistration>,
    answer: Answer<()>,
  },
  RemoveRegistration {
    owner: Owner,
    scope: Url,
    answer: Answer<()>,
  },
}

impl Request {
  fn changes_nothing(&self) -> bool {
    !matches!(
      self,
      Self::Write { .. }
        | Self::PutRegistration { .. }
        | Self::RemoveRegistration { .. }
    )
  }
}

/// What is written as one in a transaction: a group knows nothing of others.
#[derive(Clone, Copy)]
enum Unit<'a> {
  Group(&'a Group),
  Put(&'a StoredRegistration),
  Remove(&'a Url),
}

pub(super) struct Writer {
  database: Database,
  reserve: Reserve,
  directory: Arc<DirectoryLock>,
  /// As whom this process has taken the database over.
  own: Option<Owner>,
  /// The keys behind the last one that is claimed, up to the last one that
  /// was there before the owner.
  unclaimed: (i64, i64),
  /// A page or an index is damaged.
  found_damage: Cell<bool>,
  is_repaired: bool,
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
      own: None,
      unclaimed: (0, 0),
      found_damage: Cell::new(false),
      is_repaired: false,
    }
  }

  /// Serves `queue` until no request can come any more. When the database has
  /// an owner, and nothing has to be done, calls `at_leisure` once.
  pub(super) fn run(
    mut self,
    queue: &mpsc::Receiver<Request>,
    at_leisure: impl FnOnce(),
  ) {
    let mut at_leisure = Some(at_leisure);
    loop {
      let first = match queue.try_recv() {
        Err(mpsc::TryRecvError::Empty) => {
          if self.own.is_some()
            && let Some(at_leisure) = at_leisure.take()
          {
            at_leisure();
          }
          queue.recv().map_err(drop)
        }
        first => first.map_err(drop),
      };
      let Ok(first) = first else { break };
      let waiting = std::iter::once(first).chain(queue.try_iter());
      let (others, changes) = waiting
        .take(GROUP)
        .partition::<Vec<_>, _>(Request::changes_nothing);
      self.change(changes);
      for request in others {
        self.serve(request);
      }
    }
    let Some(own) = self.own else { return };
    let left = owner::let_go(&self.database.connection, own);
    if let Err(error) = left.map_err(|error| self.database.error(error)) {
      tracing::warn!(%error, "the end of the store's owner was not noted");
    }
  }

  /// Who no longer listens needs no answer, here and below.
  fn serve(&mut self, request: Request) {
    let database = &self.database;
    match request {
      Request::TakeOver { answer } => {
        let _ = answer.send(self.take_over());
      }
      Request::Claim {
        owner,
        limit,
        answer,
      } => {
        let mut claimed = self.claim(owner, limit);
        if matches!(claimed, Err(StoreError::Database(_))) && self.repair() {
          claimed = self.claim(owner, limit);
        }
        let _ = answer.send(claimed);
      }
      Request::Load { answer } => {
        let _ = answer.send(load::all(database));
      }
      Request::Body { id, answer } => {
        let _ = answer.send(load::bytes_of(database, id));
      }
      Request::Registrations { answer } => {
        let _ = answer.send(registration::all(database));
      }
      Request::Write { .. }
      | Request::PutRegistration { .. }
      | Request::RemoveRegistration { .. } => {}
    }
  }

  fn take_over(&mut self) -> Result<Owner, StoreError> {
    let taken = owner::take_over(&mut self.database.connection, self.own);
    let connection = &self.database.connection;
    let owner = taken.or_else(|error| {
      // A disk without space must not keep an owner out: the directory is this
      // process's alone, and what the last owner was called is as good.
      let error = self.database.error(error);
      tracing::warn!(%error, "the store's owner could not be noted");
      owner::current(connection)
    });
    let owner = owner.map_err(|error| self.database.error(error))?;
    let last = load::last_key(connection);
    self.unclaimed = (0, last.map_err(|error| self.database.error(error))?);
    self.own = Some(owner);
    Ok(owner)
  }

  fn claim(
    &mut self,
    owner: Owner,
    limit: usize,
  ) -> Result<Vec<Result<StoredBackgroundFetch, DamagedRow>>, StoreError> {
    let current = owner::current(&self.database.connection);
    let current = current.map_err(|error| self.database.error(error))?;
    owner::check(current, owner)?;
    let (after, last) = self.unclaimed;
    let claimed = load::some(&self.database, after, last, limit)?;
    if let Some(row) = claimed.last() {
      let key = match row {
        Ok(row) => row.key,
        Err(damaged) => damaged.key,
      };
      self.unclaimed.0 = key.0;
    }
    Ok(claimed)
  }

  /// Rebuilds the database, once: what the disk has spoilt since an orderly end
  /// shows only when it is used. Says whether it was done.
  fn repair(&mut self) -> bool {
    if self.is_repaired {
      return false;
    }
    self.is_repaired = true;
    connection::repair(&self.database);
    true
  }

  fn change(&mut self, requests: Vec<Request>) {
    let mut units = Vec::new();
    for request in &requests {
      match request {
        Request::Write { owner, groups, .. } => {
          units.extend(groups.iter().map(|g| (*owner, Unit::Group(g))));
        }
        Request::PutRegistration { owner, row, .. } => {
          units.push((*owner, Unit::Put(row)));
        }
        Request::RemoveRegistration { owner, scope, .. } => {
          units.push((*owner, Unit::Remove(scope)));
        }
        _ => {}
      }
    }
    let mut outcomes = self.outcomes(&units).into_iter();
    drop(units);
    for request in requests {
      match request {
        Request::Write { groups, done, .. } => {
          let own = outcomes.by_ref().take(groups.len());
          done.call(Ok(own.collect()));
        }
        Request::PutRegistration { answer, .. }
        | Request::RemoveRegistration { answer, .. } => {
          let outcome = outcomes.next().unwrap_or_default();
          let _ = answer.send(match outcome.refused {
            Some((_, error)) => Err(error),
            None => Ok(()),
          });
        }
        _ => {}
      }
    }
  }

  /// Runs `units` in one transaction if that is possible. Its failure (no
  /// space for it, say) need not be everyone's: then each half is tried, down
  /// to the ones that fail on their own.
  fn outcomes(&mut self, units: &[(Owner, Unit<'_>)]) -> Vec<GroupOutcome> {
    match self.together(units) {
      Ok(outcomes) => outcomes,
      Err(_) if self.found_damage.take() && self.repair() => {
        self.outcomes(units)
      }
      Err(_) if units.len() > 1 => {
        let (first, second) = units.split_at(units.len() / 2);
        let mut outcomes = self.outcomes(first);
        outcomes.extend(self.outcomes(second));
        outcomes
      }
      // The space that is set aside is not for bytes.
      Err(error)
        if error.is_full() && !units.iter().any(|(_, u)| u.has_bytes()) =>
      {
        self.reserve.spend();
        self.empty_the_log();
        let outcomes = self.together(units);
        self.reserve.fill();
        outcomes.unwrap_or_else(|error| vec![refused(0, error)])
      }
      Err(error) => vec![refused(0, error)],
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

  /// Runs all of `units` in one transaction: one that fails is undone and does
  /// not hinder other units.
  ///
  /// An error means that nothing has happened at all.
  fn together(
    &mut self,
    units: &[(Owner, Unit<'_>)],
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    if units.is_empty() {
      return Ok(Vec::new());
    }
    self.directory.is_there()?;
    // A savepoint has SQLite copy the pages that are changed in it, and is of no
    // use when nothing fails.
    match self.in_transaction(units, false) {
      Err(_) if !self.found_damage.get() => self.in_transaction(units, true),
      outcomes => outcomes,
    }
  }

  /// The same with each part of each unit in a savepoint, or with an error when
  /// any of them fails.
  fn in_transaction(
    &mut self,
    units: &[(Owner, Unit<'_>)],
    has_savepoints: bool,
  ) -> Result<Vec<GroupOutcome>, StoreError> {
    let file = &self.database.file;
    let found_damage = &self.found_damage;
    let failed = |error| {
      found_damage.set(found_damage.get() | is_damage(&error));
      database_error(file, error)
    };
    let mut transaction = self
      .database
      .connection
      .transaction_with_behavior(TransactionBehavior::Immediate)
      .map_err(failed)?;
    let current = owner::current(&transaction).map_err(failed)?;
    let mut outcomes = Vec::with_capacity(units.len());
    for (owner, unit) in units {
      let mut outcome = GroupOutcome::default();
      if let Err(error) = owner::check(current, *owner) {
        outcomes.push(refused(0, error));
        continue;
      }
      for part in 0..unit.parts() {
        if !has_savepoints {
          let key = unit.perform(&transaction, part, &failed)?;
          outcome.key = key.or(outcome.key);
          continue;
        }
        let mut savepoint = transaction.savepoint().map_err(failed)?;
        match unit.perform(&savepoint, part, &failed) {
          Ok(key) => {
            savepoint.commit().map_err(failed)?;
            outcome.key = key.or(outcome.key);
          }
          // Without space the next ones fail too, though they may be small;
          // and SQLite may have undone the whole transaction on its own.
          Err(error) if error.is_full() || savepoint.is_autocommit() => {
            return Err(error);
          }
          Err(error) if found_damage.get() && !self.is_repaired => {
            return Err(error);
          }
          Err(error) => {
            savepoint.rollback().map_err(failed)?;
            savepoint.commit().map_err(failed)?;
            outcome.refused = Some((part, error));
            break;
          }
        }
      }
      outcomes.push(outcome);
    }
    transaction.commit().map_err(failed)?;
    Ok(outcomes)
  }
}

fn refused(part: usize, error: StoreError) -> GroupOutcome {
  GroupOutcome {
    key: None,
    refused: Some((part, error)),
  }
}

impl Unit<'_> {
  fn parts(&self) -> usize {
    match self {
      Self::Group(group) => group.len(),
      Self::Put(_) | Self::Remove(_) => 1,
    }
  }

  /// Whether bytes of bodies are written with it.
  fn has_bytes(&self) -> bool {
    let Self::Group(group) = self else {
      return false;
    };
    let has_bytes =
      |change: &Change| matches!(change, Change::Stored { bytes: Some(_), .. });
    group.iter().any(|write| match write {
      Write::Changes(changes) => changes.iter().any(has_bytes),
      Write::Insert(_) => false,
    })
  }

  /// Returns the key of what was inserted.
  fn perform(
    &self,
    connection: &Connection,
    part: usize,
    failed: &dyn Fn(rusqlite::Error) -> StoreError,
  ) -> Result<Option<BackgroundFetchKey>, StoreError> {
    let done = match self {
      Self::Group(group) => match &group[part] {
        Write::Insert(row) => {
          return match apply::insert(connection, row) {
            Ok(key) => Ok(Some(key)),
            Err(Refusal::Duplicate) => Err(StoreError::DuplicateId {
              scope: row.scope.clone(),
              id: row.background_fetch.id.clone(),
            }),
            Err(Refusal::Sqlite(error)) => Err(failed(error)),
          };
        }
        Write::Changes(changes) => {
          let mut changes = changes.iter();
          changes.try_for_each(|change| apply::apply(connection, change))
        }
      },
      Self::Put(row) => registration::put(connection, row),
      Self::Remove(scope) => registration::remove(connection, scope),
    };
    done.map(|()| None).map_err(failed)
  }
}
