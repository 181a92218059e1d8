//! Scripts that are evaluated again, for their event handlers.

use std::sync::Arc;

use tokio::sync::watch;

/// How many scripts are being evaluated again. While there is one, nothing new
/// may be started: what the script has started at first continues already, or
/// has just ended, and would be done twice.
#[derive(Clone)]
pub struct Evaluations(Arc<watch::Sender<usize>>);

impl Default for Evaluations {
  fn default() -> Self {
    Self(Arc::new(watch::Sender::new(0)))
  }
}

/// One evaluation; over when it is dropped.
pub struct Evaluation(Evaluations);

impl Evaluations {
  pub fn begin(&self) -> Evaluation {
    self.0.send_modify(|count| *count += 1);
    Evaluation(self.clone())
  }

  pub fn any(&self) -> bool {
    *self.0.borrow() > 0
  }

  /// Waits until there is none: from then on events may be handled, and a
  /// handler may start what it likes.
  pub async fn none(&self) {
    // The sender is held here, so it cannot be gone.
    let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
  }
}

impl Drop for Evaluation {
  fn drop(&mut self) {
    self.0.0.send_modify(|count| *count -= 1);
  }
}
