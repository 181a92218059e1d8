//! Why what a script asks for is refused.

use crate::dom_exception::DomException;
use crate::store::StoreError;

/// Why `fetch()` was refused: each case is one [`DomException`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
  /// A [`DomException::NotAllowed`].
  #[error("permission for background fetches was denied")]
  NotAllowed,
  /// A [`DomException::NotAllowed`]: a [`NetCheck`](crate::network::NetCheck)
  /// refuses one of the URLs, for the reason that it gives.
  #[error("{0}")]
  MayNotReach(String),
  /// A [`DomException::Type`].
  #[error("{0}")]
  Type(String),
  /// A [`DomException::QuotaExceeded`]; both numbers in bytes.
  #[error("{message}")]
  QuotaExceeded {
    /// What was exceeded, human-readable.
    message: String,
    /// What the origin may have, when that is known.
    quota: Option<u64>,
    /// What the origin would have, when that is known.
    requested: Option<u64>,
  },
  /// A [`DomException::Unknown`]: the store failed, and the script cannot do
  /// anything about it.
  #[error(transparent)]
  Store(StoreError),
}

impl FetchError {
  /// What the promise of a script is rejected with.
  pub fn exception(&self) -> DomException {
    let message = self.to_string();
    match self {
      Self::NotAllowed | Self::MayNotReach(_) => {
        DomException::NotAllowed(message)
      }
      Self::Type(_) => DomException::Type(message),
      Self::QuotaExceeded {
        quota, requested, ..
      } => DomException::QuotaExceeded {
        message,
        quota: *quota,
        requested: *requested,
      },
      Self::Store(_) => DomException::Unknown(message),
    }
  }
}

impl From<FetchError> for DomException {
  fn from(error: FetchError) -> Self {
    error.exception()
  }
}

impl From<StoreError> for FetchError {
  fn from(error: StoreError) -> Self {
    match error {
      // fetch.8.9: storing would exceed the space there is.
      error if error.is_full() => Self::QuotaExceeded {
        message: error.to_string(),
        quota: None,
        requested: None,
      },
      error => Self::Store(error),
    }
  }
}

impl From<StoreError> for DomException {
  fn from(error: StoreError) -> Self {
    FetchError::from(error).exception()
  }
}

pub(super) fn type_error(message: &str) -> FetchError {
  FetchError::Type(message.to_string())
}
