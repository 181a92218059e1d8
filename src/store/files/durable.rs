//! Which bodies need not be flushed.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::ids::BodyId;
use crate::store::lock::lock;

/// Which bodies are known to be durable as they are: those that a flush has
/// found without a writing end, and that have had none since it began.
#[derive(Default)]
pub(super) struct Durable(Mutex<Rounds>);

#[derive(Default)]
struct Rounds {
  last: u64,
  /// The flush that is to make it durable; `None` once it has.
  bodies: HashMap<BodyId, Option<u64>>,
}

/// One flush, and the bodies that are not written to.
pub(super) struct Round {
  number: u64,
  bodies: Vec<BodyId>,
}

impl Durable {
  pub(super) fn is(&self, id: BodyId) -> bool {
    matches!(lock(&self.0).bodies.get(&id), Some(None))
  }

  /// It is written to from now on, or gone.
  pub(super) fn remove(&self, id: BodyId) {
    lock(&self.0).bodies.remove(&id);
  }

  /// A flush of `bodies` begins; none of them has a writing end.
  pub(super) fn begin(&self, bodies: Vec<BodyId>) -> Round {
    let mut rounds = lock(&self.0);
    rounds.last += 1;
    let number = rounds.last;
    for id in &bodies {
      let known = rounds.bodies.entry(*id).or_insert(Some(number));
      // What is durable stays so; of two flushes the later one counts.
      if known.is_some() {
        *known = Some(number);
      }
    }
    Round { number, bodies }
  }

  /// The flush has succeeded.
  pub(super) fn end(&self, round: Round) {
    let mut rounds = lock(&self.0);
    for id in &round.bodies {
      if let Some(known) = rounds.bodies.get_mut(id)
        && *known == Some(round.number)
      {
        *known = None;
      }
    }
  }
}

#[cfg(test)]
mod tests {
  use super::*;

  fn body(n: u128) -> BodyId {
    BodyId(uuid::Uuid::from_u128(n))
  }

  #[test]
  fn a_body_is_durable_after_a_flush_that_nothing_was_written_during() {
    let durable = Durable::default();
    let round = durable.begin(vec![body(1), body(2)]);
    assert!(!durable.is(body(1)));
    // Its writer may append from now on.
    durable.remove(body(2));
    durable.end(round);
    assert!(durable.is(body(1)));
    assert!(!durable.is(body(2)));
    durable.remove(body(1));
    assert!(!durable.is(body(1)));
  }

  #[test]
  fn a_flush_says_nothing_of_what_was_written_after_its_begin() {
    let durable = Durable::default();
    let before = durable.begin(vec![body(1)]);
    durable.remove(body(1));
    let after = durable.begin(vec![body(1)]);
    durable.end(before);
    assert!(!durable.is(body(1)));
    durable.end(after);
    assert!(durable.is(body(1)));
  }
}
