//! How much of what was received may be in memory, as a value.

/// What a transfer may always hold, so that none has to wait for another one's
/// disk; in bytes.
const OWN: u64 = 64 * 1024;

/// What a stream brings at once, at most, in bytes: so much does the transport
/// read of HTTP/1.1. While a transfer waits, its connection has read as much
/// already.
const CHUNK: u64 = 512 * 1024;

/// Received bytes that wait for the store, over all transfers. Each may hold
/// its share of the budget: how fast a disk is decides how fast bytes come,
/// and not how many are in memory.
pub(crate) struct ByteBudget {
  total: u64,
  held: u64,
  transfers: u64,
}

impl ByteBudget {
  pub(crate) fn new(total: u64) -> Self {
    Self {
      total,
      held: 0,
      transfers: 0,
    }
  }

  /// A transfer begins, and holds nothing.
  pub(crate) fn begin(&mut self) {
    self.transfers += 1;
  }

  /// A transfer ends that holds so many bytes.
  pub(crate) fn end(&mut self, held: u64) {
    self.transfers -= 1;
    self.held -= held;
  }

  /// Whether a transfer that holds so many bytes may receive more.
  pub(crate) fn has_room(&self, held: u64) -> bool {
    let share = self.total / self.transfers.max(1);
    let in_connections = self.transfers * CHUNK;
    held < OWN
      || (held + 2 * CHUNK <= share
        && self.held + CHUNK + in_connections <= self.total)
  }

  pub(crate) fn received(&mut self, bytes: u64) {
    self.held += bytes;
  }

  /// So many bytes are in memory no longer.
  pub(crate) fn released(&mut self, bytes: u64) {
    self.held -= bytes;
  }
}

#[cfg(test)]
mod tests {
  use fastrand::Rng;

  use super::*;

  /// 1. What a transfer receives beyond what it may always hold is within the
  ///    budget, and within its share, with what its connection has read.
  /// 2. A transfer that holds nothing may receive.
  /// 3. The budget knows what is held.
  #[test]
  fn the_laws_hold_on_every_schedule() {
    for seed in 0..10_000 {
      let mut rng = Rng::with_seed(seed);
      let total = rng.u64(0..256) * OWN;
      let mut budget = ByteBudget::new(total);
      let mut transfers: Vec<u64> = Vec::new();
      for _ in 0..60 {
        let which = rng.usize(0..transfers.len().max(1));
        match (rng.u8(0..10), transfers.get_mut(which)) {
          (0, _) | (_, None) => {
            budget.begin();
            transfers.push(0);
          }
          (1, Some(held)) => {
            budget.end(*held);
            transfers.remove(which);
          }
          (2, Some(held)) => {
            budget.released(std::mem::take(held));
          }
          (_, Some(held)) => {
            while budget.has_room(*held) && rng.u8(0..20) > 0 {
              let is_own = *held < OWN;
              let chunk = rng.u64(1..=CHUNK);
              budget.received(chunk);
              *held += chunk;
              let share = total / budget.transfers;
              let in_connections = budget.transfers * CHUNK;
              let is_within =
                budget.held + in_connections <= total && *held + CHUNK <= share;
              assert!(is_own || is_within, "law 1, seed {seed}");
            }
          }
        }
        assert!(budget.has_room(0), "law 2, seed {seed}");
        assert_eq!(budget.held, transfers.iter().sum::<u64>(), "law 3");
      }
    }
  }

  #[test]
  fn those_that_are_active_share_it() {
    let mut budget = ByteBudget::new(8 * CHUNK);
    budget.begin();
    assert!(budget.has_room(6 * CHUNK) && !budget.has_room(6 * CHUNK + 1));
    budget.begin();
    assert!(budget.has_room(2 * CHUNK) && !budget.has_room(2 * CHUNK + 1));
    budget.end(0);
    assert!(budget.has_room(6 * CHUNK));
  }
}
