//! Reads the body of a request.

use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use sha2::{Digest, Sha256};

use super::super::content::hex;
use super::super::exchange::Exchange;
use super::super::plan::Plan;

/// Reads the body to its end. `None`: the plan has the stream reset.
pub async fn read(
  stream: &mut RecvStream,
  exchange: &Exchange,
  plan: &Plan,
) -> Result<Option<Bytes>, h2::Error> {
  let mut hash = Sha256::new();
  let mut kept = BytesMut::new();
  let mut read = 0;
  let mut stalled = false;
  while let Some(piece) = stream.data().await {
    let mut piece = piece?;
    stream.flow_control().release_capacity(piece.len())?;
    let reset = plan.upload_reset_after.filter(|n| *n <= read + len(&piece));
    if let Some(reset) = reset {
      piece.truncate((reset - read) as usize);
    }
    read += len(&piece);
    exchange.has_read(len(&piece));
    if reset.is_some() {
      return Ok(None);
    }
    hash.update(&piece);
    kept.extend_from_slice(&piece);
    if !stalled && plan.upload_stall_after.is_some_and(|n| n <= read) {
      stalled = true;
      exchange.stall().await;
    }
  }
  exchange.has_body(hex(&hash.finalize()));
  Ok(Some(kept.freeze()))
}

fn len(piece: &Bytes) -> u64 {
  piece.len() as u64
}
