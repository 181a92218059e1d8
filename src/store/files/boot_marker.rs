//! Which bodies may have other bytes than those that were written to them,
//! behind their durable ones.
//!
//! What `write` has taken survives the process but not the machine. So the
//! file `boot` keeps the id of the boot in which the bodies were written.
//! An opening in another boot notes every body that is there as uncertain,
//! until it has been cut back to its durable bytes. It has to note them,
//! not only remember them: the process may be killed before it came to all.
//!
//! A body with gaps is uncertain, too, from before its first gap on: its length
//! does not say what was written.
//!
//! The file need not be flushed. If the machine loses it, or a part of it,
//! that is again another boot.

use std::collections::BTreeSet;
use std::io;
use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use super::file_system::FileSystem;
use crate::ids::BodyId;
use crate::store::lock::lock;

/// The name of the file in a store's directory.
pub(super) const FILE_NAME: &str = "boot";

/// Where it is made ready.
pub(super) const NEW_FILE_NAME: &str = "boot.new";

const UNCERTAIN: &str = "uncertain ";
const CERTAIN: &str = "certain ";

pub(super) struct BootMarker {
  file_system: Arc<dyn FileSystem>,
  file: PathBuf,
  uncertain: Mutex<BTreeSet<BodyId>>,
}

impl BootMarker {
  /// Reads `file`, and brings it up to date. `bodies` lists every body.
  pub(super) fn open(
    file_system: Arc<dyn FileSystem>,
    file: PathBuf,
    bodies: impl FnOnce() -> io::Result<Vec<BodyId>>,
  ) -> io::Result<Self> {
    let current = file_system.boot_id();
    let text = file_system.read_text(&file).unwrap_or_default();
    let (boot, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let same = current.as_deref().is_some_and(|id| id == boot);
    let uncertain = if same {
      read(rest)
    } else {
      bodies()?.into_iter().collect()
    };
    let this = Self {
      file_system,
      file,
      uncertain: Mutex::new(uncertain),
    };
    if !same && let Err(error) = this.begin(current.as_deref()) {
      // The next opening takes this boot for another one and distrusts more
      // than it had to. That is no reason to refuse a full disk here.
      tracing::warn!(%error, "the boot of the store could not be noted");
      if let Err(error) = this.forget() {
        tracing::error!(%error, "the boot of the store could not be removed");
      }
    }
    Ok(this)
  }

  /// Whether all bytes of the body are those that were written.
  pub(super) fn is_certain(&self, id: BodyId) -> bool {
    !lock(&self.uncertain).contains(&id)
  }

  /// The body has been cut back to what is durable.
  pub(super) fn set_certain(&self, id: BodyId) {
    let mut uncertain = lock(&self.uncertain);
    if !uncertain.remove(&id) {
      return;
    }
    // Untold, bodies are cut back once more than necessary. What there is of
    // the line would swallow the next one.
    if self.append(CERTAIN, id).is_err()
      && let Err(error) = self.forget()
    {
      tracing::error!(%error, "the boot of the store could not be removed");
    }
  }

  /// The operating system failed to write the body's bytes back, and may have
  /// dropped them; or it is about to get a gap. An error means that another
  /// process would not hear of it.
  pub(super) fn set_uncertain(&self, id: BodyId) -> io::Result<()> {
    let mut uncertain = lock(&self.uncertain);
    if !uncertain.contains(&id) && self.append(UNCERTAIN, id).is_err() {
      self.forget()?;
    }
    uncertain.insert(id);
    Ok(())
  }

  /// Rewrites the file, at once as a whole.
  fn begin(&self, boot: Option<&str>) -> io::Result<()> {
    let mut text = format!("{}\n", boot.unwrap_or_default());
    for id in lock(&self.uncertain).iter() {
      text.push_str(&line(UNCERTAIN, *id));
    }
    let new = self.file.with_file_name(NEW_FILE_NAME);
    self.file_system.write(&new, text.as_bytes())?;
    self.file_system.rename(&new, &self.file)
  }

  fn append(&self, word: &str, id: BodyId) -> io::Result<()> {
    let line = line(word, id);
    let file = self.file_system.append(&self.file)?;
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
      match file.write_vectored(&[IoSlice::new(rest)]) {
        Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
        Ok(written) => rest = &rest[written..],
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
        Err(error) => return Err(error),
      }
    }
    Ok(())
  }

  /// Without the file the next opening takes nothing for certain.
  fn forget(&self) -> io::Result<()> {
    match self.file_system.remove(&self.file) {
      Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
      _ => Ok(()),
    }
  }
}

fn line(word: &str, id: BodyId) -> String {
  format!("{word}{}\n", id.0)
}

fn read(lines: &str) -> BTreeSet<BodyId> {
  let mut uncertain = BTreeSet::new();
  let id = |text: &str| Some(BodyId(text.parse().ok()?));
  for line in lines.lines() {
    if let Some(id) = line.strip_prefix(UNCERTAIN).and_then(id) {
      uncertain.insert(id);
    } else if let Some(id) = line.strip_prefix(CERTAIN).and_then(id) {
      uncertain.remove(&id);
    }
  }
  uncertain
}
