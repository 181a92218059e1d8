//! Giving a body a name outside of the store. The name appears at once with
//! all of the bytes, durable, or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;

use super::file_system::StdFileSystem;
use super::new_name::NewName;
use crate::ids::BodyId;
use crate::store::ExportMode;
use crate::store::StoreError;

/// Exports the body in `file`, whose bytes are durable.
///
/// File systems that can share bytes until one side changes them do so when
/// they are asked to copy.
pub(super) fn export_file(
  file_system: &StdFileSystem,
  id: BodyId,
  file: &Path,
  destination: &Path,
  mode: ExportMode,
) -> Result<(), StoreError> {
  let missing = |error: io::Error| match error.kind() {
    io::ErrorKind::NotFound => StoreError::missing_body(id),
    _ => error.into(),
  };
  let name = NewName::new(destination)?;
  if mode == ExportMode::Share && !name.inherits() {
    match file_system.link(file, &name) {
      Ok(()) => return Ok(name.sync()?),
      Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
        return Err(StoreError::DestinationExists(destination.to_owned()));
      }
      // Another file system, one without links, or too many of them.
      Err(_) => {}
    }
  }
  let source = file_system.source(file).map_err(missing)?;
  export_new(id, destination, &name, |part| {
    // Asks the operating system to copy, where it can.
    io::copy(&mut &source, part).map(drop)
  })
}

/// The name of the file of a body until it has its own. It is the same at every
/// attempt: what a crash left is removed.
pub(super) fn part_of(id: BodyId) -> OsString {
  format!(".{}.part", id.0).into()
}

/// Exports a body that `write` puts into the file it is given.
fn export_new(
  id: BodyId,
  destination: &Path,
  name: &NewName,
  write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), StoreError> {
  let part = part_of(id);
  let publish = || {
    let mut file = name.create_part(&part)?;
    write(&mut file)?;
    file.sync_data()?;
    name.publish(&part)
  };
  match publish() {
    Ok(()) => Ok(name.sync()?),
    Err(error) => {
      // The error counts, not whether there was anything to remove.
      let _ = name.remove(&part);
      if error.kind() == io::ErrorKind::AlreadyExists {
        return Err(StoreError::DestinationExists(destination.to_owned()));
      }
      Err(error.into())
    }
  }
}
