//! Background Fetch for `deno_core`: the only module that knows it.
//!
//! A host that has web globals of its own adds [`init`] to its extensions,
//! after `deno_webidl`, `deno_web`, `deno_net` and `deno_fetch`. One that has
//! none takes [`extensions`], and gets all of them with a service worker's
//! globals on top.

mod api;
mod attach;
mod blobs;
mod browser;
mod console;
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
mod options;
mod payload;
mod run_error;
mod scripts;
mod service_worker_messages;
mod service_worker_ops;
mod structured_clone;
mod worker_threads;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;

#[cfg(feature = "crypto")]
use ::deno_crypto::deno_crypto;
use ::deno_fetch::deno_fetch;
use ::deno_web::InMemoryBroadcastChannel;
use ::deno_web::deno_web;
use ::deno_webidl::deno_webidl;
use deno_core::Extension;
use tokio::runtime::Handle;
use tokio::runtime::RuntimeFlavor;

use self::api::background_fetch;
use self::attach::Attach;
use self::blobs::Blobs;
use self::blobs::RealmUrls;
pub use self::browser::PageDocument;
use self::browser::RealmExtensions;
use self::browser::background_fetch_browser;
pub use self::browser::open_document;
pub use self::console::Console;
pub use self::console::WriteConsole;
use self::globals::background_fetch_globals;
pub use self::idle::run_until_idle;
pub use self::idle::run_until_settled;
pub use self::lifecycle::deliver_events;
pub use self::lifecycle::realm;
pub use self::lifecycle::run_script;
pub use self::net_check::net_check;
use self::no_net::deno_net;
pub use self::options::ExtensionOptions;
pub use self::options::FurtherExtensions;
pub use self::options::ReportError;
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
/// The host's own script has called `prepareGlobalScope()` and, if no other
/// script has, `registerExceptions()` of
/// `ext:background_fetch/common/global_scope.js`: an example is in
/// `examples/embedder`. After the script was evaluated the host calls
/// [`deliver_events`]. Errors of event handlers are logged with `tracing`.
/// [`check`] says whether an extension is missing.
///
/// The realm is detached from the engine when the runtime is dropped.
///
/// # Panics
///
/// As [`extensions`] does.
pub fn init(engine: &Engine, realm_options: RealmOptions) -> Extension {
  refuse_many_threads();
  let realm = engine.attach(realm_options);
  with_own_scripts(background_fetch::init(
    Attach::new(move || Some(realm)),
    Rc::new(|text: &str| tracing::error!("in an event handler: {text}")),
  ))
}

/// All that a runtime with no globals needs: `deno_webidl`, `deno_web`,
/// `deno_fetch` with a stand-in for `deno_net`, `deno_crypto` (with the feature
/// `crypto`), the web globals
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
  let realm = engine.attach(realm_options.clone());
  all_extensions(realm_options, options, move |_| Some(realm))
}

/// As [`extensions`], for a host that opens its engine at the same time: making
/// the web globals takes as long as reading thousands of background fetches.
///
/// `engine` is called once, on the runtime's thread, when the web globals are
/// made. It may wait; `None` says that there is not going to be an engine, and
/// `JsRuntime::try_new` returns an error.
///
/// # Panics
///
/// As [`extensions`] does.
pub fn extensions_before_engine(
  realm_options: RealmOptions,
  options: ExtensionOptions,
  engine: impl FnOnce() -> Option<Engine> + 'static,
) -> Vec<Extension> {
  all_extensions(realm_options, options, move |realm_options| {
    Some(engine()?.attach(realm_options))
  })
}

fn all_extensions(
  realm_options: RealmOptions,
  options: ExtensionOptions,
  attach: impl FnOnce(RealmOptions) -> Option<Realm> + 'static,
) -> Vec<Extension> {
  refuse_many_threads();
  let location = realm_options.url.clone();
  let urls = Arc::new(OnceLock::new());
  let blobs = Blobs::new(location.origin(), urls.clone());
  let for_globals = realm_options.clone();
  let attach = Attach::new(move || {
    let realm = attach(realm_options)?;
    urls.get_or_init(|| RealmUrls::new(&realm));
    Some(realm)
  });
  let console = options.console.clone();
  let report_error = options.report_error.unwrap_or_else(|| {
    Rc::new(move |text: &str| console.write(&format!("{text}\n"), true))
  });
  let further = options.further.clone();
  let worker_extensions =
    RealmExtensions(Arc::new(move |engine, realm_options, console, errors| {
      let options = ExtensionOptions {
        console,
        report_error: Some(errors),
        further: further.clone(),
      };
      extensions(engine, realm_options, options)
    }));
  let all = vec![
    deno_webidl::init(),
    deno_web::init(
      Arc::new(blobs),
      Some(location),
      false,
      InMemoryBroadcastChannel::default(),
    ),
    deno_net::init(),
    deno_fetch::init(::deno_fetch::Options::default()),
    #[cfg(feature = "crypto")]
    deno_crypto::init(None),
    background_fetch_globals::init(for_globals, options.console),
    background_fetch::init(attach, report_error),
    background_fetch_browser::init(worker_extensions),
  ];
  let own = all.into_iter().map(with_own_scripts);
  let further = options.further.map(|f| f.make()).unwrap_or_default();
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

/// A runtime that is made there would end the process in the middle of a call.
fn refuse_many_threads() {
  let flavor = Handle::try_current().map(|tokio| tokio.runtime_flavor());
  assert!(
    !matches!(flavor, Ok(RuntimeFlavor::MultiThread)),
    "{}",
    RunError::Tokio
  );
}
