//! Where things are on this machine.

use std::path::Path;
use std::path::PathBuf;

use crate::arguments::StoreOptions;
use crate::failure::Failure;

/// The store's directory: what the user says, or `bgfetch` in the directory
/// that the XDG base directory specification has for data.
pub fn store_directory(options: &StoreOptions) -> Result<PathBuf, Failure> {
  if let Some(directory) = &options.directory {
    return Ok(directory.clone());
  }
  // The specification ignores paths that are not absolute.
  let variable = |name| {
    let path = std::env::var_os(name).map(PathBuf::from);
    path.filter(|path| path.is_absolute())
  };
  variable("XDG_DATA_HOME")
    .or_else(|| Some(variable("HOME")?.join(".local/share")))
    .map(|data| data.join("bgfetch"))
    .ok_or_else(|| {
      Failure::usage("there is no home directory; name a store with --store")
    })
}

/// Makes the directory for saved files, and its path absolute.
pub fn out_directory(out: &Path) -> Result<PathBuf, Failure> {
  let usable = || {
    std::fs::create_dir_all(out)?;
    out.canonicalize()
  };
  usable().map_err(|error| {
    Failure::usage(format!(
      "the directory {} cannot be used: {error}; choose another --out",
      out.display()
    ))
  })
}

/// The absolute path of a script that can be read.
pub fn script(script: &Path) -> Result<PathBuf, Failure> {
  let readable = || {
    let path = script.canonicalize()?;
    if path.is_dir() {
      return Err(std::io::Error::other("it is a directory"));
    }
    std::fs::File::open(&path)?;
    Ok(path)
  };
  readable().map_err(|error: std::io::Error| {
    Failure::usage(format!(
      "the script {} cannot be read: {error}",
      script.display()
    ))
  })
}
