//! Why a command ends early, and with which exit status.

use std::fmt::Display;

use background_fetch::engine::StartError;
use background_fetch::store::StoreError;

/// Begins every line that reports an error.
pub const PREFIX: &str = "bgfetch: ";

/// Every background fetch succeeded.
pub const SUCCESS: u8 = 0;
/// One failed or was aborted, or the script threw.
pub const FAILED: u8 = 1;
/// Usage or configuration.
pub const USAGE: u8 = 2;
/// Interrupted; the store keeps everything.
pub const INTERRUPTED: u8 = 130;

/// One sentence for the user, and the exit status.
#[derive(Debug)]
pub struct Failure {
  pub status: u8,
  pub message: String,
}

impl Failure {
  pub fn usage(message: impl Display) -> Self {
    Self {
      status: USAGE,
      message: message.to_string(),
    }
  }

  pub fn failed(message: impl Display) -> Self {
    Self {
      status: FAILED,
      message: message.to_string(),
    }
  }
}

impl From<StoreError> for Failure {
  fn from(error: StoreError) -> Self {
    Self::usage(error)
  }
}

impl From<StartError> for Failure {
  fn from(error: StartError) -> Self {
    Self::usage(error)
  }
}
