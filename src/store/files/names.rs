//! The names that are made in a directory, and how many flushes it takes until
//! they are durable: one for all that were made before it began.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::store::lock::lock;

/// Counts the names that were made in a directory, and how many of them are
/// durable. Those that an earlier process has made may not be durable yet: they
/// count as one.
pub(super) struct Names {
  made: AtomicU64,
  /// Held while the directory is flushed: who waits for it may find that
  /// nothing is left to do.
  durable: Mutex<u64>,
}

impl Default for Names {
  fn default() -> Self {
    Self {
      made: AtomicU64::new(1),
      durable: Mutex::new(0),
    }
  }
}

impl Names {
  /// A name was made.
  pub(super) fn add(&self) {
    self.made.fetch_add(1, Ordering::SeqCst);
  }

  /// Makes every name durable that was made before, by `flush` if it takes
  /// that.
  pub(super) fn sync(
    &self,
    flush: impl FnOnce() -> io::Result<()>,
  ) -> io::Result<()> {
    let wanted = self.made.load(Ordering::SeqCst);
    let mut durable = lock(&self.durable);
    if *durable < wanted {
      // With those that were made while another one flushed.
      let made = self.made.load(Ordering::SeqCst);
      flush()?;
      *durable = made;
    }
    Ok(())
  }
}

/// The [`Names`] of directories outside of the store, while somebody makes some
/// there.
#[derive(Default)]
pub(super) struct Directories(Mutex<HashMap<(u64, u64), Arc<Names>>>);

impl Directories {
  /// Makes a name durable that has just been made in `directory`.
  pub(super) fn sync(&self, directory: impl AsFd) -> io::Result<()> {
    let status = rustix::fs::fstat(&directory)?;
    let id = (status.st_dev, status.st_ino);
    let names = lock(&self.0).entry(id).or_default().clone();
    names.add();
    let synced = names.sync(|| Ok(rustix::fs::fsync(&directory)?));
    let mut all = lock(&self.0);
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

  #[test]
  fn names_that_are_made_during_a_flush_need_one_flush_more_for_all() {
    let names = Names::default();
    let flushes = AtomicU64::new(0);
    let (begun, begins) = std::sync::mpsc::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
      let (names, flushes) = (&names, &flushes);
      let first = scope.spawn(move || {
        names.sync(|| {
          flushes.fetch_add(1, Ordering::SeqCst);
          begun.send(()).map_err(io::Error::other)?;
          ends.recv().map_err(io::Error::other)
        })
      });
      begins.recv().expect("the first flush begins");
      let others: Vec<_> = (0..8)
        .map(|_| {
          names.add();
          scope.spawn(|| {
            names.sync(|| {
              flushes.fetch_add(1, Ordering::SeqCst);
              Ok(())
            })
          })
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
  fn a_flush_that_fails_is_nobodys() {
    let names = Names::default();
    let failed = names.sync(|| Err(io::ErrorKind::Other.into()));
    assert!(failed.is_err());
    let mut flushed = false;
    names
      .sync(|| {
        flushed = true;
        Ok(())
      })
      .expect("the next one");
    assert!(flushed);
  }
}
