//! Reads the body of a request.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::content::hex;
use super::exchange::Exchange;
use super::plan::Plan;
use super::request::Head;

/// How much of a body is kept for an echo; more is only counted and hashed.
const MOST_KEPT: usize = 64 << 20;

/// Reads the body to its end. `None`: the plan has the connection reset.
pub async fn read(
  connection: &mut Connection,
  exchange: &mut Exchange,
  head: &Head,
  plan: &Plan,
) -> io::Result<Option<Bytes>> {
  if head.lists("expect", "100-continue") {
    connection.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
  }
  let mut body = Body::of(head)?;
  let mut hash = Sha256::new();
  let mut kept = BytesMut::new();
  let mut read = 0;
  let mut stalled = false;
  loop {
    if plan.upload_reset_after == Some(read) {
      return Ok(None);
    }
    if plan.upload_stall_after == Some(read) && !stalled {
      stalled = true;
      // Reading on to notice a client that leaves would not be a stall.
      exchange.stall().await;
    }
    let marks = [plan.upload_reset_after, plan.upload_stall_after];
    let ahead = marks.into_iter().flatten().filter(|mark| *mark > read);
    let limit = ahead.map(|mark| mark - read).min().unwrap_or(u64::MAX);
    let Some(piece) = body.piece(connection, limit).await? else {
      break;
    };
    hash.update(&piece);
    if kept.len() + piece.len() <= MOST_KEPT {
      kept.extend_from_slice(&piece);
    }
    read += piece.len() as u64;
    exchange.has_read(piece.len() as u64);
  }
  exchange.has_body(hex(&hash.finalize()));
  Ok(Some(kept.freeze()))
}

/// How the body is framed, and how much is left of it.
enum Body {
  Length(u64),
  /// What is left of the current chunk; `None` before a chunk's head.
  Chunked(Option<u64>),
  Over,
}

impl Body {
  fn of(head: &Head) -> io::Result<Self> {
    if head.lists("transfer-encoding", "chunked") {
      return Ok(Self::Chunked(None));
    }
    let length = head.header("content-length").unwrap_or("0");
    length.parse().map(Self::Length).map_err(io::Error::other)
  }

  async fn piece(
    &mut self,
    connection: &mut Connection,
    limit: u64,
  ) -> io::Result<Option<Bytes>> {
    loop {
      match self {
        Self::Over | Self::Length(0) => return Ok(None),
        Self::Chunked(None) => match chunk_size(connection).await? {
          0 => {
            // Trailers, if any, up to the empty line.
            while !line(connection).await?.is_empty() {}
            *self = Self::Over;
          }
          size => *self = Self::Chunked(Some(size)),
        },
        Self::Chunked(Some(0)) => {
          line(connection).await?;
          *self = Self::Chunked(None);
        }
        Self::Length(left) | Self::Chunked(Some(left)) => {
          if connection.buffer.is_empty() {
            connection.fill().await?;
          }
          let length = limit.min(*left).min(connection.buffer.len() as u64);
          *left -= length;
          let piece = connection.buffer.split_to(length as usize);
          return Ok(Some(piece.freeze()));
        }
      }
    }
  }
}

async fn chunk_size(connection: &mut Connection) -> io::Result<u64> {
  loop {
    match httparse::parse_chunk_size(&connection.buffer) {
      Ok(httparse::Status::Complete((length, size))) => {
        connection.buffer.advance(length);
        return Ok(size);
      }
      Ok(httparse::Status::Partial) => connection.fill().await?,
      Err(_) => return Err(io::ErrorKind::InvalidData.into()),
    }
  }
}

async fn line(connection: &mut Connection) -> io::Result<Bytes> {
  loop {
    let end = connection.buffer.windows(2).position(|two| two == b"\r\n");
    if let Some(end) = end {
      let line = connection.buffer.split_to(end).freeze();
      connection.buffer.advance(2);
      return Ok(line);
    }
    connection.fill().await?;
  }
}
