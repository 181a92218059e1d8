//! The names that are made in a directory, and how many flushes it takes until
//! they are durable: one for all that were made before it began.
//!
//! A flush that fails may have dropped the names from memory, and the next one
//! then reports success all the same. So those that it was for are lost from
//! then on, to everyone who asks.

use std::collections::HashMap;
use std::collections::HashSet;
use std::hash::Hash;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::store::lock::lock;

/// The names in a directory that are not known to be durable.
pub(super) struct Names<T> {
  /// Those that no flush was tried for yet.
  made: Mutex<HashSet<T>>,
  /// Those that a flush has failed for.
  lost: Mutex<HashSet<T>>,
  /// Held while the directory is flushed: who waits for it may find that
  /// nothing is left to do.
  flush: Mutex<()>,
}

impl<T> Default for Names<T> {
  fn default() -> Self {
    Self {
      made: Mutex::default(),
      lost: Mutex::default(),
      flush: Mutex::default(),
    }
  }
}

impl<T: Copy + Eq + Hash> Names<T> {
  /// A name was made, whatever became of it before; or it is not known whether
  /// a flush came after that.
  pub(super) fn add(&self, name: T) {
    lock(&self.lost).remove(&name);
    lock(&self.made).insert(name);
  }

  /// A name is gone.
  pub(super) fn remove(&self, name: T) {
    lock(&self.made).remove(&name);
    lock(&self.lost).remove(&name);
  }

  /// Whether a flush for the name has failed.
  pub(super) fn is_lost(&self, name: T) -> bool {
    lock(&self.lost).contains(&name)
  }

  /// Makes a name durable, with every other one that was made before, by
  /// `flush` if it takes that.
  pub(super) fn sync(
    &self,
    name: T,
    flush: impl FnOnce() -> io::Result<()>,
  ) -> io::Result<()> {
    let _flush = lock(&self.flush);
    // With those that were made while another one flushed.
    let made = std::mem::take(&mut *lock(&self.made));
    let mut failed = None;
    if !made.is_empty()
      && let Err(error) = flush()
    {
      lock(&self.lost).extend(made);
      failed = Some(error);
    }
    if !self.is_lost(name) {
      return Ok(());
    }
    Err(failed.unwrap_or_else(|| {
      io::Error::other("an earlier flush of its directory has failed")
    }))
  }
}

/// The device, and the number there.
type Inode = (u64, u64);

/// The names that are made outside of stores.
pub(super) static OUTSIDE: LazyLock<Directories> =
  LazyLock::new(Directories::default);

/// The [`Names`] of directories, while some are made there. Each has a number.
#[derive(Default)]
pub(super) struct Directories {
  names: Mutex<HashMap<Inode, Arc<Names<u64>>>>,
  last: AtomicU64,
}

impl Directories {
  /// Makes a name durable that has just been made in `directory`.
  pub(super) fn sync(&self, directory: impl AsFd) -> io::Result<()> {
    let status = rustix::fs::fstat(&directory)?;
    let id = (status.st_dev, status.st_ino);
    let names = lock(&self.names).entry(id).or_default().clone();
    let number = self.last.fetch_add(1, Ordering::Relaxed);
    names.add(number);
    let flush = || Ok(rustix::fs::fsync(&directory)?);
    let synced = names.sync(number, flush);
    names.remove(number);
    let mut all = lock(&self.names);
    drop(names);
    if all
      .get(&id)
      .is_some_and(|names| Arc::strong_count(names) == 1)
    {
      all.remove(&id);
    }
    synced
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn fails() -> io::Result<()> {
    Err(io::ErrorKind::Other.into())
  }

  #[test]
  fn names_that_are_made_during_a_flush_need_one_flush_more_for_all() {
    let names = Names::default();
    names.add(0);
    let flushes = AtomicU64::new(0);
    let (begun, begins) = std::sync::mpsc::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
      let (names, flushes) = (&names, &flushes);
      let first = scope.spawn(move || {
        let flush = || {
          flushes.fetch_add(1, Ordering::SeqCst);
          begun.send(()).map_err(io::Error::other)?;
          ends.recv().map_err(io::Error::other)
        };
        names.sync(0, flush)
      });
      begins.recv().expect("the first flush begins");
      let others: Vec<_> = (1..9)
        .map(|name| {
          names.add(name);
          let flush = || {
            flushes.fetch_add(1, Ordering::SeqCst);
            Ok(())
          };
          scope.spawn(move || names.sync(name, flush))
        })
        .collect();
      end.send(()).expect("the first flush waits");
      first.join().expect("no panic").expect("a flush");
      for other in others {
        other.join().expect("no panic").expect("a flush");
      }
    });
    assert_eq!(flushes.load(Ordering::SeqCst), 2);
  }

  #[test]
  fn a_name_that_a_flush_has_failed_for_is_lost_until_it_is_made_again() {
    let names = Names::default();
    names.add(1);
    names.sync(1, || Ok(())).expect("a flush");
    names.add(2);
    names.add(3);
    // It was durable before.
    names.sync(1, fails).expect("nothing of it is lost");
    names.add(4);
    for lost in [2, 3] {
      assert!(names.sync(lost, || Ok(())).is_err());
    }
    names.sync(4, fails).expect("it is flushed with the others");
    names.add(3);
    names.sync(3, || Ok(())).expect("a flush");
    names.remove(2);
    assert!(!names.is_lost(2));
  }
}
