//! Ctrl-C and friends.

use std::io;
use std::sync::Arc;

use signal_hook::consts::SIGHUP;
use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
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
  /// has either. Those that the process was started to ignore, as `nohup` and a
  /// shell's `&` do, stay ignored.
  ///
  /// # Errors
  ///
  /// The operating system refuses the handler.
  pub fn install() -> Result<Self, Failure> {
    let this = Self(Arc::new(watch::Sender::new(false)));
    let handler = this.clone();
    let handle = || -> io::Result<()> {
      let signals = [SIGINT, SIGTERM, SIGHUP].into_iter();
      let mut signals = Signals::new(signals.filter(|s| !is_ignored(*s)))?;
      // A thread of its own: a script may never let go of the main one.
      std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
          for _ in signals.forever() {
            if handler.0.send_replace(true) {
              keys::restore();
              std::process::exit(INTERRUPTED.into());
            }
          }
        })?;
      Ok(())
    };
    handle().map_err(|error| {
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

/// Whether the process was started with `signal` ignored. Only Linux says so;
/// elsewhere it is taken for one that was not.
fn is_ignored(signal: i32) -> bool {
  let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
  let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
  let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
  mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}
