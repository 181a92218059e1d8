//! What the embedder's side says to the realm about its script.

use deno_core::JsRuntime;
use deno_core::OpState;
use deno_core::error::JsError;
use deno_core::op2;
use deno_core::v8;

use super::run_error::RunError;
use crate::engine::Realm;

/// Functions of `js/background_fetch/lifecycle.js`.
struct Lifecycle {
  /// The script has run: the realm fires the events that follow.
  has_run: v8::Global<v8::Function>,
  /// A module is about to be evaluated.
  begin_module: v8::Global<v8::Function>,
  /// It has been, or its evaluation waits; whether it came to its end at once.
  end_module: v8::Global<v8::Function>,
  /// A classic script is evaluated next.
  begin_script: v8::Global<v8::Function>,
}

#[op2(fast)]
pub(crate) fn op_bgfetch_set_lifecycle(
  scope: &mut v8::PinScope,
  state: &mut OpState,
  has_run: v8::Local<v8::Function>,
  begin_module: v8::Local<v8::Function>,
  end_module: v8::Local<v8::Function>,
  begin_script: v8::Local<v8::Function>,
) {
  state.put(Lifecycle {
    has_run: v8::Global::new(scope, has_run),
    begin_module: v8::Global::new(scope, begin_module),
    end_module: v8::Global::new(scope, end_module),
    begin_script: v8::Global::new(scope, begin_script),
  });
}

/// Evaluates a classic script, as `JsRuntime::execute_script` does, with an
/// error that can be read. `url` is relative to the realm's.
///
/// # Errors
///
/// The script throws an error.
pub fn run_script(
  runtime: &mut JsRuntime,
  url: &str,
  source: &str,
) -> Result<(), RunError> {
  let base = realm(runtime).options().url.clone();
  let url = base.join(url).unwrap_or(base);
  Ok(evaluate_classic(runtime, url.as_str(), source)?)
}

/// Says that the script was evaluated and has its event listeners: until then,
/// functional events are held back. A window without a document gets its
/// `DOMContentLoaded` and `load` now. [`run_until_idle`](super::run_until_idle) says so itself.
pub fn deliver_events(runtime: &mut JsRuntime) {
  realm(runtime).start_worker();
  script_has_run(runtime);
}

/// The realm that the extension attached to the engine, for
/// [`run_until_idle`](super::run_until_idle).
pub fn realm(runtime: &mut JsRuntime) -> Realm {
  runtime.op_state().borrow().borrow::<Realm>().clone()
}

/// The script of the realm was evaluated, or its evaluation has begun.
pub(super) fn script_has_run(runtime: &mut JsRuntime) {
  call(runtime, |lifecycle| &lifecycle.has_run);
}

/// The module that is evaluated next is one of [`evaluation_of`].
pub(super) fn begin_module(runtime: &mut JsRuntime) {
  call(runtime, |lifecycle| &lifecycle.begin_module);
}

/// Whether the module whose evaluation has begun came to its end without
/// waiting for anything:
/// [no service worker may be an async module](https://w3c.github.io/ServiceWorker/#is-async-module).
pub(super) fn end_module(runtime: &mut JsRuntime) -> bool {
  call(runtime, |lifecycle| &lifecycle.end_module)
}

/// The source of a module that evaluates the one at `url`, and says when that
/// is done.
pub(super) fn evaluation_of(url: &str) -> String {
  let url = serde_json::Value::from(url);
  format!("import {url};\nglobalThis[Symbol.for(\"{EVALUATED}\")]?.();\n")
}

/// Evaluates the classic script at `url`. `JsRuntime::execute_script` would
/// panic with QuickJS over an exception that cannot be made a string.
pub(super) fn evaluate_classic(
  runtime: &mut JsRuntime,
  url: &str,
  source: &str,
) -> Result<(), Box<JsError>> {
  call(runtime, |lifecycle| &lifecycle.begin_script);
  let url = serde_json::Value::from(url);
  let source = serde_json::Value::from(source);
  let script =
    format!("globalThis[Symbol.for(\"{EVALUATE}\")]({source}, {url});");
  runtime
    .execute_script("background-fetch:script", script)
    .map(drop)
}

/// As in `js/background_fetch/lifecycle.js`.
const EVALUATE: &str = "background_fetch.evaluate";

/// As in `js/background_fetch/lifecycle.js`.
const EVALUATED: &str = "background_fetch.evaluated";

/// Calls one of the functions; whether it has returned `true`. They throw
/// nothing.
fn call(
  runtime: &mut JsRuntime,
  function: impl Fn(&Lifecycle) -> &v8::Global<v8::Function>,
) -> bool {
  let state = runtime.op_state();
  let function = state
    .borrow()
    .try_borrow::<Lifecycle>()
    .map(function)
    .cloned();
  // A host may have put no JavaScript into the realm yet.
  let Some(function) = function else {
    return false;
  };
  deno_core::scope!(scope, runtime);
  let function = v8::Local::new(scope, function);
  let receiver = v8::undefined(scope).into();
  let result = function.call(scope, receiver, &[]);
  result.is_some_and(|result| result.is_true())
}
