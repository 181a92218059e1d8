//! Where the socket is.

use std::fs::File;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// The name of the socket in a store's directory.
const FILE_NAME: &str = "control";

/// The name of the directory in which a socket is made ready, and of the socket
/// in there.
const UNREADY: &str = "control.new";
const UNREADY_SOCKET: &str = "s";

/// The longest path that every Unix takes for a socket, in bytes.
const MAX_PATH: usize = 100;

/// The paths of the socket, good as long as this lives.
pub(super) struct Address {
  directory: PathBuf,
  /// What a shortened path leads through.
  _opened: Option<File>,
}

impl Address {
  /// In `directory`, which has to exist.
  pub(super) fn in_directory(directory: &Path) -> io::Result<Self> {
    let longest = directory.join(UNREADY).join(UNREADY_SOCKET);
    let longest = longest.as_os_str().len();
    if longest <= MAX_PATH {
      return Ok(Self {
        directory: directory.to_owned(),
        _opened: None,
      });
    }
    Self::shortened(directory)
  }

  /// Linux has a short path to everything that is open.
  #[cfg(target_os = "linux")]
  fn shortened(directory: &Path) -> io::Result<Self> {
    use std::os::fd::AsRawFd;
    let opened = File::open(directory)?;
    let short = format!("/proc/self/fd/{}", opened.as_raw_fd());
    Ok(Self {
      directory: short.into(),
      _opened: Some(opened),
    })
  }

  #[cfg(not(target_os = "linux"))]
  fn shortened(directory: &Path) -> io::Result<Self> {
    Err(io::Error::other(format!(
      "the path {} is too long for a socket; choose a shorter one",
      directory.display()
    )))
  }

  pub(super) fn socket(&self) -> PathBuf {
    self.directory.join(FILE_NAME)
  }

  /// Where a socket is made ready before it gets its name.
  pub(super) fn unready_directory(&self) -> PathBuf {
    self.directory.join(UNREADY)
  }

  pub(super) fn unready(&self) -> PathBuf {
    self.unready_directory().join(UNREADY_SOCKET)
  }
}
