//! Errors of the ops, with the exception that each is to a script.

use deno_core::error::ResourceError;

use crate::engine::FetchError;
use crate::engine::RecordError;
use crate::store::StoreError;

/// Why an op failed. `js/background_fetch/errors.js` registers the classes
/// whose names begin with `BackgroundFetch`, and makes `DOMException`s of them.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
pub(crate) enum BackgroundFetchError {
  #[class("BackgroundFetchNotAllowedError")]
  #[error("{0}")]
  NotAllowed(String),
  #[class(type)]
  #[error("{0}")]
  Type(String),
  /// In bytes; `NaN` where nobody knows.
  #[class("BackgroundFetchQuotaExceeded")]
  #[error("{message}")]
  QuotaExceeded {
    message: String,
    #[property = "quotaBytes"]
    quota: f64,
    #[property = "requestedBytes"]
    requested: f64,
  },
  #[class("BackgroundFetchAbortError")]
  #[error("{0}")]
  Aborted(String),
  #[class(inherit)]
  #[error(transparent)]
  Resource(#[from] ResourceError),
  #[class("BackgroundFetchNetworkError")]
  #[error("{0}")]
  Network(String),
  /// The store failed, and the script cannot do anything about it.
  #[class("BackgroundFetchUnknownError")]
  #[error("{0}")]
  Store(String),
}

impl From<FetchError> for BackgroundFetchError {
  fn from(rejection: FetchError) -> Self {
    let message = rejection.to_string();
    match rejection {
      FetchError::NotAllowed | FetchError::MayNotReach(_) => {
        Self::NotAllowed(message)
      }
      FetchError::Type(_) => Self::Type(message),
      FetchError::QuotaExceeded {
        quota, requested, ..
      } => Self::QuotaExceeded {
        message,
        quota: bytes(quota),
        requested: bytes(requested),
      },
      FetchError::Store(error) => error.into(),
    }
  }
}

impl From<StoreError> for BackgroundFetchError {
  fn from(error: StoreError) -> Self {
    let message = error.to_string();
    if error.is_full() {
      Self::QuotaExceeded {
        message,
        quota: f64::NAN,
        requested: f64::NAN,
      }
    } else {
      Self::Store(message)
    }
  }
}

impl From<RecordError> for BackgroundFetchError {
  fn from(error: RecordError) -> Self {
    let message = error.to_string();
    match error {
      RecordError::Aborted => Self::Aborted(message),
      RecordError::NotExposed(_) => Self::Type(message),
    }
  }
}

fn bytes(number: Option<u64>) -> f64 {
  number.map_or(f64::NAN, |n| n as f64)
}
