//! The interface to the file system. Everything that the bodies ask of it goes
//! through here, so that another one, which loses what was not flushed, can
//! stand in its place.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::IoSlice;
use std::io::Read;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures::future::BoxFuture;
use rustix::fs::AtFlags;
use rustix::fs::Dir;
use rustix::fs::Mode;
use rustix::fs::OFlags;

use super::export::export_file;
use super::new_name::NewName;
use crate::ids::BodyId;
use crate::store::ExportMode;
use crate::store::StoreError;
use crate::store::directory::COMMON;
use crate::store::directory::Directory;
use crate::store::directory::PRIVATE;
use crate::store::directory::check_file;
use crate::store::directory::make_private;
use crate::store::directory::open_directory;
use crate::store::directory::open_file;
use crate::store::directory_lock::DirectoryLock;

/// What a file system does in the store's directory: every path is relative to
/// it, and no part of one is a link. Every call blocks.
pub trait FileSystem: Send + Sync + 'static {
  /// Makes a directory for the user alone. Fails when it is there, and when
  /// the one above is not.
  fn create_directory(&self, path: &Path) -> io::Result<()>;
  /// Makes an existing directory the user's alone. Fails when it is another
  /// user's, or a link.
  fn make_private(&self, path: &Path) -> io::Result<()>;
  /// Makes a new file and opens it for appending.
  fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// Opens an existing file for appending.
  fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// Opens an existing file for writing anywhere: a file that is open for
  /// appending takes every byte at its end.
  fn modify(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// Opens an existing file for writing past the page cache: addresses,
  /// offsets and lengths have to be whole blocks. Fails where there is no such
  /// thing, here or at the first write.
  fn direct(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// Opens an existing file for reading.
  fn read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// A small file as a whole.
  fn read_text(&self, path: &Path) -> io::Result<String>;
  /// Writes a file as a whole, in the place of an earlier one if need be.
  fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
  /// Gives the bytes of a file, which are durable, the name `to` outside of the
  /// store, as [`BodyStore::export`](crate::store::BodyStore::export) has it.
  fn export(
    &self,
    id: BodyId,
    from: &Path,
    to: &Path,
    mode: ExportMode,
  ) -> Result<(), StoreError>;
  /// Gives a file in the store's directory itself another name there, over an
  /// earlier file if need be.
  fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
  /// Removes a file.
  fn remove(&self, path: &Path) -> io::Result<()>;
  /// When the bytes of a file were changed the last time.
  fn modified(&self, path: &Path) -> io::Result<SystemTime>;
  /// The names in a directory.
  fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;
  /// Makes the bytes of a file durable.
  fn sync_file(&self, path: &Path) -> io::Result<()>;
  /// Makes the names in a directory durable.
  fn sync_directory(&self, path: &Path) -> io::Result<()>;
  /// Makes everything on the file system of the store durable. `false` when
  /// the operating system has no such call.
  fn sync_file_system(&self) -> io::Result<bool>;
  /// How many bytes the file system of the store can still take.
  fn available(&self) -> io::Result<u64>;
  /// What changes when the machine is restarted; `None` where nothing does.
  fn boot_id(&self) -> Option<String>;
  /// Whether the store's directory is where it was. Files that were deleted
  /// while they are open can be written all the same, and are lost: anyone who
  /// says that something is durable has to look here.
  fn is_there(&self) -> Result<(), StoreError>;
  /// Runs `work`, which waits for the disk, where that holds up no other task:
  /// on a thread of tokio's. Once it has begun it continues, even if the caller
  /// does not wait.
  fn run(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
    let task = tokio::task::spawn_blocking(work);
    Box::pin(async move {
      // The caller of the work notices that it has panicked.
      let _ = task.await;
    })
  }
}

/// An open file.
pub trait OpenFile: Send + Sync {
  /// In bytes.
  fn length(&self) -> io::Result<u64>;
  /// Cuts the file, or makes it longer.
  fn set_length(&self, bytes: u64) -> io::Result<()>;
  /// Appends some of `slices` and says how many bytes.
  fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
  /// Writes some of `buffer` at `offset` and says how many bytes.
  fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize>;
  /// Reads up to `buffer.len()` bytes from `offset`; 0 at the end.
  fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
  /// Reads as `read_at` does, but only what is in memory, so that it does not
  /// wait for a disk. Fails where nothing is, and where the operating system
  /// has no such call.
  fn read_now(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
    Err(io::ErrorKind::WouldBlock.into())
  }
  /// Asks for the bytes from `offset` on to be written to the disk soon. A
  /// hint: it promises nothing and cannot fail.
  fn write_back(&self, offset: u64, bytes: u64);
}

/// The file system of this machine.
pub(in crate::store) struct StdFileSystem {
  directory: OwnedFd,
  /// The directory is this store's as long as this is here.
  lock: Arc<DirectoryLock>,
}

impl StdFileSystem {
  pub(in crate::store) fn new(
    directory: &Directory,
    lock: Arc<DirectoryLock>,
  ) -> io::Result<Self> {
    let directory = directory.try_clone()?;
    Ok(Self { directory, lock })
  }

  /// Opens an existing file to be copied to the outside.
  pub(super) fn source(&self, path: &Path) -> io::Result<File> {
    self.open(path, OFlags::RDONLY, Mode::empty())
  }

  /// Gives a file a second name, outside. Fails when that exists.
  pub(super) fn link(&self, from: &Path, to: &NewName) -> io::Result<()> {
    self.within(from, |directory, name| to.link(directory, name))
  }

  /// Opens the directory at `path`, one part after the other; `None` is the
  /// store's own.
  fn directory(&self, path: &Path) -> io::Result<Option<OwnedFd>> {
    let mut opened: Option<OwnedFd> = None;
    for part in path.components() {
      let above = opened.as_ref().unwrap_or(&self.directory).as_fd();
      opened = Some(open_directory(above, part.as_os_str())?);
    }
    Ok(opened)
  }

  /// Does `work` with the last part of `path`, in the directory that the rest
  /// leads to.
  fn within<T>(
    &self,
    path: &Path,
    work: impl FnOnce(BorrowedFd<'_>, &OsStr) -> io::Result<T>,
  ) -> io::Result<T> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let above = path.parent().unwrap_or(Path::new(""));
    let opened = self.directory(above)?;
    work(opened.as_ref().unwrap_or(&self.directory).as_fd(), name)
  }

  fn open(&self, path: &Path, flags: OFlags, mode: Mode) -> io::Result<File> {
    self.within(path, |directory, name| {
      open_file(directory, name, flags, mode)
    })
  }

  /// Opens an existing file whose bytes have no other name: a second one may be
  /// a backup's, which links what has not changed.
  fn open_to_change(&self, path: &Path, flags: OFlags) -> io::Result<File> {
    let file = self.open(path, flags, Mode::empty())?;
    check_file(&path.to_string_lossy(), &rustix::fs::fstat(&file)?)?;
    Ok(file)
  }
}

fn open_boxed(file: io::Result<File>) -> io::Result<Box<dyn OpenFile>> {
  Ok(Box::new(StdFile(file?)))
}

impl FileSystem for StdFileSystem {
  fn create_directory(&self, path: &Path) -> io::Result<()> {
    self.within(path, |directory, name| {
      Ok(rustix::fs::mkdirat(directory, name, Mode::RWXU)?)
    })
  }

  fn make_private(&self, path: &Path) -> io::Result<()> {
    match self.directory(path)? {
      Some(directory) => make_private(path, &directory),
      None => Ok(()),
    }
  }

  fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
    open_boxed(self.open(path, flags, COMMON))
  }

  fn direct(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    #[cfg(target_os = "linux")]
    {
      let flags = OFlags::WRONLY | OFlags::DIRECT;
      open_boxed(self.open_to_change(path, flags))
    }
    #[cfg(not(target_os = "linux"))]
    {
      let _ = path;
      Err(io::ErrorKind::Unsupported.into())
    }
  }

  fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    let flags = OFlags::RDWR | OFlags::APPEND;
    open_boxed(self.open_to_change(path, flags))
  }

  fn modify(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    open_boxed(self.open_to_change(path, OFlags::RDWR))
  }

  fn read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    open_boxed(self.source(path))
  }

  fn read_text(&self, path: &Path) -> io::Result<String> {
    let mut text = String::new();
    self.source(path)?.read_to_string(&mut text)?;
    Ok(text)
  }

  fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
    match self.remove(path) {
      Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error)?,
      _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    self.open(path, flags, PRIVATE)?.write_all(bytes)
  }

  fn export(
    &self,
    id: BodyId,
    from: &Path,
    to: &Path,
    mode: ExportMode,
  ) -> Result<(), StoreError> {
    export_file(self, id, from, to, mode)
  }

  fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
    self.within(from, |old, from| {
      self.within(to, |new, to| Ok(rustix::fs::renameat(old, from, new, to)?))
    })
  }

  fn remove(&self, path: &Path) -> io::Result<()> {
    self.within(path, |directory, name| {
      Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?)
    })
  }

  fn modified(&self, path: &Path) -> io::Result<SystemTime> {
    self.source(path)?.metadata()?.modified()
  }

  fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
    let opened = self.directory(directory)?;
    let directory = opened.as_ref().unwrap_or(&self.directory);
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
      let entry = entry?;
      let name = entry.file_name().to_bytes();
      if !matches!(name, b"." | b"..") {
        names.push(OsStr::from_bytes(name).to_owned());
      }
    }
    Ok(names)
  }

  fn sync_file(&self, path: &Path) -> io::Result<()> {
    self.source(path)?.sync_data()
  }

  fn sync_directory(&self, path: &Path) -> io::Result<()> {
    let opened = self.directory(path)?;
    Ok(rustix::fs::fsync(
      opened.as_ref().unwrap_or(&self.directory),
    )?)
  }

  fn sync_file_system(&self) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
      rustix::fs::syncfs(&self.directory)?;
      Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
      Ok(false)
    }
  }

  fn available(&self) -> io::Result<u64> {
    let status = rustix::fs::fstatvfs(&self.directory)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
  }

  fn boot_id(&self) -> Option<String> {
    boot_id()
  }

  fn is_there(&self) -> Result<(), StoreError> {
    self.lock.is_there()
  }
}

