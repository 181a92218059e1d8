//! Giving a body a name outside of the store. The name appears at once with
//! all of the bytes, durable, or not at all.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use super::door::Door;
use crate::store::BodyId;
use crate::store::StoreError;

/// Exports the body in `file`: as a second name of it where that is possible,
/// for it never changes again, else as a copy.
pub(super) fn export_file(
  door: &dyn Door,
  id: BodyId,
  file: &Path,
  destination: &Path,
) -> Result<(), StoreError> {
  match door.sync_file(file) {
    Err(error) if error.kind() == io::ErrorKind::NotFound => {
      return Err(StoreError::missing_body(id));
    }
    other => other?,
  }
  match door.link(file, destination) {
    Ok(()) => Ok(door.sync_directory(parent(destination))?),
    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
      Err(StoreError::DestinationExists(destination.to_owned()))
    }
    // Another file system, one without links, or too many of them.
    Err(_) => export_new(door, id, destination, |part| door.copy(file, part)),
  }
}

/// Exports a body that `write` puts into the file it is given.
pub(super) fn export_new(
  door: &dyn Door,
  id: BodyId,
  destination: &Path,
  write: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), StoreError> {
  // The same name at every attempt: what a crash left is overwritten.
  let part = part(id, destination);
  let publish = || {
    write(&part)?;
    door.sync_file(&part)?;
    door.rename_new(&part, destination)
  };
  match publish() {
    Ok(()) => Ok(door.sync_directory(parent(destination))?),
    Err(error) => {
      // The error counts, not whether there was anything to remove.
      let _ = door.remove(&part);
      if error.kind() == io::ErrorKind::AlreadyExists {
        return Err(StoreError::DestinationExists(destination.to_owned()));
      }
      Err(error.into())
    }
  }
}

fn part(id: BodyId, destination: &Path) -> PathBuf {
  parent(destination).join(format!(".{}.part", id.0))
}

fn parent(path: &Path) -> &Path {
  match path.parent() {
    Some(parent) if !parent.as_os_str().is_empty() => parent,
    _ => Path::new("."),
  }
}
