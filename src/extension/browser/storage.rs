//! The ops of `localStorage`.

use deno_core::OpState;
use deno_core::op2;

use super::error::BrowserError;
use crate::engine::Realm;
use crate::extension::error::BackgroundFetchError;

#[op2]
#[string]
pub(super) fn op_local_storage_get(
  state: &mut OpState,
  #[string] key: &str,
) -> Result<Option<String>, BrowserError> {
  let item = state.borrow::<Realm>().local_item(key);
  Ok(item.map_err(BackgroundFetchError::from)?)
}

#[op2]
#[serde]
pub(super) fn op_local_storage_keys(
  state: &mut OpState,
) -> Result<Vec<String>, BrowserError> {
  let keys = state.borrow::<Realm>().local_keys();
  Ok(keys.map_err(BackgroundFetchError::from)?)
}

#[op2(fast)]
pub(super) fn op_local_storage_set(
  state: &mut OpState,
  #[string] key: &str,
  #[string] value: &str,
) -> Result<(), BrowserError> {
  let set = state.borrow::<Realm>().set_local_item(key, value);
  Ok(set.map_err(BackgroundFetchError::from)?)
}

#[op2(fast)]
pub(super) fn op_local_storage_remove(
  state: &mut OpState,
  #[string] key: &str,
) -> Result<(), BrowserError> {
  let removed = state.borrow::<Realm>().remove_local_items(Some(key));
  Ok(removed.map_err(BackgroundFetchError::from)?)
}

#[op2(fast)]
pub(super) fn op_local_storage_clear(
  state: &mut OpState,
) -> Result<(), BrowserError> {
  let removed = state.borrow::<Realm>().remove_local_items(None);
  Ok(removed.map_err(BackgroundFetchError::from)?)
}
