//! Where a body lies, and which directories have names to flush.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::file_system::FileSystem;
use super::file_system::OpenFile;
use super::names::Names;
use crate::ids::BodyId;

/// One directory for each value of a uuid's last byte. The first bytes are
/// the time: they would put all bodies of a day into the same one.
const DIRECTORIES: usize = 256;

/// The directory `bodies`, its 256 directories and the files in them.
pub(super) struct BodyPaths {
  file_system: Arc<dyn FileSystem>,
  root: PathBuf,
  root_names: Names<u8>,
  names: Vec<Names<BodyId>>,
}

impl BodyPaths {
  pub(super) fn open(
    file_system: Arc<dyn FileSystem>,
    root: PathBuf,
  ) -> io::Result<Self> {
    match file_system.create_directory(&root) {
      Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
      other => other?,
    }
    file_system.make_private(&root)?;
    // Of all bodies at once: who opens a store may try again.
    file_system.sync_directory(&root)?;
    Ok(Self {
      file_system,
      root,
      root_names: Names::default(),
      names: (0..DIRECTORIES).map(|_| Names::default()).collect(),
    })
  }

  pub(super) fn file(&self, id: BodyId) -> PathBuf {
    self.directory(last_byte(id)).join(id.0.to_string())
  }

  fn directory(&self, byte: u8) -> PathBuf {
    self.root.join(format!("{byte:02x}"))
  }

  /// Makes the file of a new body.
  pub(super) fn create(&self, id: BodyId) -> io::Result<Box<dyn OpenFile>> {
    let byte = last_byte(id);
    let path = self.file(id);
    let file = match self.file_system.create(&path) {
      Err(error) if error.kind() == io::ErrorKind::NotFound => {
        match self.file_system.create_directory(&self.directory(byte)) {
          // Another body came first.
          Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
          other => other?,
        }
        self.root_names.add(byte);
        self.file_system.create(&path)?
      }
      other => other?,
    };
    self.names(byte).add(id);
    Ok(file)
  }

  fn names(&self, byte: u8) -> &Names<BodyId> {
    &self.names[usize::from(byte)]
  }

  /// Makes the name of a body durable, and that of its directory.
  pub(super) fn sync(&self, id: BodyId) -> io::Result<()> {
    let byte = last_byte(id);
    let sync = || self.file_system.sync_directory(&self.directory(byte));
    self.names(byte).sync(id, sync)?;
    let sync_root = || self.file_system.sync_directory(&self.root);
    self.root_names.sync(byte, sync_root)
  }

  /// A body is going to be written to again. Makes its name again, when the
  /// disk has failed to keep it.
  ///
  /// When none of its bytes are known to be durable, the process that has made
  /// it may not have flushed its name. Other bodies of earlier processes have
  /// durable names, or nothing more is asked of them.
  pub(super) fn reopen(&self, id: BodyId, has_durable: bool) -> io::Result<()> {
    let byte = last_byte(id);
    if !self.names(byte).is_lost(id) {
      if !has_durable {
        self.names(byte).add(id);
      }
      return Ok(());
    }
    // A process that dies in between leaves a body that no row knows.
    let other = Uuid::from_u128(id.0.as_u128() ^ 1 << 32);
    let other = self.file(BodyId(other));
    let file = self.file(id);
    self.file_system.rename(&file, &other)?;
    self.file_system.rename(&other, &file)?;
    self.names(byte).add(id);
    Ok(())
  }

  /// A body was made by an earlier process, which may not have flushed its
  /// name.
  pub(super) fn not_flushed(&self, id: BodyId) {
    self.names(last_byte(id)).add(id);
  }

  /// Removes the file of a body.
  pub(super) fn remove(&self, id: BodyId) -> io::Result<()> {
    self.names(last_byte(id)).remove(id);
    self.file_system.remove(&self.file(id))
  }

  /// Every body. Whatever else lies there is left alone.
  pub(super) fn ids(&self) -> io::Result<Vec<BodyId>> {
    let mut ids = Vec::new();
    for byte in 0..=u8::MAX {
      let names = match self.file_system.names(&self.directory(byte)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
        other => other?,
      };
      let parse = |name: &std::ffi::OsString| {
        let uuid = Uuid::try_parse(name.to_str()?).ok()?;
        Some(BodyId(uuid))
      };
      ids.extend(names.iter().filter_map(parse));
    }
    Ok(ids)
  }
}

fn last_byte(id: BodyId) -> u8 {
  id.0.as_bytes()[15]
}
