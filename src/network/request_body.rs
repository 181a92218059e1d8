//! A request body, as the transport takes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::task::ready;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use http_body::Frame;
use http_body::SizeHint;

use super::RequestBody;
use super::rate_limit::RateLimit;

/// A request body that cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestBodyError {
  /// It cannot be read.
  #[error("it cannot be read from the store: {0}")]
  Read(#[from] io::Error),
  /// It is longer or shorter than it was said to be.
  #[error("the store has {stored} bytes of it, not {length}")]
  Length {
    /// As it was announced, in bytes.
    length: u64,
    /// In bytes.
    stored: u64,
  },
}

/// The stream of a [`RequestBody`] with its exact length where that is known,
/// so that HTTP/1.1 sends `Content-Length` and no chunks.
pub(super) struct SizedBody {
  /// A transport body has to be `Sync`, which the stream is not; the lock is
  /// never waited for.
  stream: Mutex<BoxStream<'static, io::Result<Bytes>>>,
  length: Option<u64>,
  sent: u64,
  transmitted: Arc<dyn Fn(u64) + Send + Sync>,
  activity: Activity,
}

/// The count of bytes that went out, for callers that wait for an answer
/// meanwhile.
#[derive(Clone, Default)]
pub(super) struct Activity(Arc<AtomicU64>);

impl Activity {
  pub(crate) fn bytes(&self) -> u64 {
    self.0.load(Ordering::Relaxed)
  }
}

impl SizedBody {
  pub(crate) fn new(
    body: &RequestBody,
    limit: Option<RateLimit>,
    transmitted: Arc<dyn Fn(u64) + Send + Sync>,
    activity: Activity,
  ) -> Self {
    let stream = (body.open)();
    let stream = match limit {
      Some(limit) => limit.apply(stream).boxed(),
      None => stream,
    };
    Self {
      stream: Mutex::new(stream),
      length: body.length,
      sent: 0,
      transmitted,
      activity,
    }
  }
}

impl http_body::Body for SizedBody {
  type Data = Bytes;
  type Error = RequestBodyError;

  fn poll_frame(
    mut self: Pin<&mut Self>,
    cx: &mut Context<'_>,
  ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
    let this = &mut *self;
    let stream = this
      .stream
      .get_mut()
      .unwrap_or_else(PoisonError::into_inner);
    let next = ready!(stream.as_mut().poll_next(cx));
    Poll::Ready(match next {
      Some(Ok(bytes)) => {
        let sent = this.sent + bytes.len() as u64;
        if let Some(length) = this.length.filter(|length| sent > *length) {
          let stored = sent;
          let error = RequestBodyError::Length { length, stored };
          return Poll::Ready(Some(Err(error)));
        }
        this.sent = sent;
        this.activity.0.store(sent, Ordering::Relaxed);
        (this.transmitted)(sent);
        Some(Ok(Frame::data(bytes)))
      }
      Some(Err(error)) => Some(Err(error.into())),
      None => match this.length {
        Some(length) if this.sent < length => {
          let stored = this.sent;
          Some(Err(RequestBodyError::Length { length, stored }))
        }
        _ => None,
      },
    })
  }

  fn is_end_stream(&self) -> bool {
    self.length == Some(self.sent)
  }

  fn size_hint(&self) -> SizeHint {
    match self.length {
      Some(length) => SizeHint::with_exact(length - self.sent),
      None => SizeHint::default(),
    }
  }
}
