//! A name outside of the store that does not exist yet. Other users may write
//! to the directory that it is in: nothing there is followed or overwritten.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::fd::RawFd;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use super::names::OUTSIDE;
use crate::store::directory::COMMON;
use crate::store::directory::open_file;

/// The directories that names are made in at the same time.
#[derive(Default)]
pub(super) struct Parents(HashMap<PathBuf, Arc<OwnedFd>>);

impl Parents {
  pub(super) fn all(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
    self.0.values().map(|directory| directory.as_fd())
  }
}

pub(super) struct NewName {
  directory: Arc<OwnedFd>,
  name: OsString,
}

impl NewName {
  /// The last part of `path`, in the directory that the rest leads to.
  pub(super) fn new(path: &Path) -> io::Result<Self> {
    Self::within(&mut Parents::default(), path)
  }

  /// The same, where the directory may be among those that were opened.
  pub(super) fn within(parents: &mut Parents, path: &Path) -> io::Result<Self> {
    let parent = match path.parent() {
      Some(parent) if !parent.as_os_str().is_empty() => parent,
      _ => Path::new("."),
    };
    let name = path.file_name().ok_or(io::ErrorKind::IsADirectory)?;
    let directory = match parents.0.get(parent) {
      Some(directory) => directory.clone(),
      None => {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(CWD, parent, flags, Mode::empty())?;
        let directory = Arc::new(opened);
        parents.0.insert(parent.to_owned(), directory.clone());
        directory
      }
    };
    Ok(Self {
      directory,
      name: name.to_owned(),
    })
  }

  /// Whether a new file in the directory gets something from it that an older
  /// one, which only gets a name there, would not have: its group, or rights
  /// of an access control list.
  pub(super) fn inherits(&self) -> bool {
    let has_group = match rustix::fs::fstat(&*self.directory) {
      Ok(status) => Mode::from_raw_mode(status.st_mode).contains(Mode::SGID),
      Err(_) => false,
    };
    has_group || self.has_default_rights()
  }

  #[cfg(target_os = "linux")]
  fn has_default_rights(&self) -> bool {
    let mut nothing: [u8; 0] = [];
    rustix::fs::fgetxattr(
      &*self.directory,
      "system.posix_acl_default",
      &mut nothing[..],
    )
    .is_ok_and(|length| length > 0)
  }

  #[cfg(not(target_os = "linux"))]
  fn has_default_rights(&self) -> bool {
    false
  }

  /// Makes the file `part` beside it. One of an earlier attempt gives way; what
  /// a link of that name leads to does not.
  pub(super) fn create_part(&self, part: &OsStr) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let create = || open_file(self.directory.as_fd(), part, flags, COMMON);
    match create() {
      Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
        self.remove(part)?;
        create()
      }
      other => other,
    }
  }

  /// Gives `part` this name.
  pub(super) fn publish(&self, part: &OsStr) -> io::Result<()> {
    let directory = &*self.directory;
    #[cfg(target_os = "linux")]
    {
      use rustix::fs::RenameFlags;
      use rustix::io::Errno;
      let flags = RenameFlags::NOREPLACE;
      match rustix::fs::renameat_with(
        directory, part, directory, &self.name, flags,
      ) {
        // This file system does not know the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        other => return Ok(other?),
      }
    }
    self.link(directory.as_fd(), part)?;
    self.remove(part)
  }

  /// Gives the file `name` in `directory` this name, too.
  pub(super) fn link(
    &self,
    directory: BorrowedFd<'_>,
    name: &OsStr,
  ) -> io::Result<()> {
    let flags = AtFlags::empty();
    Ok(rustix::fs::linkat(
      directory,
      name,
      &*self.directory,
      &self.name,
      flags,
    )?)
  }

  pub(super) fn remove(&self, part: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(
      &*self.directory,
      part,
      AtFlags::empty(),
    )?)
  }

  /// The directory, while it is open.
  pub(super) fn directory(&self) -> RawFd {
    self.directory.as_raw_fd()
  }

  /// Makes the name durable, which has just been made, in one flush with those
  /// that others make in the same directory.
  pub(super) fn sync(&self) -> io::Result<()> {
    OUTSIDE.sync(&*self.directory)
  }
}
