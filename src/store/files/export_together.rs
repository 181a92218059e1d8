//! Those who export small bodies, and wait for one another.

use std::io;
use std::sync::Arc;

use super::Inner;
use super::export_bytes::Export;
use super::export_bytes::Exports;
use super::export_bytes::export_all;
use super::unflushed::ONE_FLUSH;
use crate::store::StoreError;
use crate::store::lock::lock;

impl Inner {
  /// Exports bytes, with all others that come while those before are exported.
  pub(super) async fn export_together(
    self: &Arc<Self>,
    export: Export,
  ) -> Result<(), StoreError> {
    let (is_first, answered) = lock(&self.exports).push(export);
    if is_first {
      let inner = self.clone();
      tokio::task::spawn_blocking(move || inner.export_waiting());
    }
    let cut_short = || io::Error::other("the export was cut short");
    answered.await.unwrap_or_else(|_| Err(cut_short().into()))
  }

  fn export_waiting(&self) {
    let _cut_short = CutShortOnPanic(self);
    loop {
      let (exports, answers) = lock(&self.exports).take();
      if exports.is_empty() {
        return;
      }
      let exported = export_all(&exports, |count| self.is_little_else(count));
      for (answer, exported) in answers.into_iter().zip(exported) {
        // Who no longer listens needs no answer.
        let _ = answer.send(exported);
      }
    }
  }

  /// Whether a flush of the whole file system is cheaper than one of each of so
  /// many small files: it writes everything else, too, that any program has
  /// written.
  fn is_little_else(&self, count: usize) -> bool {
    lock(&self.unflushed).is_little_beside(count)
      && dirty_bytes().is_some_and(|dirty| dirty <= count as u64 * ONE_FLUSH)
  }
}

/// No caller may wait for what has panicked.
struct CutShortOnPanic<'a>(&'a Inner);

impl Drop for CutShortOnPanic<'_> {
  fn drop(&mut self) {
    if std::thread::panicking() {
      *lock(&self.0.exports) = Exports::default();
    }
  }
}

/// How many bytes all programs have written that are in no disk yet; `None`
/// where the operating system does not say.
fn dirty_bytes() -> Option<u64> {
  let text = std::fs::read_to_string("/proc/meminfo").ok()?;
  let line = text.lines().find_map(|line| line.strip_prefix("Dirty:"))?;
  let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
  Some(kibibytes * 1024)
}
