//! Making bodies durable, on disks that may fail at it.
//!
//! A flush that fails may have dropped the bytes from memory, and the next one
//! then reports success all the same. So a body whose flush has failed once is
//! not durable behind what was flushed before, whatever is said later: it fails
//! again until it is cut back to that.

use std::collections::BTreeSet;
use std::io;

use super::Inner;
use crate::ids::BodyId;
use crate::store::StoreError;
use crate::store::lock::lock;

impl Inner {
  pub(super) fn sync(&self, ids: &[BodyId]) -> Result<(), StoreError> {
    let closed = {
      let appenders = lock(&self.appenders);
      let is_closed = |id: &&BodyId| !appenders.contains_key(*id);
      ids.iter().filter(is_closed).copied().collect()
    };
    let round = self.durable.begin(closed);
    let mut failed = Failed::default();
    for id in ids {
      if let Err(error) = self.give_file(*id) {
        failed.add(&[*id], error);
      }
    }
    if !self.sync_everything(ids) {
      self.sync_files(ids, &mut failed);
      self.sync_names(ids, &mut failed);
    }
    // A body that is gone was deleted, unless the whole store is gone.
    self.file_system.is_there()?;
    let mut unsynced = lock(&self.unsynced);
    for id in &failed.bodies {
      unsynced.insert(*id);
      if let Err(error) = self.boot_marker.set_uncertain(*id) {
        tracing::error!(%error, "the boot of the store could not be removed");
      }
    }
    let known = ids.iter().filter(|id| unsynced.contains(id));
    let bodies: Vec<BodyId> = known.copied().collect();
    if bodies.is_empty() {
      self.durable.end(round);
      return Ok(());
    }
    let error = failed.error.unwrap_or_else(|| {
      io::Error::other("an earlier attempt to make them durable has failed")
        .into()
    });
    Err(StoreError::Unsynced {
      bodies,
      source: Box::new(error),
    })
  }

  /// Files and names at once, where that is cheaper. When it fails, the
  /// flushes of each say which.
  fn sync_everything(&self, ids: &[BodyId]) -> bool {
    let is_cheaper = lock(&self.unflushed).flush(ids);
    let flushed =
      is_cheaper && matches!(self.file_system.sync_file_system(), Ok(true));
    if flushed {
      lock(&self.unflushed).clear();
    }
    flushed
  }

  fn sync_files(&self, ids: &[BodyId], failed: &mut Failed) {
    for id in ids {
      match self.file_system.sync_file(&self.paths.file(*id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
          failed.add(&[*id], error);
        }
        _ => {}
      }
    }
  }

  /// A file that cannot be found again is as bad as one without bytes.
  fn sync_names(&self, ids: &[BodyId], failed: &mut Failed) {
    for id in ids {
      if let Err(error) = self.paths.sync(*id) {
        failed.add(&[*id], error);
      }
    }
  }
}

#[derive(Default)]
struct Failed {
  bodies: BTreeSet<BodyId>,
  /// The first one.
  error: Option<StoreError>,
}

impl Failed {
  fn add(&mut self, bodies: &[BodyId], error: impl Into<StoreError>) {
    self.bodies.extend(bodies);
    self.error.get_or_insert_with(|| error.into());
  }
}
