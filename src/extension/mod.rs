//! Background Fetch for `deno_core`: the only module that knows it.
//!
//! A host that has web globals of its own adds [`init`] to its extensions,
//! after `deno_webidl`, `deno_web`, `deno_net` and `deno_fetch`. One that has
//! none takes [`extensions`], and gets all of them with a service worker's
//! globals on top.

mod api;
mod blobs;
mod browser;
mod error;
mod globals;
mod handles;
mod idle;
mod lifecycle;
mod messages;
mod module_loader;
mod net_check;
mod no_net;
mod ops;
mod run_error;
mod scripts;
mod service_worker_ops;
mod structured_clone;
mod worker_threads;

use std::rc::Rc;
use std::sync::Arc;

use ::deno_crypto::deno_crypto;
use ::deno_fetch::deno_fetch;
use ::deno_web::InMemoryBroadcastChannel;
use ::deno_web::deno_web;
use ::deno_webidl::deno_webidl;
use deno_core::Extension;
use deno_core::JsRuntime;
use tokio::runtime::Handle;
use tokio::runtime::RuntimeFlavor;

use self::api::background_fetch;
use self::blobs::Blobs;
pub use self::browser::PageDocument;
use self::browser::background_fetch_browser;
pub use self::browser::open_document;
pub use self::globals::Console;
use self::globals::Further;
pub use self::globals::WriteConsole;
use self::globals::background_fetch_globals;
pub use self::idle::run_until_idle;
pub use self::idle::run_until_settled;
pub use self::net_check::net_check;
use self::no_net::deno_net;
pub use self::run_error::RunError;
use self::scripts::with_own_scripts;
pub use self::scripts::with_scripts;
pub use self::worker_threads::WorkerThreads;
use crate::engine::Engine;
use crate::engine::Realm;
use crate::engine::RealmOptions;

/// The extension for a host with web globals of its own. It defines the
/// interfaces of Background Fetch, `navigator.serviceWorker` where there is a
/// `navigator` without one, and in a service worker's realm `registration` and
/// the four event handlers.
///
/// The host's own script has called `prepareGlobalScope()` and, if nobody else
/// has, `registerExceptions()` of `ext:background_fetch/common/global_scope.js`:
/// an example is in `examples/embedder`. After the script was evaluated the host
/// calls [`deliver_events`]. Errors of event handlers are logged with `tracing`.
/// [`check`] says whether an extension is missing.
///
/// The realm is detached from the engine when the runtime is dropped.
///
/// # Panics
///
/// As [`extensions`] does.
pub fn init(engine: &Engine, realm_options: RealmOptions) -> Extension {
  refuse_many_threads();
  with_own_scripts(background_fetch::init(
    engine.attach(realm_options),
    Rc::new(|text: &str| tracing::error!("in an event handler: {text}")),
  ))
}

/// Choices for [`extensions`], each with a working default.
#[derive(Clone, Default)]
pub struct ExtensionOptions {
  /// Where `console` writes.
  pub console: Console,
  /// Where errors of event handlers go; to the console, by default.
  pub report_error: Option<ReportError>,
  /// Further extensions of the realm, which come after those of this crate, and
  /// of the dedicated workers that its scripts start. Default: none.
  pub further: Option<FurtherExtensions>,
}

/// Makes extensions for one more realm; called on its thread. Their scripts are
/// read from the disk unless [`with_scripts`] has put them into the program.
pub type FurtherExtensions = Arc<dyn Fn() -> Vec<Extension> + Send + Sync>;

/// Called with what an event listener has thrown, and with why a promise given
/// to `waitUntil()` was rejected, unless a listener for `error` or
/// `unhandledrejection` has prevented it; in a worker with every other uncaught
/// error of a script, too. The text is for people, and may have several lines.
///
/// In a page, every other uncaught error comes out of the event loop.
pub type ReportError = Rc<dyn Fn(&str)>;

/// All that a runtime with no globals needs: `deno_webidl`, `deno_web`,
/// `deno_fetch` with a stand-in for `deno_net`, `deno_crypto`, the web globals
/// of the kind of realm that `realm_options` name, and Background Fetch.
///
/// Scripts that were written for a browser find what they expect: see
/// `docs/browser-scripts.md`.
/// `Deno` is taken away: the realm reaches the network by the engine only.
///
/// # Panics
///
/// Inside of a tokio runtime of many threads, where `deno_core` would end the
/// process.
pub fn extensions(
  engine: &Engine,
  realm_options: RealmOptions,
  options: ExtensionOptions,
) -> Vec<Extension> {
  refuse_many_threads();
  let location = realm_options.url.clone();
  let realm = engine.attach(realm_options);
  let console = options.console.clone();
  let report_error = options.report_error.unwrap_or_else(|| {
    Rc::new(move |text: &str| console.write(&format!("{text}\n"), true))
  });
  let all = vec![
    deno_webidl::init(),
    deno_web::init(
      Arc::new(Blobs::new(&realm)),
      Some(location),
      false,
      InMemoryBroadcastChannel::default(),
    ),
    deno_net::init(),
    deno_fetch::init(::deno_fetch::Options::default()),
    deno_crypto::init(None),
    background_fetch_globals::init(
      realm.clone(),
      options.console,
      Further(options.further.clone()),
    ),
    background_fetch::init(realm, report_error),
    background_fetch_browser::init(),
  ];
  let own = all.into_iter().map(with_own_scripts);
  let further = options.further.map(|make| make()).unwrap_or_default();
  own.chain(further).collect()
}

/// An extension lacks one that it builds on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
  "the extension {extension} needs {dependency} before it; add \
   {dependency}::init(…) to the runtime's extensions, or take \
   background_fetch::extension::extensions, which has it"
)]
pub struct MissingExtension {
  /// The name of the extension that cannot work.
  pub extension: &'static str,
  /// The name of the one that it needs.
  pub dependency: &'static str,
}

/// Whether each of the extensions comes after those that it builds on. A runtime
/// that is made with others panics.
///
/// # Errors
///
/// The first one that is missing.
pub fn check(extensions: &[Extension]) -> Result<(), MissingExtension> {
  for (index, extension) in extensions.iter().enumerate() {
    let before = &extensions[..index];
    let is_missing =
      |name: &&&'static str| before.iter().all(|one| one.name != **name);
    if let Some(dependency) = extension.deps.iter().find(is_missing) {
      return Err(MissingExtension {
        extension: extension.name,
        dependency,
      });
    }
  }
  Ok(())
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
  Ok(lifecycle::evaluate_classic(runtime, url.as_str(), source)?)
}

/// A runtime that is made there would end the process in the middle of a call.
fn refuse_many_threads() {
  let flavor = Handle::try_current().map(|tokio| tokio.runtime_flavor());
  assert!(
    !matches!(flavor, Ok(RuntimeFlavor::MultiThread)),
    "{}",
    RunError::Tokio
  );
}

/// Says that the script was evaluated and has its event listeners: until then,
/// functional events are held back. A window without a document gets its
/// `DOMContentLoaded` and `load` now. [`run_until_idle`] says so itself.
pub fn deliver_events(runtime: &mut JsRuntime) {
  realm(runtime).start_worker();
  lifecycle::script_has_run(runtime);
}

/// The realm that the extension attached to the engine, for
/// [`run_until_idle`].
pub fn realm(runtime: &mut JsRuntime) -> Realm {
  runtime.op_state().borrow().borrow::<Realm>().clone()
}

opaque_debug!(ExtensionOptions);
