//! A store's directory, and the files in it, which are not trusted because
//! they are there.
//!
//! Another user may have prepared them: a link where a file is written, a pipe
//! where one is read, a database that others can change. So the directory has
//! to be the user's, and no other user may put names into it. Everything in it
//! is opened relative to it, so that it stays the one that was looked at, and
//! never through a link.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::FileType;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::Stat;
use rustix::io::Errno;

/// The bits of a mode that let others write.
const OTHERS_WRITE: Mode = Mode::WGRP.union(Mode::WOTH);
/// The bits of a mode that let others do anything.
const OTHERS: Mode = Mode::RWXG.union(Mode::RWXO);

/// Who may read and write a file.
pub(super) const PRIVATE: Mode = Mode::from_raw_mode(0o600);
/// For all users, as far as the process's umask lets them.
pub(super) const COMMON: Mode = Mode::from_raw_mode(0o666);

/// An open directory that is the user's alone.
#[derive(Debug)]
pub(super) struct Directory {
  path: PathBuf,
  handle: OwnedFd,
}

impl Directory {
  /// Opens the directory at `path`, which may lead through links: it is the
  /// user's who named it.
  ///
  /// # Errors
  ///
  /// It belongs to another user, or others may write to it.
  pub(super) fn open(path: &Path) -> io::Result<Self> {
    // Anyone who changes the current directory does not move the store.
    let path = std::path::absolute(path)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(CWD, &path, flags, Mode::empty())?;
    let status = rustix::fs::fstat(&handle)?;
    if !is_ours(&status) {
      return Err(refused(format!(
        "it belongs to another user (uid {}); choose a directory of your own",
        status.st_uid
      )));
    }
    let mode = Mode::from_raw_mode(status.st_mode);
    if mode.intersects(OTHERS_WRITE) {
      return Err(refused(format!(
        "others may write to it (its mode is {:o}), and may have put anything \
         there; look through it and run `chmod go-w {}`, or choose another \
         directory",
        mode.bits(),
        path.display()
      )));
    }
    Ok(Self { path, handle })
  }

  pub(super) fn path(&self) -> &Path {
    &self.path
  }

  /// The same directory once more.
  pub(super) fn try_clone(&self) -> io::Result<OwnedFd> {
    self.handle.try_clone()
  }

  /// Looks at the file `name` before it is used by a library that only takes a
  /// path. No error when there is none. What others may do to one of the user's
  /// own is taken from them.
  ///
  /// # Errors
  ///
  /// It is not a plain file, has a second name elsewhere, or is another user's.
  pub(super) fn check(&self, name: &str) -> io::Result<()> {
    let status = match self.status(name) {
      Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
      other => other?,
    };
    check_file(name, &status)?;
    let mode = Mode::from_raw_mode(status.st_mode);
    if mode.intersects(OTHERS) {
      tracing::warn!(
        name,
        mode = format!("{:o}", mode.bits()),
        directory = %self.path.display(),
        "a file of the store was open to others, and is the user's alone now"
      );
      let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
      let file = self.open_at(name, flags, Mode::empty())?;
      rustix::fs::fchmod(&file, PRIVATE)?;
    }
    Ok(())
  }

  /// Opens the file `name` for reading.
  pub(super) fn open_to_read(&self, name: &str) -> io::Result<File> {
    self.open_at(name, OFlags::RDONLY, Mode::empty())
  }

  /// Opens the file `name` for writing, if there is one.
  pub(super) fn open_to_write(&self, name: &str) -> io::Result<File> {
    let file = self.open_at(name, OFlags::WRONLY, Mode::empty())?;
    check_file(name, &rustix::fs::fstat(&file)?)?;
    Ok(file)
  }

