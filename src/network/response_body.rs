//! A response's body, as it comes from the transport.

use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::time::Instant;
use tokio::time::Sleep;

use super::NetworkError;
use super::route::Route;
use super::transport::TransportBody;

/// What the head of a response says of the end of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
  /// Whether the transport says where the body ends; else its end is the
  /// connection's.
  pub framed: bool,
  /// The promised number of bytes.
  pub length: Option<u64>,
  /// Whether the body is a stream of HTTP/2, which has an end of its own. The
  /// transport ends a body also at a `RST_STREAM` or a `GOAWAY` without an
  /// error, which may come in the middle.
  pub stream: bool,
}

/// The transport's chunks, untouched, until the end, an error, or a silence
/// longer than the idle timeout. An end before the promised one is an error.
pub(super) struct ResponseBody {
  body: TransportBody,
  route: Route,
  framing: Framing,
  /// In bytes.
  received: u64,
  idle_timeout: Duration,
  /// Whether bytes came since `silent_since` was last set.
  moved: bool,
  silent_since: Instant,
  /// Made at the first wait; it then is moved only when it fires, and so
  /// costs nothing for each chunk.
  sleep: Option<Pin<Box<Sleep>>>,
  ended: bool,
}

impl ResponseBody {
  pub(crate) fn new(
    body: TransportBody,
    route: Route,
    framing: Framing,
    idle_timeout: Duration,
  ) -> Self {
    Self {
      body,
      route,
      framing,
      received: 0,
      idle_timeout,
      moved: true,
      silent_since: Instant::now(),
      sleep: None,
      ended: false,
    }
  }

  /// The error for an end that came before the promised one, if it did.
  fn early_end(&self) -> Option<NetworkError> {
    let peer = self.route.peer();
    let received = self.received;
    match self.framing.length {
      Some(length) if received < length => {
        Some(NetworkError::interrupted(format!(
          "{peer} broke off in the middle, after {received} of {length} bytes"
        )))
      }
      None if self.framing.stream && !self.body.is_end_stream() => {
        Some(NetworkError::interrupted(format!(
          "{peer} broke off in the middle, after {received} bytes"
        )))
      }
      _ => None,
    }
  }

  /// Whether the silence has lasted too long; else this task is woken when it
  /// has.
  fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
    if std::mem::take(&mut self.moved) {
      self.silent_since = Instant::now();
    }
    let deadline = self.silent_since + self.idle_timeout;
    let sleep = self
      .sleep
      .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
    while sleep.as_mut().poll(cx).is_ready() {
      if Instant::now() >= deadline {
        return Poll::Ready(());
      }
      sleep.as_mut().reset(deadline);
    }
    Poll::Pending
  }
}

impl Stream for ResponseBody {
  type Item = Result<Bytes, NetworkError>;

  fn poll_next(
    mut self: Pin<&mut Self>,
    cx: &mut Context<'_>,
  ) -> Poll<Option<Self::Item>> {
    let this = &mut *self;
    if this.ended {
      return Poll::Ready(None);
    }
    while let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) {
      this.moved = true;
      match frame {
        Some(Ok(frame)) => match frame.into_data() {
          Ok(bytes) if !bytes.is_empty() => {
            let length = bytes.len() as u64;
            this.received = this.received.saturating_add(length);
            return Poll::Ready(Some(Ok(bytes)));
          }
          // Trailers, or nothing.
          _ => continue,
        },
        Some(Err(error)) => {
          this.ended = true;
          // Every browser takes such an end for the body's, and servers rely
          // on it. Without TLS it could not be told from another either.
          if !this.framing.framed && error.without_closure_alert {
            return Poll::Ready(None);
          }
          return Poll::Ready(Some(Err(error.error)));
        }
        None => {
          this.ended = true;
          return Poll::Ready(this.early_end().map(Err));
        }
      }
    }
    std::task::ready!(this.poll_idle(cx));
    this.ended = true;
    Poll::Ready(Some(Err(idle_error(&this.route, this.idle_timeout))))
  }
}

/// The error for a silence of `idle_timeout`.
pub(super) fn idle_error(
  route: &Route,
  idle_timeout: Duration,
) -> NetworkError {
  NetworkError::interrupted(format!(
    "{} sent nothing for {} s",
    route.peer(),
    idle_timeout.as_secs_f64()
  ))
}
