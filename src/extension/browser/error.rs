//! Errors of the ops, with the exception that each is to a script.

use deno_core::error::ResourceError;

use crate::network::NetworkError;

/// Why an op failed. `js/globals.js` registers the builders of the
/// `DOMException`s.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
pub(crate) enum BrowserError {
  #[class(type)]
  #[error("{0}")]
  Type(String),
  #[class(inherit)]
  #[error(transparent)]
  Resource(#[from] ResourceError),
}

impl From<NetworkError> for BrowserError {
  fn from(error: NetworkError) -> Self {
    // As browsers do it: which rule refused it is for people, not for scripts.
    tracing::debug!(%error, "a fetch() of a script has failed");
    Self::Type(format!("Failed to fetch: {error}"))
  }
}
