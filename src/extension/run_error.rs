//! Why a script does not run on.

use std::fmt;

use deno_core::error::CoreError;
use deno_core::error::JsError;

use crate::engine::NoWorkerForEvents;

/// Why [`run_until_idle`](super::run_until_idle) and its like have ended
/// before everything is done. `Debug` is the same text as `Display`, so that an
/// error which `main` returns can be read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
  /// The script throws an error, or rejects a promise, and it is not handled.
  /// The call may be made again to continue.
  #[error(transparent)]
  Script(Box<CoreError>),
  /// The engine was shut down, or is being shut down. What is in its store
  /// continues with the next one.
  #[error("the engine was shut down before the script was done")]
  Stopped,
  /// The script has nothing left to do, and only events are left, for which no
  /// service worker can be started: the embedder has no
  /// [host](crate::engine::ServiceWorkerHost), or the worker's script is gone.
  #[error(transparent)]
  NoWorker(#[from] NoWorkerForEvents),
  /// The call is not made on a tokio runtime of one thread, which `deno_core`
  /// needs.
  #[error(
    "a JavaScript runtime needs a tokio runtime of one thread \
     (`#[tokio::main(flavor = \"current_thread\")]`) around it"
  )]
  Tokio,
}

impl fmt::Debug for RunError {
  fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt::Display::fmt(self, f)
  }
}

impl From<CoreError> for RunError {
  fn from(error: CoreError) -> Self {
    Self::Script(Box::new(error))
  }
}

impl From<Box<JsError>> for RunError {
  fn from(error: Box<JsError>) -> Self {
    CoreError::from(error).into()
  }
}