/// What changes when the machine is restarted; `None` where nothing does.
pub(in crate::store) fn boot_id() -> Option<String> {
  let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
  let id = text.trim();
  (!id.is_empty()).then(|| id.to_owned())
}

struct StdFile(File);

impl OpenFile for StdFile {
  fn length(&self) -> io::Result<u64> {
    Ok(self.0.metadata()?.len())
  }

  fn set_length(&self, bytes: u64) -> io::Result<()> {
    self.0.set_len(bytes)
  }

  fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    (&self.0).write_vectored(slices)
  }

  fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize> {
    self.0.write_at(buffer, offset)
  }

  fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    self.0.read_at(buffer, offset)
  }

  #[cfg(target_os = "linux")]
  fn read_now(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut buffers = [io::IoSliceMut::new(buffer)];
    let flags = rustix::io::ReadWriteFlags::NOWAIT;
    let read = rustix::io::preadv2(&self.0, &mut buffers, offset, flags)?;
    Ok(read)
  }

  fn write_back(&self, offset: u64, bytes: u64) {
    write_back(&self.0, offset, bytes);
  }
}

/// See [`OpenFile::write_back`].
pub(super) fn write_back(file: &File, offset: u64, bytes: u64) {
  // Linux begins to write dirty pages back when it is told that they are
  // not needed; those under way stay in memory.
  advise(file, offset, bytes, rustix::fs::Advice::DontNeed);
}

/// Other systems take such hints in other ways, if at all.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables))]
fn advise(file: &File, offset: u64, bytes: u64, advice: rustix::fs::Advice) {
  #[cfg(target_os = "linux")]
  if let Some(length) = std::num::NonZeroU64::new(bytes) {
    let _ = rustix::fs::fadvise(file, offset, Some(length), advice);
  }
}
