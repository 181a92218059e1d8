//! The web globals of a realm that has none.

use std::io::IsTerminal;
use std::io::Write;
use std::rc::Rc;

use deno_core::OpState;
use deno_core::op2;
use serde::Serialize;

use super::FurtherExtensions;
use super::messages::kind_name;
use crate::engine::Realm;

/// Writes a text with its line end; the flag says whether it is a warning or an
/// error.
pub type WriteConsole = dyn Fn(&str, bool);

/// Where `console` writes.
#[derive(Clone, Default)]
pub enum Console {
  /// Warnings and errors to standard error, the rest to standard output.
  #[default]
  Standard,
  /// Everything to standard error.
  Stderr,
  /// To a function.
  Custom(Rc<WriteConsole>),
}

opaque_debug!(Console);

impl Console {
  /// Whether what is not an error, and what is one, may be coloured.
  fn colors(&self) -> (bool, bool) {
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
      return (false, false);
    }
    let stderr = std::io::stderr().is_terminal();
    match self {
      Console::Standard => (std::io::stdout().is_terminal(), stderr),
      Console::Stderr => (stderr, stderr),
      Console::Custom(_) => (false, false),
    }
  }

  pub(crate) fn write(&self, text: &str, is_error: bool) {
    // A closed pipe is no reason to end a script.
    let _ = match self {
      Console::Custom(write) => {
        write(text, is_error);
        Ok(())
      }
      Console::Standard if !is_error => write_all(std::io::stdout(), text),
      Console::Standard | Console::Stderr => write_all(std::io::stderr(), text),
    };
  }
}

fn write_all(mut stream: impl Write, text: &str) -> std::io::Result<()> {
  stream.write_all(text.as_bytes())?;
  stream.flush()
}

/// What the realm's own workers get, too.
#[derive(Clone, Default)]
pub(crate) struct Further(pub(crate) Option<FurtherExtensions>);

deno_core::extension!(
  background_fetch_globals,
  deps = [deno_webidl, deno_web, deno_fetch],
  ops = [op_bgfetch_globals_console, op_bgfetch_globals_options],
  esm_entry_point = "ext:background_fetch_globals/start.js",
  esm = [dir "js/globals", "start.js"],
  lazy_loaded_js = [dir "js/globals", "globals.js"],
  options = {
    realm: Realm,
    console: Console,
    further: Further,
  },
  state = |state, options| {
    state.put(options.realm);
    state.put(options.console);
    state.put(options.further);
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
  let realm_options = state.borrow::<Realm>().options();
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
