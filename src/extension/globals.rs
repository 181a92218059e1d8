//! The web globals of a realm that has none.

use deno_core::OpState;
use deno_core::op2;
use serde::Serialize;

use super::console::Console;
use super::messages::kind_name;
use crate::engine::RealmOptions;

deno_core::extension!(
  background_fetch_globals,
  deps = [deno_webidl, deno_web, deno_fetch],
  ops = [op_bgfetch_globals_console, op_bgfetch_globals_options],
  esm_entry_point = "ext:background_fetch_globals/start.js",
  esm = [dir "js/globals", "start.js"],
  lazy_loaded_js = [dir "js/globals", "globals.js"],
  options = {
    realm_options: RealmOptions,
    console: Console,
  },
  state = |state, options| {
    state.put(options.realm_options);
    state.put(options.console);
  },
);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GlobalOptions {
  kind: &'static str,
  url: String,
  user_agent: &'static str,
  stdout_color: bool,
  stderr_color: bool,
}

#[op2]
#[serde]
fn op_bgfetch_globals_options(state: &mut OpState) -> GlobalOptions {
  let realm_options = state.borrow::<RealmOptions>();
  let (stdout_color, stderr_color) = state.borrow::<Console>().colors();
  GlobalOptions {
    kind: kind_name(realm_options.kind),
    url: realm_options.url.to_string(),
    user_agent: concat!("background_fetch/", env!("CARGO_PKG_VERSION")),
    stdout_color,
    stderr_color,
  }
}

#[op2(fast)]
fn op_bgfetch_globals_console(
  state: &mut OpState,
  #[string] text: &str,
  is_error: bool,
) {
  let console = state.borrow::<Console>().clone();
  console.write(text, is_error);
}
