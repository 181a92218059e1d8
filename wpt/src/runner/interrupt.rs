//! Stops a script that does not return.

use std::sync::Arc;

use parking_lot::Mutex;

/// Known to the thread that runs a page and to the one that waits for it.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<Option<Stop>>>);

type Stop = Box<dyn Fn() + Send>;

impl Interrupt {
  /// `stop` ends what the realm is running now.
  pub fn set(&self, stop: impl Fn() + Send + 'static) {
    *self.0.lock() = Some(Box::new(stop));
  }

  /// Ends what the page's realm is running now, if it has one.
  pub fn stop(&self) {
    if let Some(stop) = &*self.0.lock() {
      stop();
    }
  }
}
