//! A process of a test, which does not outlive it.

use std::ops::Deref;
use std::ops::DerefMut;
use std::process::Child;

/// Kills the process when it is dropped: a test may fail, or be done, before
/// its process is.
pub struct KilledWhenDropped(pub Child);

impl Deref for KilledWhenDropped {
  type Target = Child;

  fn deref(&self) -> &Child {
    &self.0
  }
}

impl DerefMut for KilledWhenDropped {
  fn deref_mut(&mut self) -> &mut Child {
    &mut self.0
  }
}

impl Drop for KilledWhenDropped {
  fn drop(&mut self) {
    // One that was waited for is not killed.
    let _ = self.0.kill();
    let _ = self.0.wait();
  }
}
