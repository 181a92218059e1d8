//! Bodies whose bytes are in their rows. What came as a whole has no file; what
//! the files of the others have is never flushed: a killed process leaves all of
//! it, a power failure what it likes.

use std::collections::HashMap;
use std::io;

use bytes::Bytes;

use super::Inner;
use super::reader::read;
use super::writer::write_all;
use crate::ids::BodyId;
use crate::store::StoreError;
use crate::store::lock::lock;

impl Inner {
  pub(super) fn read_small(
    &self,
    bodies: &[(BodyId, u64)],
  ) -> Result<HashMap<BodyId, Bytes>, StoreError> {
    let mut all = HashMap::with_capacity(bodies.len());
    let mut lost = Vec::new();
    let mut why = None;
    for (id, length) in bodies {
      // No flush is owed to it any more.
      lock(&self.unflushed).forget(*id);
      match self.read_prefix(*id, *length) {
        Ok(bytes) => {
          all.insert(*id, bytes);
        }
        // It was deleted, unless the whole store is gone.
        Err(StoreError::Io(error))
          if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
          lost.push(*id);
          why.get_or_insert(error);
        }
      }
    }
    self.file_system.is_there()?;
    match why {
      None => Ok(all),
      Some(error) => Err(StoreError::Unsynced {
        bodies: lost,
        source: Box::new(error),
      }),
    }
  }

  fn read_prefix(&self, id: BodyId, length: u64) -> Result<Bytes, StoreError> {
    if lock(&self.unsynced).contains(&id) {
      return Err(StoreError::lost_body(id));
    }
    let file = self.file_system.read(&self.paths.file(id))?;
    let max = usize::try_from(length).unwrap_or(usize::MAX);
    let bytes = read(&*file, 0, max)?;
    match bytes.len() as u64 {
      found if found == length => Ok(bytes),
      found => Err(StoreError::short_body(id, found, length)),
    }
  }

  /// Makes the file of a body that has none, if it is such a one.
  pub(super) fn give_file(&self, id: BodyId) -> Result<(), StoreError> {
    let Some(bytes) = lock(&self.held).keep(id) else {
      return Ok(());
    };
    if let Err(error) = self.restore(id, bytes) {
      // Half a file is none: the bytes are still where they were.
      let _ = self.paths.remove(id);
      return Err(error);
    }
    if !lock(&self.held).remove(id) {
      // It was deleted meanwhile.
      self.delete(id)?;
    }
    Ok(())
  }

  pub(super) fn restore(
    &self,
    id: BodyId,
    bytes: Bytes,
  ) -> Result<(), StoreError> {
    let file = match self.file_system.append(&self.paths.file(id)) {
      Err(error) if error.kind() == io::ErrorKind::NotFound => {
        self.paths.create(id)?
      }
      other => other?,
    };
    self.paths.not_flushed(id);
    let is_certain = self.boot_marker.is_certain(id);
    if is_certain && file.length()? >= bytes.len() as u64 {
      return Ok(());
    }
    // Whatever comes in between, it is too short then, or uncertain still.
    file.set_length(0)?;
    write_all(&*file, &[bytes])?;
    self.boot_marker.set_certain(id);
    Ok(())
  }
}
