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
  root_names: Names,
  names: Vec<Names>,
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
        self.root_names.add();
        self.file_system.create(&path)?
      }
      other => other?,
    };
    self.names[usize::from(byte)].add();
    Ok(file)
  }

  /// Makes the name of a body durable in its directory.
  pub(super) fn sync(&self, id: BodyId) -> io::Result<()> {
    let byte = last_byte(id);
    let names = &self.names[usize::from(byte)];
    let sync = || self.file_system.sync_directory(&self.directory(byte));
    match names.sync(sync) {
      // No body of this byte was ever made.
      Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
      other => other,
    }
  }

  /// Makes the names of the directories durable.
  pub(super) fn sync_root(&self) -> io::Result<()> {
    self
      .root_names
      .sync(|| self.file_system.sync_directory(&self.root))
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
