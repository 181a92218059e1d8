//! What a script catches when something is refused.

/// The exception that a call of a script is rejected with, as its interface's
/// specification names it: a
/// [`DOMException`](https://webidl.spec.whatwg.org/#idl-DOMException) by its
/// name, or the one error of JavaScript's own that these interfaces throw.
///
/// Each text is human-readable, and says what was refused and why. From an op of
/// an embedder's own it is the exception that it names, in every realm that has
/// [`extension::init`](crate::extension::init).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DomException {
  /// A `TypeError`, which is not a `DOMException`.
  #[error("{0}")]
  Type(String),
  /// An `AbortError`: it was aborted.
  #[error("{0}")]
  Abort(String),
  /// An `InvalidStateError`: not now, or not any more.
  #[error("{0}")]
  InvalidState(String),
  /// A `NetworkError`: it cannot be had from the network.
  #[error("{0}")]
  Network(String),
  /// A `NotAllowedError`: the user, or the embedder, has not permitted it.
  #[error("{0}")]
  NotAllowed(String),
  /// A `NotSupportedError`: this engine has no part that could do it.
  #[error("{0}")]
  NotSupported(String),
  /// A [`QuotaExceededError`](https://webidl.spec.whatwg.org/#quotaexceedederror).
  #[error("{message}")]
  QuotaExceeded {
    /// What was exceeded.
    message: String,
    /// How many bytes the origin may have, when that is known.
    quota: Option<u64>,
    /// How many bytes it would have, when that is known.
    requested: Option<u64>,
  },
  /// A `SecurityError`: the origin may not do it.
  #[error("{0}")]
  Security(String),
  /// An `UnknownError`: the store has failed, and the script cannot do anything
  /// about it.
  #[error("{0}")]
  Unknown(String),
}

impl DomException {
  /// What the script sees as the exception's `name`.
  pub fn name(&self) -> &'static str {
    match self {
      Self::Type(_) => "TypeError",
      Self::Abort(_) => "AbortError",
      Self::InvalidState(_) => "InvalidStateError",
      Self::Network(_) => "NetworkError",
      Self::NotAllowed(_) => "NotAllowedError",
      Self::NotSupported(_) => "NotSupportedError",
      Self::QuotaExceeded { .. } => "QuotaExceededError",
      Self::Security(_) => "SecurityError",
      Self::Unknown(_) => "UnknownError",
    }
  }
}
