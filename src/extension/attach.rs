//! When a realm is attached to its engine: after its web globals are made,
//! which need no engine, and before anything of Background Fetch is.

use deno_core::OpState;
use deno_core::op2;
use deno_error::JsErrorBox;

use crate::engine::Realm;

/// Attaches the realm; `None` when there is not going to be an engine.
pub(super) struct Attach(Box<dyn FnOnce() -> Option<Realm>>);

impl Attach {
  pub(super) fn new(attach: impl FnOnce() -> Option<Realm> + 'static) -> Self {
    Self(Box::new(attach))
  }
}

/// The first op of `js/background_fetch/main.js`; all others may look for the
/// realm in the state.
#[op2(fast)]
pub(crate) fn op_bgfetch_attach(state: &mut OpState) -> Result<(), JsErrorBox> {
  let realm = state.try_take::<Attach>().and_then(|attach| attach.0());
  let no_engine = || JsErrorBox::generic("there is no engine to attach to");
  state.put(realm.ok_or_else(no_engine)?);
  Ok(())
}
