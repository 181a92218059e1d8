//! What is still to be delivered to one reader, in one order, as a value: it
//! takes what has happened and returns what to deliver. It never waits; the
//! time is an argument. `inbox_tests.rs` holds the laws.
//!
//! An *update* says that something has changed. Of each thing there is one at a
//! time, and it is read as the thing stands then, so that a slow reader costs
//! nothing. A *message* is delivered once, after every update that came before
//! it: a reader that gets an end finds it.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// How often progress is delivered to a reader; everything else is delivered at
/// once.
pub(in crate::engine) const PROGRESS_INTERVAL: Duration =
  Duration::from_millis(50);

/// Updates of what the keys `K` name, and messages.
pub(in crate::engine) struct Inbox<K, U, M> {
  /// In the order in which they came.
  entries: BTreeMap<u64, Entry<K, U, M>>,
  last_position: u64,
  /// Where the updates that wait are.
  updates: HashMap<K, u64>,
  /// How many entries may not wait for the next progress.
  urgent: usize,
  /// The reader has begun, and gets all that there is.
  is_reading: bool,
  /// When the reader has last got an update.
  last_update: Option<Instant>,
}

enum Entry<K, U, M> {
  Update { key: K, update: U, is_urgent: bool },
  Message(M),
}

/// What the reader gets now.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) enum Next<U, M> {
  Update(U),
  Message(M),
  /// Nothing, before this time or the next wake-up.
  NotBefore(Instant),
  /// Nothing, before the next wake-up.
  Nothing,
}

impl<K, U, M> Default for Inbox<K, U, M> {
  fn default() -> Self {
    Self {
      entries: BTreeMap::new(),
      last_position: 0,
      updates: HashMap::new(),
      urgent: 0,
      is_reading: false,
      last_update: None,
    }
  }
}

impl<K: Clone + Eq + Hash, U, M> Inbox<K, U, M> {
  /// What `key` names has changed. Takes the place of an update of it that
  /// waits. Returns whether the reader has to be woken.
  #[must_use]
  pub(in crate::engine) fn push_update(
    &mut self,
    key: K,
    new: U,
    is_new_urgent: bool,
  ) -> bool {
    let waiting = self.updates.get(&key);
    match waiting.and_then(|position| self.entries.get_mut(position)) {
      Some(Entry::Update {
        update, is_urgent, ..
      }) => {
        *update = new;
        let is_hurried = is_new_urgent && !*is_urgent;
        *is_urgent |= is_new_urgent;
        self.urgent += usize::from(is_hurried);
        is_hurried
      }
      _ => {
        let position = self.next_position();
        self.updates.insert(key.clone(), position);
        self.urgent += usize::from(is_new_urgent);
        let entry = Entry::Update {
          key,
          update: new,
          is_urgent: is_new_urgent,
        };
        self.entries.insert(position, entry);
        is_new_urgent || self.entries.len() == 1
      }
    }
  }

  /// The reader has to be woken.
  pub(in crate::engine) fn push_message(&mut self, message: M) {
    let position = self.next_position();
    self.entries.insert(position, Entry::Message(message));
    self.urgent += 1;
  }

  /// What the reader gets at the time `now`.
  #[must_use]
  pub(in crate::engine) fn next(&mut self, now: Instant) -> Next<U, M> {
    if self.entries.is_empty() {
      return Next::Nothing;
    }
    let due = self.last_update.map(|time| time + PROGRESS_INTERVAL);
    if let Some(due) = due
      && !self.is_reading
      && self.urgent == 0
      && now < due
    {
      return Next::NotBefore(due);
    }
    let first = self.entries.pop_first();
    self.is_reading = !self.entries.is_empty();
    match first.map(|(_, entry)| entry) {
      None => Next::Nothing,
      Some(Entry::Message(message)) => {
        self.urgent -= 1;
        Next::Message(message)
      }
      Some(Entry::Update {
        key,
        update,
        is_urgent,
      }) => {
        self.updates.remove(&key);
        self.urgent -= usize::from(is_urgent);
        self.last_update = Some(now);
        Next::Update(update)
      }
    }
  }

  /// The updates that follow the one that was delivered, up to the next
  /// message: a reader may want them as one.
  pub(in crate::engine) fn more_updates(&mut self, now: Instant) -> Vec<U> {
    let mut more = Vec::new();
    while let Some((_, Entry::Update { .. })) = self.entries.first_key_value()
      && let Next::Update(update) = self.next(now)
    {
      more.push(update);
    }
    more
  }

  fn next_position(&mut self) -> u64 {
    self.last_position += 1;
    self.last_position
  }
}
