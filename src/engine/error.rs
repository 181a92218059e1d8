//! Why `fetch()` is rejected.

use crate::store::StoreError;

/// Why `fetch()` was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
  /// A `NotAllowedError`.
  #[error("permission for background fetches was denied")]
  NotAllowed,
  /// A `NotAllowedError`: a [`NetCheck`](crate::network::NetCheck) refuses
  /// one of the URLs, for the reason that it gives.
  #[error("{0}")]
  MayNotReach(String),
  /// A `TypeError`.
  #[error("{0}")]
  Type(String),
  /// A `QuotaExceededError`; both numbers in bytes.
  #[error("{message}")]
  QuotaExceeded {
    /// What was exceeded, human-readable.
    message: String,
    /// What the origin may have, when that is known.
    quota: Option<u64>,
    /// What the origin would have, when that is known.
    requested: Option<u64>,
  },
  /// The store failed, and the script cannot do anything about it.
  #[error(transparent)]
  Store(StoreError),
}

impl From<StoreError> for FetchError {
  fn from(error: StoreError) -> Self {
    match error {
      // fetch.8.9
      error if error.is_full() => Self::QuotaExceeded {
        message: error.to_string(),
        quota: None,
        requested: None,
      },
      error => Self::Store(error),
    }
  }
}

pub(super) fn type_error(message: &str) -> FetchError {
  FetchError::Type(message.to_string())
}
