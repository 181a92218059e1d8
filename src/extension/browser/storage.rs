//! The ops of `localStorage`.

use deno_core::OpState;
use deno_core::op2;

use crate::engine::Realm;
use crate::extension::error::OpError;

#[op2]
#[string]
pub(super) fn op_local_storage_get(
  state: &mut OpState,
  #[string] key: &str,
) -> Result<Option<String>, OpError> {
  Ok(state.borrow::<Realm>().local_item(key)?)
}

#[op2]
#[serde]
pub(super) fn op_local_storage_keys(
  state: &mut OpState,
) -> Result<Vec<String>, OpError> {
  Ok(state.borrow::<Realm>().local_keys()?)
}

#[op2(fast)]
pub(super) fn op_local_storage_set(
  state: &mut OpState,
  #[string] key: &str,
  #[string] value: &str,
) -> Result<(), OpError> {
  Ok(state.borrow::<Realm>().set_local_item(key, value)?)
}

#[op2(fast)]
pub(super) fn op_local_storage_remove(
  state: &mut OpState,
  #[string] key: &str,
) -> Result<(), OpError> {
  Ok(state.borrow::<Realm>().remove_local_items(Some(key))?)
}

#[op2(fast)]
pub(super) fn op_local_storage_clear(
  state: &mut OpState,
) -> Result<(), OpError> {
  Ok(state.borrow::<Realm>().remove_local_items(None)?)
}
