//! What an embedder chooses for a realm's extensions.

use std::rc::Rc;
use std::sync::Arc;

use deno_core::Extension;

use super::console::Console;

/// Choices for [`extensions`](super::extensions), each with a working default.
#[derive(Clone, Default)]
pub struct ExtensionOptions {
  /// Where `console` writes.
  pub console: Console,
  /// Where errors of event handlers go; to the console, by default.
  pub report_error: Option<Rc<dyn ReportError>>,
  /// Further extensions of the realm, which come after those of this crate, and
  /// of the dedicated workers that its scripts start. Default: none.
  pub further: Option<Arc<dyn FurtherExtensions>>,
}

/// Makes further extensions. A function is one.
pub trait FurtherExtensions: Send + Sync + 'static {
  /// Those for one more realm; called on its thread. Their scripts are read from
  /// the disk unless [`with_scripts`](super::with_scripts) has put them into the
  /// program.
  fn make(&self) -> Vec<Extension>;
}

impl<F> FurtherExtensions for F
where
  F: Fn() -> Vec<Extension> + Send + Sync + 'static,
{
  fn make(&self) -> Vec<Extension> {
    self()
  }
}

/// Takes errors that no script has caught. A function of the text is one.
pub trait ReportError: 'static {
  /// Called with what an event listener has thrown, and with why a promise given
  /// to `waitUntil()` was rejected, unless a listener for `error` or
  /// `unhandledrejection` has prevented it; in a worker with every other uncaught
  /// error of a script, too. The text is for people, and may have several lines.
  ///
  /// In a page, every other uncaught error comes out of the event loop.
  fn report(&self, text: &str);
}

impl<F> ReportError for F
where
  F: Fn(&str) + 'static,
{
  fn report(&self, text: &str) {
    self(text)
  }
}

opaque_debug!(ExtensionOptions);
