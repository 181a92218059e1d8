//! A connection over which one process hands work to the other.

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncBufReadExt;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::io::BufReader;
use tokio::net::unix::OwnedReadHalf;
use tokio::net::unix::OwnedWriteHalf;
use tokio::time::timeout;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 16 * 1024 * 1024;
/// How long the other side may take no line.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What two processes say to each other after
/// [`Command::HandOver`](super::Command::HandOver): values of the embedder's, a
/// line of JSON each. It ends when either side drops it, or dies.
pub struct Conversation {
  /// What comes.
  pub heard: Heard,
  /// What goes.
  pub said: Said,
}

/// What the other process says.
pub struct Heard(pub(super) BufReader<OwnedReadHalf>);

/// What this one says.
pub struct Said(pub(super) OwnedWriteHalf);

opaque_debug!(Conversation, Heard, Said);

impl Heard {
  /// The next value, or `None` when there will be none. Not safe to cancel,
  /// unless nothing is read any more then.
  ///
  /// # Errors
  ///
  /// The connection has failed, or what came is not such a value.
  pub async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let mut bounded = (&mut self.0).take(MAX_LINE);
    bounded.read_until(b'\n', &mut line).await?;
    // One that is cut short is from a process that has died.
    if !line.ends_with(b"\n") {
      return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
  }

  /// Waits until the other side is gone, whatever it says until then.
  pub async fn end(&mut self) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = self.0.read(&mut buffer).await {}
  }
}

impl Said {
  /// Says `value`.
  ///
  /// # Errors
  ///
  /// The other side is gone, or takes nothing.
  pub async fn say(&mut self, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    timeout(TIMEOUT, self.0.write_all(&line)).await?
  }
}
