//! Whether a request was sent over a connection that had carried others.
//!
//! The transport does not say so. It opens connections while it is polled for
//! the request that needs one, so a mark that belongs to that request's task
//! is set by whatever opens one.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;

use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
  static OPENED: AtomicBool;
}

/// The output of `send`, and whether a connection was opened for it. Without
/// one, it went over a connection that was there already.
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

impl<S: Service<R>, R> Service<R> for Marking<S> {
  type Response = S::Response;
  type Error = S::Error;
  type Future = S::Future;

  fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
    self.0.poll_ready(cx)
  }

  fn call(&mut self, destination: R) -> S::Future {
    // No mark is there when the connection is opened ahead of its use.
    let _ = OPENED.try_with(|opened| opened.store(true, Ordering::Relaxed));
    self.0.call(destination)
  }
}
