//! The door to the file system. Everything that the bodies ask of it goes
//! through here, so that another one, which loses what was not flushed, can
//! stand in its place.

use std::ffi::OsString;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::IoSlice;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a file system does. Every call blocks.
pub(super) trait Door: Send + Sync + 'static {
  /// Makes a directory for the user alone. Fails when it is there, and when
  /// the one above is not.
  fn create_directory(&self, path: &Path) -> io::Result<()>;
  /// Makes a new file and opens it for appending.
  fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// Opens an existing file for appending.
  fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// Opens an existing file for writing past the page cache: addresses,
  /// offsets and lengths have to be whole blocks. Fails where there is no such
  /// thing, here or at the first write.
  fn direct(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// Opens an existing file for reading.
  fn read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;
  /// A small file as a whole.
  fn read_text(&self, path: &Path) -> io::Result<String>;
  /// Writes a file as a whole, over an earlier one if need be.
  fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
  /// Copies a file, over an earlier one if need be.
  fn copy(&self, from: &Path, to: &Path) -> io::Result<()>;
  /// Gives a file a second name. Fails when that exists.
  fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
  /// Gives a file another name, over an earlier file if need be.
  fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
  /// Gives a file another name. Fails when that exists.
  fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;
  fn remove(&self, path: &Path) -> io::Result<()>;
  /// The names in a directory.
  fn names(&self, directory: &Path) -> io::Result<Vec<OsString>>;
  /// Makes the bytes of a file durable.
  fn sync_file(&self, path: &Path) -> io::Result<()>;
  /// Makes the names in a directory durable.
  fn sync_directory(&self, path: &Path) -> io::Result<()>;
  /// Makes everything on the file system of `path` durable. `false` when the
  /// operating system has no such call.
  fn sync_file_system(&self, path: &Path) -> io::Result<bool>;
  /// What changes when the machine is restarted; `None` where nothing does.
  fn boot_id(&self) -> Option<String>;
}

/// An open file.
pub(super) trait OpenFile: Send + Sync {
  /// In bytes.
  fn length(&self) -> io::Result<u64>;
  fn set_length(&self, bytes: u64) -> io::Result<()>;
  /// Appends some of `slices` and says how many bytes.
  fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
  /// Writes some of `buffer` at `offset` and says how many bytes.
  fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize>;
  /// Reads up to `buffer.len()` bytes from `offset`; 0 at the end.
  fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
  /// Asks for the bytes from `offset` on to be written to the disk soon. A
  /// hint: it promises nothing and cannot fail.
  fn write_back(&self, offset: u64, bytes: u64);
}

/// The file system of this machine.
pub(super) struct Disk;

impl Door for Disk {
  fn create_directory(&self, path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
  }

  fn create(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    let file = OpenOptions::new()
      .read(true)
      .append(true)
      .create_new(true)
      .open(path)?;
    Ok(Box::new(DiskFile(file)))
  }

  fn direct(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    #[cfg(target_os = "linux")]
    {
      use std::os::unix::fs::OpenOptionsExt;
      let flags = rustix::fs::OFlags::DIRECT.bits() as i32;
      let file = OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(path)?;
      Ok(Box::new(DiskFile(file)))
    }
    #[cfg(not(target_os = "linux"))]
    {
      let _ = path;
      Err(io::ErrorKind::Unsupported.into())
    }
  }

  fn append(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    let file = OpenOptions::new().read(true).append(true).open(path)?;
    Ok(Box::new(DiskFile(file)))
  }

  fn read(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
    Ok(Box::new(DiskFile(File::open(path)?)))
  }

  fn read_text(&self, path: &Path) -> io::Result<String> {
    std::fs::read_to_string(path)
  }

  fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(path, bytes)
  }

  fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
    std::fs::copy(from, to).map(|_| ())
  }

  fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(from, to)
  }

  fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
  }

  fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
      use rustix::fs::CWD;
      use rustix::fs::RenameFlags;
      use rustix::io::Errno;
      match rustix::fs::renameat_with(
        CWD,
        from,
        CWD,
        to,
        RenameFlags::NOREPLACE,
      ) {
        // This file system does not know the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        other => return other.map_err(Into::into),
      }
    }
    std::fs::hard_link(from, to)?;
    std::fs::remove_file(from)
  }

  fn remove(&self, path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)
  }

  fn names(&self, directory: &Path) -> io::Result<Vec<OsString>> {
    std::fs::read_dir(directory)?
      .map(|entry| Ok(entry?.file_name()))
      .collect()
  }

  fn sync_file(&self, path: &Path) -> io::Result<()> {
    File::open(path)?.sync_data()
  }

  fn sync_directory(&self, path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
  }

  fn sync_file_system(&self, path: &Path) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
      rustix::fs::syncfs(File::open(path)?)?;
      Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
      let _ = path;
      Ok(false)
    }
  }

  fn boot_id(&self) -> Option<String> {
    let text =
      std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = text.trim();
    (!id.is_empty()).then(|| id.to_owned())
  }
}

struct DiskFile(File);

impl OpenFile for DiskFile {
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

  fn write_back(&self, offset: u64, bytes: u64) {
    // Linux begins to write dirty pages back when it is told that they are
    // not needed; those under way stay in memory.
    #[cfg(target_os = "linux")]
    if let Some(length) = std::num::NonZeroU64::new(bytes) {
      let _ = rustix::fs::fadvise(
        &self.0,
        offset,
        Some(length),
        rustix::fs::Advice::DontNeed,
      );
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (offset, bytes);
  }
}
