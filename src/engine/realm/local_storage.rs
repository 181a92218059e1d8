//! [`localStorage`](https://html.spec.whatwg.org/multipage/webstorage.html#the-localstorage-attribute),
//! behind the script's interface.

use super::Realm;
use crate::engine::error::FetchError;
use crate::store::StoreError;

/// How many bytes the items of an origin may have, keys and values together:
/// about as many as in browsers.
const MAX_SIZE: u64 = 10 * 1024 * 1024;

impl Realm {
  /// The value of the item `key`.
  ///
  /// # Errors
  ///
  /// As for all that follow: the store has failed.
  pub fn local_item(&self, key: &str) -> Result<Option<String>, StoreError> {
    let caches = &self.engine().context().caches;
    caches.local_item(&self.origin(), key)
  }

  /// The keys of all items.
  ///
  /// # Errors
  ///
  /// The store has failed.
  pub fn local_keys(&self) -> Result<Vec<String>, StoreError> {
    let caches = &self.engine().context().caches;
    caches.local_keys(&self.origin())
  }

  /// Sets the item `key`; durable when it returns.
  ///
  /// # Errors
  ///
  /// There is no room, or the store has failed.
  pub fn set_local_item(
    &self,
    key: &str,
    value: &str,
  ) -> Result<(), FetchError> {
    let caches = &self.engine().context().caches;
    match caches.set_local_item(&self.origin(), key, value, MAX_SIZE) {
      Ok(Ok(())) => Ok(()),
      Ok(Err(size)) => Err(FetchError::QuotaExceeded {
        message: format!(
          "the items of localStorage would have {size} bytes, and may have \
           {MAX_SIZE}"
        ),
        quota: Some(MAX_SIZE),
        requested: Some(size),
      }),
      Err(error) if error.is_full() => {
        let context = self.engine().context();
        let quota = context.quota(&self.options().url);
        let requested = (key.len() + value.len()) as u64;
        let available = caches.available();
        Err(quota.no_room(error.to_string(), requested, available))
      }
      Err(error) => Err(FetchError::Store(error)),
    }
  }

  /// Removes the item `key`, or all.
  ///
  /// # Errors
  ///
  /// The store has failed.
  pub fn remove_local_items(
    &self,
    key: Option<&str>,
  ) -> Result<(), StoreError> {
    let caches = &self.engine().context().caches;
    caches.remove_local_items(&self.origin(), key)
  }

  fn origin(&self) -> String {
    self.options().url.origin().ascii_serialization()
  }
}
