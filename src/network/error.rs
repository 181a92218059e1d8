//! Why a fetch failed.

use url::Url;

use super::route::without_secrets;

/// A [network error](https://fetch.spec.whatwg.org/#concept-network-error)
/// with its cause.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct NetworkError {
  /// What an engine does about it.
  pub kind: NetworkErrorKind,
  /// A human-readable message; scripts never see it. URLs in it have no query,
  /// no fragment and no credentials.
  pub message: String,
}

impl NetworkError {
  pub(super) fn refused(message: impl Into<String>) -> Self {
    Self::new(NetworkErrorKind::Refused, message)
  }

  /// Who has started the fetch has terminated it.
  pub(crate) fn terminated() -> Self {
    Self::interrupted("the fetch was terminated")
  }

  /// A rule outside of the network forbids it.
  pub(crate) fn not_allowed(message: impl Into<String>) -> Self {
    Self::refused(message)
  }

  /// The body of the request to `url` is not what the author's integrity
  /// metadata says.
  pub(crate) fn integrity_mismatch(url: &Url) -> Self {
    let url = without_secrets(url);
    Self::refused(format!(
      "the body of {url} does not match the integrity metadata of its request"
    ))
  }

  pub(super) fn bad_answer(message: impl Into<String>) -> Self {
    Self::new(NetworkErrorKind::BadAnswer, message)
  }

  pub(super) fn interrupted(message: impl Into<String>) -> Self {
    Self::new(NetworkErrorKind::Interrupted, message)
  }

  fn new(kind: NetworkErrorKind, message: impl Into<String>) -> Self {
    let message = message.into();
    Self { kind, message }
  }
}

/// What a network error means for the one who fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetworkErrorKind {
  /// A rule forbids it (scheme, port, CORS, CSP, mixed content, redirect,
  /// integrity, permission, a proxy that refuses): trying again changes
  /// nothing.
  Refused,
  /// The peer's answer cannot be understood: trying again changes nothing.
  BadAnswer,
  /// The machine is offline: no route, or no name server answers.
  Offline,
  /// The request provably never reached the server: connection refused, name
  /// not found, TLS failed.
  Unreachable,
  /// The connection broke, went silent for too long, or ended the body before
  /// its promised end, after the request (or a part of it) may have reached
  /// the server. The bytes that came are good.
  Interrupted,
}
