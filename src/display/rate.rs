//! How fast bytes come in.

use std::time::Duration;
use std::time::Instant;

/// The time since a background fetch was first seen, and the bytes since.
pub(super) struct Rate {
  since: Instant,
  first: u64,
}

impl Rate {
  /// Bytes that were there before now do not count: a resumed transfer is
  /// not fast for what an earlier process has received.
  pub(super) fn starting_at(bytes: u64) -> Self {
    Self {
      since: Instant::now(),
      first: bytes,
    }
  }

  pub(super) fn elapsed(&self) -> Duration {
    self.since.elapsed()
  }

  /// In bytes per second, over the whole time; 0 before there is one.
  pub(super) fn average(&self, bytes: u64) -> u64 {
    let seconds = self.elapsed().as_secs_f64();
    match seconds > 0.0 {
      true => (bytes.saturating_sub(self.first) as f64 / seconds) as u64,
      false => 0,
    }
  }
}
