//! Whether a request was sent over a connection that had carried others.
//!
//! The transport does not say so. While it is polled for a request, it waits
//! for a connection of its pool and opens another, and takes what is there
//! first; the other one is then opened in a task of its own. So a connection
//! that comes while the request's own task is polled is the request's.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;

use futures::TryFuture;
use futures::TryFutureExt;
use futures::future::InspectOk;
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
  static OPENED: AtomicBool;
}

fn mark() {
  // No mark is there where a connection is opened for the pool.
  let _ = OPENED.try_with(|opened| opened.store(true, Ordering::Relaxed));
}

/// The output of `send`, and whether it went over a connection that was opened
/// for it.
pub(super) async fn notice_new_connection<T>(
  send: impl Future<Output = T>,
) -> (T, bool) {
  OPENED
    .scope(AtomicBool::new(false), async {
      let output = send.await;
      (output, OPENED.with(|opened| opened.load(Ordering::Relaxed)))
    })
    .await
}

/// Sets the mark when the transport opens a connection.
#[derive(Clone)]
pub(super) struct MarkNewConnection;

impl<S> Layer<S> for MarkNewConnection {
  type Service = Marking<S>;

  fn layer(&self, connector: S) -> Marking<S> {
    Marking(connector)
  }
}

#[derive(Clone)]
pub(super) struct Marking<S>(S);

impl<S: Service<R>, R> Service<R> for Marking<S>
where
  S::Future: TryFuture<Ok = S::Response, Error = S::Error>,
{
  type Response = S::Response;
  type Error = S::Error;
  type Future = InspectOk<S::Future, fn(&S::Response)>;

  fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
    self.0.poll_ready(cx)
  }

  fn call(&mut self, destination: R) -> Self::Future {
    self.0.call(destination).inspect_ok(|_| mark())
  }
}
