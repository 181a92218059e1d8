//! A disk as a power failure sees it: what is on it for certain, and what was
//! written since and may be there, be lost, or be there in part.
//!
//! The rules are those that POSIX gives and no more: the bytes of a file are
//! certain after its flush, the names in a directory after the flush of the
//! directory; until then each change may have reached the disk or not, whatever
//! became of the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;

/// Names a file for as long as the record is, whatever its names are.
pub type Node = usize;

/// One change of a file's bytes.
#[derive(Clone, Debug)]
pub enum Bytes {
  Write { offset: u64, bytes: Vec<u8> },
  Truncate(u64),
}

/// One change of a directory.
#[derive(Clone, Debug)]
pub enum Name {
  /// `None` is a directory.
  Add(PathBuf, Option<Node>),
  Remove(PathBuf),
  Move(PathBuf, PathBuf),
}

/// Whether a change is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
  /// It is not known.
  Open,
  Durable,
  /// A flush of it has failed: it is never going to be known.
  Doubtful,
}

/// A change, when it was made, and what became of it.
#[derive(Clone, Debug)]
pub struct Change<T> {
  pub what: T,
  pub at: usize,
  pub fate: Fate,
}

/// Everything in the order in which it was done.
#[derive(Clone, Default)]
pub struct Disk {
  pub files: Vec<Vec<Change<Bytes>>>,
  pub names: Vec<Change<Name>>,
  /// What the process sees.
  live: BTreeMap<PathBuf, Option<Node>>,
  lengths: Vec<u64>,
}

impl Disk {
  pub fn exists(&self, path: &Path) -> bool {
    self.live.contains_key(path)
  }

  pub fn node(&self, path: &Path) -> Option<Node> {
    self.live.get(path).copied().flatten()
  }

  pub fn length(&self, node: Node) -> u64 {
    self.lengths[node]
  }

  pub fn create(&mut self, at: usize, path: &Path) {
    let node = self.files.len();
    self.files.push(Vec::new());
    self.lengths.push(0);
    self.name(at, Name::Add(path.to_owned(), Some(node)));
  }

  pub fn name(&mut self, at: usize, what: Name) {
    apply(&mut self.live, &what);
    let fate = Fate::Open;
    self.names.push(Change { what, at, fate });
  }

  pub fn change(&mut self, at: usize, node: Node, what: Bytes) {
    self.lengths[node] = match &what {
      Bytes::Write { offset, bytes } => {
        self.lengths[node].max(offset + bytes.len() as u64)
      }
      Bytes::Truncate(length) => *length,
    };
    let fate = Fate::Open;
    self.files[node].push(Change { what, at, fate });
  }

  /// A flush of the file has returned, and decides over what was there when it
  /// began.
  pub fn flush_file(&mut self, node: Node, begun: usize, fate: Fate) {
    decide(&mut self.files[node], begun, fate, |_| true);
  }

  pub fn flush_directory(&mut self, path: &Path, begun: usize, fate: Fate) {
    decide(&mut self.names, begun, fate, |name| {
      name.parent() == Some(path)
    });
  }

  pub fn flush_everything(&mut self, begun: usize) {
    for node in 0..self.files.len() {
      self.flush_file(node, begun, Fate::Durable);
    }
    decide(&mut self.names, begun, Fate::Durable, |_| true);
  }
}

impl Name {
  fn parent(&self) -> Option<&Path> {
    match self {
      Self::Add(path, _) | Self::Remove(path) | Self::Move(_, path) => {
        path.parent()
      }
    }
  }
}

fn decide<T>(
  changes: &mut [Change<T>],
  begun: usize,
  fate: Fate,
  which: impl Fn(&T) -> bool,
) {
  for change in changes {
    if change.fate == Fate::Open && change.at < begun && which(&change.what) {
      change.fate = fate;
    }
  }
}

pub fn apply(names: &mut BTreeMap<PathBuf, Option<Node>>, change: &Name) {
  match change {
    Name::Add(path, node) => {
      names.insert(path.clone(), *node);
    }
    Name::Remove(path) => {
      names.remove(path);
    }
    Name::Move(from, to) => {
      if let Some(node) = names.remove(from) {
        names.insert(to.clone(), node);
      }
    }
  }
}
