//! Small bodies that came as a whole and have no file: their bytes are in
//! memory until they are in their rows, and as long as there is room for them
//! after that, for they are read soon.

use std::collections::BTreeSet;
use std::collections::HashMap;

use bytes::Bytes;

use crate::ids::BodyId;
use crate::store::SMALL_BODY;

/// So many bytes may be held in all. Where the rows come more slowly than the
/// bodies, the others get files.
const ROOM: u64 = 8 * 1024 * 1024;

/// The bodies that are held, as a value.
#[derive(Default)]
pub(super) struct Held {
  bodies: HashMap<BodyId, Bytes>,
  /// Those of them that are in their rows. The ids of a process are in the
  /// order of time.
  in_rows: BTreeSet<BodyId>,
  /// In bytes.
  total: u64,
}

impl Held {
  /// Whether there is room for it. What is in its row makes some.
  pub(super) fn add(&mut self, id: BodyId, bytes: Bytes) -> bool {
    let length = bytes.len() as u64;
    if length > SMALL_BODY {
      return false;
    }
    while self.total + length > ROOM {
      let Some(oldest) = self.in_rows.first().copied() else {
        return false;
      };
      self.remove(oldest);
    }
    self.total += length;
    self.bodies.insert(id, bytes);
    true
  }

  pub(super) fn get(&self, id: BodyId) -> Option<Bytes> {
    self.bodies.get(&id).cloned()
  }

  /// The bytes of a body that is given a file. They leave the memory with
  /// [`Held::remove`] only.
  pub(super) fn keep(&mut self, id: BodyId) -> Option<Bytes> {
    self.in_rows.remove(&id);
    self.get(id)
  }

  /// The bytes are durable, and to be had from the row.
  pub(super) fn is_in_row(&mut self, id: BodyId) {
    if self.bodies.contains_key(&id) {
      self.in_rows.insert(id);
    }
  }

  /// It has a file now, or is deleted. Returns whether it was held.
  pub(super) fn remove(&mut self, id: BodyId) -> bool {
    self.in_rows.remove(&id);
    let bytes = self.bodies.remove(&id);
    self.total -= bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
    bytes.is_some()
  }
}

#[cfg(test)]
mod tests {
  use uuid::Uuid;

  use super::*;

  fn body(number: u128) -> BodyId {
    BodyId(Uuid::from_u128(number))
  }

  #[test]
  fn what_is_in_its_row_makes_room_and_nothing_else_does() {
    let mut held = Held::default();
    let full = u128::from(ROOM / SMALL_BODY);
    let bytes = Bytes::from(vec![7; SMALL_BODY as usize]);
    assert!((0..full).all(|n| held.add(body(n), bytes.clone())));
    assert!(!held.add(body(full), bytes.clone()));
    held.is_in_row(body(3));
    held.is_in_row(body(2));
    assert!(held.add(body(full), bytes.clone()));
    assert_eq!(held.get(body(2)), None);
    assert_eq!(held.get(body(3)), Some(bytes.clone()));
    assert!(held.remove(body(3)));
    assert!(!held.remove(body(3)));
    assert!(held.add(body(full + 1), bytes.clone()));
    assert!(!held.add(body(full + 2), bytes));
    // One that is deleted may still be said to be in its row.
    held.remove(body(5));
    held.is_in_row(body(5));
    assert_eq!(held.get(body(5)), None);
  }
}
