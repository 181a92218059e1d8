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
  pub report_error: Option<ReportError>,
  /// Further extensions of the realm, which come after those of this crate, and
  /// of the dedicated workers that its scripts start. Default: none.
  pub further: Option<FurtherExtensions>,
}

/// Makes extensions for one more realm; called on its thread. Their scripts are
/// read from the disk unless [`with_scripts`](super::with_scripts) has put them into the program.
pub type FurtherExtensions = Arc<dyn Fn() -> Vec<Extension> + Send + Sync>;

/// Called with what an event listener has thrown, and with why a promise given
/// to `waitUntil()` was rejected, unless a listener for `error` or
/// `unhandledrejection` has prevented it; in a worker with every other uncaught
/// error of a script, too. The text is for people, and may have several lines.
///
/// In a page, every other uncaught error comes out of the event loop.
pub type ReportError = Rc<dyn Fn(&str)>;

opaque_debug!(ExtensionOptions);
