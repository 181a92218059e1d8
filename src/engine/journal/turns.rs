//! A script that calls `fetch()` takes no answer before it has come to the end
//! of what it is doing, its turn. So the first call of a turn begins a flush at
//! once, and those behind it wait for one another until the turn ends.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::pace::LONGEST;

/// So many do not wait for more, though the turn has not ended: the store writes them
/// while the script makes the next ones.
pub(super) const MANY: usize = 50;

/// Whose turn it is: a realm has one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TurnId(pub(crate) u64);

/// The turns that have not ended.
#[derive(Default)]
pub(super) struct Turns(BTreeMap<TurnId, Turn>);

#[derive(Default)]
struct Turn {
  has_round: bool,
  waiting: usize,
  /// When the first one came that waits.
  since: Option<Instant>,
}

impl Turns {
  pub(super) fn begin(&mut self, id: TurnId) {
    self.0.entry(id).or_default();
  }

  /// Something is registered, in this turn if that has not ended.
  pub(super) fn add(&mut self, id: TurnId, now: Instant) {
    if let Some(turn) = self.0.get_mut(&id) {
      turn.waiting += 1;
      turn.since.get_or_insert(now);
    }
  }

  /// One of those that wait does not wait any more.
  pub(super) fn withdraw(&mut self, id: TurnId) {
    if let Some(turn) = self.0.get_mut(&id) {
      turn.waiting = turn.waiting.saturating_sub(1);
      turn.since = turn.since.filter(|_| turn.waiting > 0);
    }
  }

  /// Until when what was registered in a turn waits, if it does.
  pub(super) fn waits_until(&self, id: TurnId) -> Option<Instant> {
    let turn = self.0.get(&id)?;
    let waits = turn.has_round && turn.waiting < MANY;
    turn.since.filter(|_| waits).map(|since| since + LONGEST)
  }

  /// What waits is being written.
  pub(super) fn clear(&mut self) {
    for turn in self.0.values_mut() {
      *turn = Turn {
        has_round: turn.has_round || turn.waiting > 0,
        ..Turn::default()
      };
    }
  }

  pub(super) fn end(&mut self, id: TurnId) {
    self.0.remove(&id);
  }
}
