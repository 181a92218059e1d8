//! Waiting for something unless it is cancelled.

use tokio_util::sync::CancellationToken;

/// `future`'s output, or `None` when `token` is cancelled first.
pub(crate) async fn until<T>(
  token: &CancellationToken,
  future: impl Future<Output = T>,
) -> Option<T> {
  tokio::select! {
    biased;
    _ = token.cancelled() => None,
    output = future => Some(output),
  }
}
