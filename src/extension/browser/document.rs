//! The document of a page that a host has read.

use deno_core::JsRuntime;
use deno_core::OpState;
use deno_core::error::CoreError;
use deno_core::op2;

/// A page, as its host has parsed it.
#[derive(Clone, Debug, Default)]
pub struct PageDocument {
  /// Its elements and texts: a list of strings and of objects with `tag`,
  /// `attributes` and `children`.
  pub nodes: serde_json::Value,
  /// The URLs and the sources of its classic scripts.
  pub scripts: Vec<(String, String)>,
}

/// Gives the window of `runtime` the `document` of a page. The host then has a
/// module with calls of `classic(index)`, `module(load)`, `interactive()` and
/// `end()` of `globalThis[Symbol.for("background_fetch.page")]`, in the order
/// in which the page's scripts run.
///
/// # Errors
///
/// The realm is not a window.
pub fn open_document(
  runtime: &mut JsRuntime,
  document: PageDocument,
) -> Result<(), CoreError> {
  runtime.op_state().borrow_mut().put(document);
  let open = "globalThis[Symbol.for('background_fetch.openDocument')]()";
  runtime.execute_script("ext:document", open).map(drop)?;
  Ok(())
}

#[op2]
#[serde]
pub(super) fn op_document_nodes(state: &mut OpState) -> serde_json::Value {
  let document = state.try_borrow::<PageDocument>();
  document.map(|d| d.nodes.clone()).unwrap_or_default()
}

/// The URL and the source of a classic script.
#[op2]
#[serde]
pub(super) fn op_document_script(
  state: &mut OpState,
  #[smi] index: u32,
) -> Option<(String, String)> {
  let document = state.try_borrow::<PageDocument>()?;
  document.scripts.get(index as usize).cloned()
}
