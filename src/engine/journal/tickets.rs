//! Who waits for a checkpoint: facts of several callers that are written in
//! one round.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::Change;

/// The callers that wait, in the order in which they came.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<Vec<Arc<Waiter>>>);

struct Waiter {
  changes: Vec<Change>,
  state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
  Waiting,
  /// A round that it shared has failed: it has one of its own.
  Alone,
  Written,
}

/// A caller's place. Anyone who drops it early does not wait any more, and its
/// facts do not become true later.
pub(crate) struct Ticket<'a> {
  tickets: &'a Tickets,
  waiter: Arc<Waiter>,
}

impl Tickets {
  pub(crate) fn draw(&self, changes: &[Change]) -> Ticket<'_> {
    let waiter = Arc::new(Waiter {
      changes: changes.to_vec(),
      state: Mutex::new(State::Waiting),
    });
    self.0.lock().push(waiter.clone());
    Ticket {
      tickets: self,
      waiter,
    }
  }
}

impl<'a> Ticket<'a> {
  /// Whether another caller's round has written its facts.
  pub(crate) fn is_written(&self) -> bool {
    *self.waiter.state.lock() == State::Written
  }

  /// All that wait now are in it, unless the caller has to be alone.
  pub(crate) fn begin_round(&self) -> Round<'a> {
    let mut waiting = self.tickets.0.lock();
    let alone = *self.waiter.state.lock() == State::Alone;
    let joins = |waiter: &mut Arc<Waiter>| match alone {
      true => Arc::ptr_eq(waiter, &self.waiter),
      false => *waiter.state.lock() == State::Waiting,
    };
    let waiters = waiting.extract_if(.., joins).collect();
    Round {
      tickets: self.tickets,
      waiters,
    }
  }
}

impl Drop for Ticket<'_> {
  fn drop(&mut self) {
    let mut waiting = self.tickets.0.lock();
    waiting.retain(|waiter| !Arc::ptr_eq(waiter, &self.waiter));
  }
}

/// The callers whose facts are written together. One that is dropped with
/// nothing written leaves them waiting, each by itself.
pub(crate) struct Round<'a> {
  tickets: &'a Tickets,
  waiters: Vec<Arc<Waiter>>,
}

impl Round<'_> {
  pub(crate) fn changes(&self) -> Vec<Change> {
    let changes = self.waiters.iter().flat_map(|waiter| &waiter.changes);
    changes.cloned().collect()
  }

  pub(crate) fn is_shared(&self) -> bool {
    self.waiters.len() > 1
  }

  pub(crate) fn written(mut self) {
    for waiter in self.waiters.drain(..) {
      *waiter.state.lock() = State::Written;
    }
  }

  /// From now on each of them writes its own facts.
  pub(crate) fn part(self) {
    for waiter in &self.waiters {
      *waiter.state.lock() = State::Alone;
    }
  }
}

impl Drop for Round<'_> {
  fn drop(&mut self) {
    let mut waiting = self.tickets.0.lock();
    let later = std::mem::take(&mut *waiting);
    // A caller that has dropped its ticket holds no more copy of it.
    let waiters = self.waiters.drain(..);
    *waiting = waiters.filter(|w| Arc::strong_count(w) > 1).collect();
    waiting.extend(later);
  }
}

#[cfg(test)]
mod tests {
  use super::*;
  use crate::ids::BackgroundFetchKey;

  fn change(key: i64) -> Vec<Change> {
    vec![Change::Aborted {
      key: BackgroundFetchKey(key),
    }]
  }

  fn keys(round: &Round<'_>) -> Vec<i64> {
    round
      .changes()
      .iter()
      .map(|change| change.key().0)
      .collect()
  }

  #[test]
  fn all_that_wait_share_a_round() {
    let tickets = Tickets::default();
    let (one, two) = (tickets.draw(&change(1)), tickets.draw(&change(2)));
    drop(tickets.draw(&change(3)));
    let round = one.begin_round();
    assert_eq!(keys(&round), [1, 2]);
    assert!(!two.is_written());
    round.written();
    assert!(one.is_written() && two.is_written());
    let later = tickets.draw(&change(4));
    assert_eq!(keys(&later.begin_round()), [4]);
  }

  #[test]
  fn after_a_shared_failure_each_is_alone() {
    let tickets = Tickets::default();
    let (one, two) = (tickets.draw(&change(1)), tickets.draw(&change(2)));
    one.begin_round().part();
    let three = tickets.draw(&change(3));
    assert_eq!(keys(&two.begin_round()), [2]);
    assert_eq!(keys(&three.begin_round()), [3]);
    assert!(!one.is_written());
  }

  #[test]
  fn a_round_that_is_dropped_is_begun_by_another() {
    let tickets = Tickets::default();
    let (one, two) = (tickets.draw(&change(1)), tickets.draw(&change(2)));
    let round = one.begin_round();
    drop(one);
    drop(round);
    assert_eq!(keys(&two.begin_round()), [2]);
  }
}
