//! A connection of a script to a database.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Connected;
use super::Database;
use super::DatabaseTransaction;
use super::Scope;
use crate::dom_exception::DomException;
use crate::store::indexed_db::ObjectStore;

/// What a `versionchange` event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionChange {
  /// The version that the database has.
  pub(crate) old: u64,
  /// The one that it is going to have; `None` when it is deleted.
  pub(crate) new: Option<u64>,
}

/// A [connection](https://w3c.github.io/IndexedDB/#connection) to a database.
/// Dropping it closes it.
pub(crate) struct DatabaseConnection {
  database: Arc<Database>,
  id: u64,
  wake: Arc<Notify>,
}

impl DatabaseConnection {
  /// `realm` names the realm of its script.
  pub(super) fn new(database: Arc<Database>, realm: u64) -> Self {
    let wake = Arc::new(Notify::new());
    let mut state = database.state.lock();
    state.last += 1;
    let id = state.last;
    state.connections.push(Connected {
      id,
      realm,
      is_closing: false,
      version_change: None,
      is_handling: false,
      wake: wake.clone(),
    });
    drop(state);
    Self { database, id, wake }
  }

  pub(super) fn id(&self) -> u64 {
    self.id
  }

  /// The object stores that the database has. Blocks.
  ///
  /// # Errors
  ///
  /// The store has failed.
  pub(crate) fn schema(&self) -> Result<Vec<ObjectStore>, DomException> {
    Ok(self.database.with_file(|file| file.schema())?)
  }

  /// A transaction over `stores`; it takes its turn from now on.
  pub(crate) fn transaction(
    &self,
    stores: Vec<u32>,
    writes: bool,
  ) -> DatabaseTransaction {
    let scope = Scope { stores, writes };
    DatabaseTransaction::new(&self.database, scope, None)
  }

  /// The script has called `close()`: nothing is announced to it any more. It
  /// is closed when its transactions are over.
  pub(crate) fn close_soon(&self) {
    self.change(|connected| {
      connected.is_closing = true;
      connected.version_change = None;
    });
  }

  /// Waits until somebody else wants to change the version or to delete the
  /// database. Until [`DatabaseConnection::handled`] that waits for this
  /// script. Safe to cancel.
  pub(crate) async fn version_change(&self) -> VersionChange {
    loop {
      let mut change = None;
      self.change(|connected| {
        change = connected.version_change.take();
        connected.is_handling = change.is_some();
      });
      if let Some(change) = change {
        return change;
      }
      self.wake.notified().await;
    }
  }

  /// The script has handled its `versionchange` event.
  pub(crate) fn handled(&self) {
    self.change(|connected| connected.is_handling = false);
  }

  /// Closes it, though somebody may still wait for something of it.
  pub(crate) fn close(&self) {
    self.database.disconnect(self.id);
  }

  fn change(&self, change: impl FnOnce(&mut Connected)) {
    let mut state = self.database.state.lock();
    let mut connections = state.connections.iter_mut();
    if let Some(connected) = connections.find(|c| c.id == self.id) {
      change(connected);
    }
    drop(state);
    self.database.changed.notify_waiters();
  }
}

impl Drop for DatabaseConnection {
  fn drop(&mut self) {
    self.close();
  }
}
