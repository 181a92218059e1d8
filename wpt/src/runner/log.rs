//! What a page's realms write.

use std::sync::Arc;

use parking_lot::Mutex;

/// What a page's realms have written.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<String>>);

impl Log {
  pub fn write(&self, text: &str) {
    self.0.lock().push_str(text);
  }

  pub fn line(&self, text: &str) {
    self.write(&format!("{text}\n"));
  }

  pub fn take(&self) -> String {
    std::mem::take(&mut self.0.lock())
  }
}
