//! A transaction of a script.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Database;
use super::Scope;
use super::blocking;
use crate::dom_exception::DomException;
use crate::engine::quota::Reservation;
use crate::store::StoreError;
use crate::store::indexed_db::Found;
use crate::store::indexed_db::IndexedDatabase;
use crate::store::indexed_db::NewRecord;
use crate::store::indexed_db::Query;
use crate::store::indexed_db::Range;
use crate::store::indexed_db::SchemaChange;
use crate::store::indexed_db::Source;

/// What a record takes beside its key and its value, about.
const OVERHEAD: usize = 32;

/// A [transaction](https://w3c.github.io/IndexedDB/#transaction-construct).
/// Dropping it aborts it, unless it was committed.
///
/// Its methods block for as long as SQLite needs for one request.
pub(crate) struct DatabaseTransaction {
  database: Arc<Database>,
  /// Says that its turn has come.
  turn: Mutex<Option<oneshot::Receiver<()>>>,
  running: Mutex<Option<Running>>,
}

/// Until it is over. Dropping it undoes everything.
pub(super) struct Running {
  database: Arc<Database>,
  id: u64,
  /// It writes, and it is its turn.
  has_begun: bool,
  writes: bool,
  /// It was committed, or has failed to be.
  is_over: bool,
  /// What an upgrade makes of the version.
  version: Option<u64>,
  /// What it has written, until it is counted with the database.
  taken: Reservation,
  written: u64,
}

impl DatabaseTransaction {
  pub(super) fn new(
    database: &Arc<Database>,
    scope: Scope,
    version: Option<u64>,
  ) -> Self {
    let writes = scope.writes;
    let (id, turn) = database.state.lock().schedule.add(scope);
    let running = Running {
      database: database.clone(),
      id,
      has_begun: false,
      writes,
      is_over: false,
      version,
      taken: Reservation::empty(database.quota.clone()),
      written: 0,
    };
    Self {
      database: database.clone(),
      turn: Mutex::new(Some(turn)),
      running: Mutex::new(Some(running)),
    }
  }

  /// Waits for its turn, and begins. To be called once.
  ///
  /// # Errors
  ///
  /// The store has failed, or the transaction is over.
  pub(crate) async fn begin(&self) -> Result<(), DomException> {
    let turn = self.turn.lock().take();
    let Some(turn) = turn else { return Err(over()) };
    turn.await.map_err(|_| over())?;
    let mut running = self.running.lock();
    let running = running.as_mut().ok_or_else(over)?;
    if running.writes {
      self.database.with_file(|file| {
        file.begin()?;
        running.has_begun = true;
        match running.version {
          Some(version) => file.set_version(version),
          None => Ok(()),
        }
      })?;
    }
    Ok(())
  }

  /// Durable when it returns. It goes on when its caller no longer waits.
  ///
  /// Those that wait for it go on waiting until it is dropped, so that its
  /// script hears first that it is over.
  ///
  /// # Errors
  ///
  /// There is no room, or the store has failed; then nothing has changed.
  pub(crate) async fn commit(&self) -> Result<(), DomException> {
    let mut running = self.running.lock().take().ok_or_else(over)?;
    let written = running.written;
    let committed = match running.has_begun {
      true => {
        let commit = move || {
          let committed = running.commit();
          Ok((running, committed))
        };
        let (finished, committed) = blocking(commit).await?;
        running = finished;
        committed
      }
      false => Ok(()),
    };
    running.is_over = true;
    *self.running.lock() = Some(running);
    committed.map_err(|error| self.database.failed(error, written))
  }

  /// Undoes everything, unless it was committed, and lets those go on that
  /// wait for it.
  pub(crate) fn close(&self) {
    drop(self.running.lock().take());
  }

  /// Changes the object stores and indexes, in an upgrade.
  ///
  /// # Errors
  ///
  /// As for all that follow: the store has failed, or it is over.
  pub(crate) fn change_schema(
    &self,
    change: &SchemaChange,
  ) -> Result<(), DomException> {
    self.write(0, |file| file.change_schema(change))
  }

  /// The next number of the key generator of an object store.
  pub(crate) fn next_key(&self, store: u32) -> Result<i64, DomException> {
    self.read(|file| file.next_key(store))
  }

  /// Puts a record. False when a constraint is not met.
  pub(crate) fn put(&self, new: &NewRecord<'_>) -> Result<bool, DomException> {
    let keys = new.index_keys.iter();
    let index_keys = keys.map(|(_, key)| 2 * (key.len() + new.key.len()));
    let size = new.key.len() + new.value.len() + index_keys.sum::<usize>();
    self.write(size + OVERHEAD, |file| file.put(new))
  }

  /// Adds what a new index finds of one record. False when a constraint is not
  /// met.
  pub(crate) fn add_to_index(
    &self,
    index: u32,
    primary_key: &[u8],
    keys: &[Vec<u8>],
  ) -> Result<bool, DomException> {
    let size = keys.iter().map(|key| 2 * (key.len() + primary_key.len()));
    self.write(size.sum(), |file| {
      file.add_to_index(index, primary_key, keys)
    })
  }

  /// Deletes the records in `range`.
  pub(crate) fn delete(
    &self,
    store: u32,
    range: &Range,
  ) -> Result<(), DomException> {
    self.write(0, |file| file.delete(store, range))
  }

  /// How many records are in `range`.
  pub(crate) fn count(
    &self,
    source: Source,
    range: &Range,
  ) -> Result<u64, DomException> {
    self.read(|file| file.count(source, range))
  }

  /// The first records that `query` is for.
  pub(crate) fn find(&self, query: &Query) -> Result<Vec<Found>, DomException> {
    self.read(|file| file.find(query))
  }

  fn read<T>(
    &self,
    work: impl FnOnce(&IndexedDatabase) -> Result<T, StoreError>,
  ) -> Result<T, DomException> {
    let running = self.running.lock();
    running.as_ref().filter(|r| !r.is_over).ok_or_else(over)?;
    Ok(self.database.with_file(work)?)
  }

  fn write<T>(
    &self,
    bytes: usize,
    work: impl FnOnce(&IndexedDatabase) -> Result<T, StoreError>,
  ) -> Result<T, DomException> {
    let mut running = self.running.lock();
    let running = running.as_mut().filter(|r| !r.is_over).ok_or_else(over)?;
    let written = running.written + bytes as u64;
    running.taken.grow_to(written)?;
    running.written = written;
    let done = self.database.with_file(work);
    done.map_err(|error| self.database.failed(error, bytes as u64))
  }
}

impl Running {
  fn commit(&mut self) -> Result<(), StoreError> {
    let database = self.database.clone();
    let size = database.with_file(|file| {
      file.commit()?;
      Ok(file.size().ok())
    });
    // Whether or not, SQLite's is over.
    self.has_begun = false;
    let size = size?;
    let mut state = database.state.lock();
    if let Some(size) = size {
      state.kept.set(size);
    }
    if let Some(version) = self.version {
      state.version = version;
    }
    Ok(())
  }
}

impl Drop for Running {
  fn drop(&mut self) {
    if self.has_begun {
      // Without a file there is nothing left to undo.
      let _ = self.database.with_file(|file| {
        file.roll_back();
        Ok(())
      });
    }
    self.database.state.lock().schedule.remove(self.id);
  }
}

fn over() -> DomException {
  DomException::InvalidState("the transaction is over".to_string())
}
