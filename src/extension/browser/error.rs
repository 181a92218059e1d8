//! Errors of the ops, with the exception that each is to a script.

use deno_core::error::ResourceError;

use crate::engine::CacheError;
use crate::extension::error::BackgroundFetchError;
use crate::network::NetworkError;

/// Why an op failed. `js/globals/globals.js` registers the builders of the
/// `DOMException`s.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
pub(crate) enum BrowserError {
  #[class(type)]
  #[error("{0}")]
  Type(String),
  #[class("DOMExceptionInvalidStateError")]
  #[error("{0}")]
  InvalidState(String),
  #[class("BackgroundFetchSecurityError")]
  #[error("{0}")]
  Security(String),
  #[class("BackgroundFetchNetworkError")]
  #[error("{0}")]
  Network(String),
  #[class(inherit)]
  #[error(transparent)]
  Resource(#[from] ResourceError),
  #[class(inherit)]
  #[error(transparent)]
  Rejected(#[from] BackgroundFetchError),
}

impl From<CacheError> for BrowserError {
  fn from(error: CacheError) -> Self {
    match error {
      CacheError::Type(message) => Self::Type(message),
      CacheError::InvalidState(message) => Self::InvalidState(message),
      CacheError::Security(message) => Self::Security(message),
      CacheError::Rejected(rejection) => Self::Rejected(rejection.into()),
    }
  }
}

impl From<NetworkError> for BrowserError {
  fn from(error: NetworkError) -> Self {
    // As browsers do it: which rule refused it is for people, not for scripts.
    tracing::debug!(%error, "a fetch() of a script has failed");
    Self::Type(format!("Failed to fetch: {error}"))
  }
}
