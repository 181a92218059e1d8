//! What an engine knows by a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::ids::BackgroundFetchKey;

/// What belongs to background fetches, in the order of their keys: the oldest
/// comes first.
pub(crate) struct Table<T>(Mutex<BTreeMap<BackgroundFetchKey, Arc<T>>>);

impl<T> Default for Table<T> {
  fn default() -> Self {
    Self(Mutex::default())
  }
}

impl<T> Table<T> {
  pub(in crate::engine) fn get(
    &self,
    key: BackgroundFetchKey,
  ) -> Option<Arc<T>> {
    self.0.lock().get(&key).cloned()
  }

  pub(in crate::engine) fn all(&self) -> Vec<Arc<T>> {
    self.0.lock().values().cloned().collect()
  }

  /// Takes the place of what has the key.
  pub(in crate::engine) fn insert(
    &self,
    key: BackgroundFetchKey,
    value: Arc<T>,
  ) {
    self.0.lock().insert(key, value);
  }

  pub(in crate::engine) fn remove(&self, key: BackgroundFetchKey) {
    self.0.lock().remove(&key);
  }

  pub(in crate::engine) fn clear(&self) {
    // What is dropped may have something to do with the table.
    drop(std::mem::take(&mut *self.0.lock()));
  }
}
