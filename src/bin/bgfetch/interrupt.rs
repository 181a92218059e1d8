//! Ctrl-C and friends.

use std::sync::Arc;

use tokio::sync::watch;

use crate::failure::Failure;
use crate::failure::INTERRUPTED;
use crate::keys;

/// Whether the user wants the program to end.
#[derive(Clone)]
pub struct Interrupt(Arc<watch::Sender<bool>>);

impl Interrupt {
  /// From now on the first SIGINT, SIGTERM or SIGHUP asks for an orderly end;
  /// the second ends the process at once, which loses no byte that the store
  /// has either.
  ///
  /// # Errors
  ///
  /// The operating system refuses the handler.
  pub fn install() -> Result<Self, Failure> {
    let this = Self(Arc::new(watch::Sender::new(false)));
    let handler = this.clone();
    ctrlc::set_handler(move || {
      if handler.0.send_replace(true) {
        keys::restore();
        std::process::exit(INTERRUPTED.into());
      }
    })
    .map_err(|error| {
      Failure::failed(format!("signals cannot be handled: {error}"))
    })?;
    Ok(this)
  }

  pub fn is_set(&self) -> bool {
    *self.0.borrow()
  }

  pub async fn interrupted(&self) {
    // The sender is held here, so it cannot be gone.
    let _ = self
      .0
      .subscribe()
      .wait_for(|interrupted| *interrupted)
      .await;
  }
}
