//! How many bytes may move in a second.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::StreamExt;
use futures::stream;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Shared by all fetches of a network.
///
/// The lock is the queue: tokio's is handed on in the order in which it was
/// asked for, so each transfer has a turn of one piece. (Limiters of the usual
/// crates either keep their own time or let one transfer starve the others.)
#[derive(Clone)]
pub(super) struct RateLimit {
  /// When the next piece may move.
  next: Arc<Mutex<Instant>>,
  bytes_per_second: NonZeroU64,
  /// In bytes: what one transfer takes before it is the next one's turn.
  piece: usize,
}

impl RateLimit {
  pub(crate) fn new(bytes_per_second: NonZeroU64) -> Self {
    let piece = bytes_per_second.get() / PIECES_PER_SECOND;
    Self {
      next: Arc::new(Mutex::new(Instant::now())),
      bytes_per_second,
      piece: usize::try_from(piece)
        .unwrap_or(MAX_PIECE)
        .clamp(1, MAX_PIECE),
    }
  }

  /// Waits until `bytes` may move.
  async fn acquire(&self, bytes: usize) {
    let mut next = self.next.lock().await;
    tokio::time::sleep_until(*next).await;
    // What a late timer has cost is made up for; a pause is not, since that
    // would be a burst.
    let now = Instant::now();
    let earliest = now.checked_sub(SLACK).unwrap_or(now);
    let seconds = bytes as f64 / self.bytes_per_second.get() as f64;
    *next = earliest.max(*next) + Duration::from_secs_f64(seconds);
  }

  /// The same bytes, as fast as they may come. An error comes at once.
  pub(crate) fn apply<E: Send + 'static>(
    self,
    bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
  ) -> impl Stream<Item = Result<Bytes, E>> + Send {
    let state = (self, bytes, Bytes::new());
    stream::unfold(state, |(limit, mut stream, mut rest)| async move {
      if rest.is_empty() {
        match stream.next().await? {
          Ok(bytes) => rest = bytes,
          Err(error) => return Some((Err(error), (limit, stream, rest))),
        }
      }
      let piece = rest.split_to(rest.len().min(limit.piece));
      limit.acquire(piece.len()).await;
      Some((Ok(piece), (limit, stream, rest)))
    })
  }
}

const PIECES_PER_SECOND: u64 = 20;
const SLACK: Duration = Duration::from_millis(100);
/// In bytes.
const MAX_PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
  use std::sync::atomic::AtomicU64;
  use std::sync::atomic::Ordering;

  use tokio::task::JoinSet;

  use super::*;

  /// How many bytes each of `transfers` endless transfers gets in a minute.
  async fn in_a_minute(rate: u64, transfers: usize) -> Vec<u64> {
    let limit = RateLimit::new(NonZeroU64::new(rate).unwrap());
    let counts: Vec<_> = (0..transfers)
      .map(|_| Arc::new(AtomicU64::new(0)))
      .collect();
    let mut running = JoinSet::new();
    for (i, count) in counts.iter().cloned().enumerate() {
      // Some send in large chunks, some in small ones.
      let chunk = Bytes::from(vec![0; if i % 2 == 0 { 300_000 } else { 1000 }]);
      let endless = stream::repeat_with(move || Ok::<_, ()>(chunk.clone()));
      let limited = limit.clone().apply(endless.boxed());
      running.spawn(limited.for_each(move |piece| {
        count.fetch_add(piece.unwrap().len() as u64, Ordering::Relaxed);
        std::future::ready(())
      }));
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    counts.iter().map(|c| c.load(Ordering::Relaxed)).collect()
  }

  #[tokio::test(start_paused = true)]
  async fn one_transfer_gets_the_rate_and_no_more() {
    for rate in [7, 1999, 2000, 100_000, 50_000_000] {
      let got = in_a_minute(rate, 1).await[0];
      assert!(got <= rate * 61 && got >= rate * 59, "{rate}: {got}");
    }
  }

  #[tokio::test(start_paused = true)]
  async fn four_transfers_share_it() {
    let got = in_a_minute(1_000_000, 4).await;
    let all: u64 = got.iter().sum();
    assert!((59_000_000..=61_000_000).contains(&all), "{got:?}");
    // Who sends in large chunks has no more than the pieces' difference.
    assert!(got[0].abs_diff(got[2]) <= 1_000_000, "{got:?}");
    assert!(got[1].abs_diff(got[3]) <= 1_000_000, "{got:?}");
  }
}