  /// Opens the file `name` for reading and writing; makes it when there is
  /// none.
  pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE;
    let file = self.open_at(name, flags, PRIVATE)?;
    check_file(name, &rustix::fs::fstat(&file)?)?;
    Ok(file)
  }

  /// Makes the file `name` and opens it for writing. Fails when it exists.
  pub(super) fn create_new(&self, name: &str) -> io::Result<File> {
    self.open_at(
      name,
      OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL,
      PRIVATE,
    )
  }

  pub(super) fn remove(&self, name: &str) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(&self.handle, name, AtFlags::empty())?)
  }

  /// The names of what is in it.
  pub(super) fn names(&self) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(&self.handle)? {
      if let Ok(name) = entry?.file_name().to_str() {
        names.push(name.to_string());
      }
    }
    Ok(names)
  }

  /// Makes it durable which files there are.
  pub(super) fn sync(&self) -> io::Result<()> {
    Ok(rustix::fs::fsync(&self.handle)?)
  }

  /// How many bytes more its disk can take.
  pub(super) fn available(&self) -> io::Result<u64> {
    let status = rustix::fs::fstatvfs(&self.handle)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
  }

  /// What `name` is, not what it may lead to.
  pub(super) fn status(&self, name: &str) -> io::Result<Stat> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    Ok(rustix::fs::statat(&self.handle, name, flags)?)
  }

  fn open_at(&self, name: &str, flags: OFlags, mode: Mode) -> io::Result<File> {
    open_file(self.handle.as_fd(), name.as_ref(), flags, mode)
  }
}

/// Opens a plain file in `directory`: never through a link, and never waiting
/// for another process, as the opening of a pipe would.
pub(super) fn open_file(
  directory: BorrowedFd<'_>,
  name: &OsStr,
  flags: OFlags,
  mode: Mode,
) -> io::Result<File> {
  let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
  let opened = rustix::fs::openat(directory, name, flags, mode);
  let file = opened.map_err(|error| match error {
    Errno::LOOP | Errno::NXIO => not_a_file(name),
    other => other.into(),
  })?;
  if file_type(&rustix::fs::fstat(&file)?) != FileType::RegularFile {
    return Err(not_a_file(name));
  }
  Ok(file.into())
}

/// Opens the directory `name` in `directory`, which must not be a link.
pub(super) fn open_directory(
  directory: BorrowedFd<'_>,
  name: &OsStr,
) -> io::Result<OwnedFd> {
  let flags =
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
  Ok(rustix::fs::openat(directory, name, flags, Mode::empty())?)
}

/// Makes the directory `opened`, which is called `name`, the user's alone.
///
/// # Errors
///
/// It belongs to another user.
pub(super) fn make_private(name: &Path, opened: &OwnedFd) -> io::Result<()> {
  let status = rustix::fs::fstat(opened)?;
  if !is_ours(&status) {
    return Err(refused(format!(
      "{} in it belongs to another user (uid {})",
      name.display(),
      status.st_uid
    )));
  }
  if Mode::from_raw_mode(status.st_mode).intersects(OTHERS) {
    rustix::fs::fchmod(opened, Mode::RWXU)?;
  }
  Ok(())
}

/// # Errors
///
/// It is not a plain file, has a second name elsewhere, or is another user's.
pub(super) fn check_file(name: &str, status: &Stat) -> io::Result<()> {
  if file_type(status) != FileType::RegularFile {
    return Err(not_a_file(name.as_ref()));
  }
  if !is_ours(status) {
    return Err(refused(format!(
      "{name} in it belongs to another user (uid {}); remove it, or choose \
       another directory",
      status.st_uid
    )));
  }
  if status.st_nlink > 1 {
    return Err(refused(format!(
      "{name} in it has another name elsewhere (a hard link), and writing to \
       it would change both; put a copy in its place"
    )));
  }
  Ok(())
}

fn not_a_file(name: &OsStr) -> io::Error {
  refused(format!(
    "{} in it is not a plain file, and may have been put there by another \
     user; remove it, or choose another directory",
    name.to_string_lossy()
  ))
}

fn is_ours(status: &Stat) -> bool {
  status.st_uid == rustix::process::geteuid().as_raw()
}

fn file_type(status: &Stat) -> FileType {
  FileType::from_raw_mode(status.st_mode)
}

fn refused(why: String) -> io::Error {
  io::Error::new(io::ErrorKind::PermissionDenied, why)
}
