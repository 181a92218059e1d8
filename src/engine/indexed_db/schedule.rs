//! Which transactions of a database may run: a value.
//!
//! <https://w3c.github.io/IndexedDB/#transaction-scheduling>

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tokio::sync::oneshot;

/// The transactions of one database, of all realms, in the order in which they
/// were made.
///
/// Two that write never run at the same time, though the specification would
/// allow it when they share no object store: SQLite has one writer.
#[derive(Default)]
pub(super) struct Schedule {
  last: u64,
  live: BTreeMap<u64, Live>,
  /// How many of them do not run yet.
  waiting: usize,
  /// How many of them use each object store, and how many write to it.
  users: HashMap<u32, usize>,
  writers: HashMap<u32, usize>,
  /// How many of them write.
  writing: usize,
}

struct Live {
  scope: Scope,
  /// Until it runs.
  start: Option<oneshot::Sender<()>>,
}

/// What a transaction may touch.
#[derive(Clone, Debug)]
pub(super) struct Scope {
  /// Object stores, by their ids, each once.
  pub(super) stores: Vec<u32>,
  pub(super) writes: bool,
}

impl Scope {
  fn has_one_of<T>(&self, stores: &HashMap<u32, T>) -> bool {
    self.stores.iter().any(|store| stores.contains_key(store))
  }
}

impl Schedule {
  /// A new transaction, and what says that it runs.
  pub(super) fn add(&mut self, scope: Scope) -> (u64, oneshot::Receiver<()>) {
    // All that are live are earlier.
    let waits = match scope.writes {
      true => self.writing > 0 || scope.has_one_of(&self.users),
      false => scope.has_one_of(&self.writers),
    };
    for store in &scope.stores {
      *self.users.entry(*store).or_default() += 1;
      if scope.writes {
        *self.writers.entry(*store).or_default() += 1;
      }
    }
    self.writing += usize::from(scope.writes);
    let (start, started) = oneshot::channel();
    let mut start = Some(start);
    if waits {
      self.waiting += 1;
    } else if let Some(start) = start.take() {
      let _ = start.send(());
    }
    self.last += 1;
    self.live.insert(self.last, Live { scope, start });
    (self.last, started)
  }

  /// The transaction is over.
  pub(super) fn remove(&mut self, id: u64) {
    let Some(over) = self.live.remove(&id) else {
      return;
    };
    for store in &over.scope.stores {
      take_one(&mut self.users, *store);
      if over.scope.writes {
        take_one(&mut self.writers, *store);
      }
    }
    self.writing -= usize::from(over.scope.writes);
    self.waiting -= usize::from(over.start.is_some());
    self.start();
  }

  /// Starts each transaction that no earlier one stands in the way of.
  fn start(&mut self) {
    let mut waiting = self.waiting;
    let mut one_writes = false;
    let mut written: HashMap<u32, ()> = HashMap::new();
    let mut used: HashMap<u32, ()> = HashMap::new();
    for Live { scope, start } in self.live.values_mut() {
      if waiting == 0 {
        return;
      }
      let waits = match scope.writes {
        true => one_writes || scope.has_one_of(&used),
        false => scope.has_one_of(&written),
      };
      waiting -= usize::from(start.is_some());
      if !waits && let Some(start) = start.take() {
        self.waiting -= 1;
        // Who does not wait any more removes it in a moment.
        let _ = start.send(());
      }
      let stores = scope.stores.iter().map(|store| (*store, ()));
      used.extend(stores.clone());
      if scope.writes {
        one_writes = true;
        written.extend(stores);
        // All that follow wait: there may be thousands.
        if written.len() == self.users.len() {
          return;
        }
      }
    }
  }
}

fn take_one(counts: &mut HashMap<u32, usize>, store: u32) {
  if let Entry::Occupied(mut count) = counts.entry(store) {
    *count.get_mut() -= 1;
    if *count.get() == 0 {
      count.remove();
    }
  }
}

#[cfg(test)]
mod tests {
  use proptest::prelude::*;

  use super::*;

  struct Made {
    id: u64,
    scope: Scope,
    started: oneshot::Receiver<()>,
    runs: bool,
  }

  fn stand_in_each_others_way(a: &Scope, b: &Scope) -> bool {
    let overlap = a.stores.iter().any(|store| b.stores.contains(store));
    (a.writes && b.writes) || (overlap && (a.writes || b.writes))
  }

  fn scope() -> impl Strategy<Value = Scope> {
    let stores = proptest::collection::vec(0..4_u32, 1..4);
    (stores, any::<bool>())
      .prop_map(|(stores, writes)| Scope { stores, writes })
  }

  proptest! {
    /// Laws: a transaction runs if and only if none of the earlier ones that
    /// are not over stands in its way. So two that run never do, none
    /// overtakes one that it has to wait for, and the oldest always runs.
    #[test]
    fn a_transaction_runs_when_no_earlier_one_stands_in_its_way(
      steps in proptest::collection::vec((scope(), any::<prop::sample::Index>(), any::<bool>()), 1..40)
    ) {
      let mut schedule = Schedule::default();
      let mut live: Vec<Made> = Vec::new();
      for (scope, index, ends) in steps {
        if ends && !live.is_empty() {
          let over = live.remove(index.index(live.len()));
          schedule.remove(over.id);
        } else {
          let (id, started) = schedule.add(scope.clone());
          live.push(Made { id, scope, started, runs: false });
        }
        for made in &mut live {
          made.runs |= made.started.try_recv().is_ok();
        }
        for (at, made) in live.iter().enumerate() {
          let waits = live[..at]
            .iter()
            .any(|earlier| stand_in_each_others_way(&earlier.scope, &made.scope));
          prop_assert_eq!(made.runs, !waits);
        }
      }
    }
  }
}
