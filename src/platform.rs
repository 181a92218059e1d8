//! What an engine asks of its machine, beside the network and the disk: the
//! time on the wall, and chance. Waiting is tokio's, whose clock a test can
//! hold.

use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use uuid::Uuid;

/// The clock on the wall, and a source of chance. Another one makes the same
/// engine do the same thing every time.
pub trait Platform: Send + Sync + 'static {
  /// The time by the clock on the wall, which may be set at any moment.
  fn now(&self) -> SystemTime;

  /// The next random number.
  fn random(&self) -> u64;
}

/// This machine's.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemPlatform;

impl Platform for SystemPlatform {
  fn now(&self) -> SystemTime {
    SystemTime::now()
  }

  fn random(&self) -> u64 {
    fastrand::u64(..)
  }
}

/// Milliseconds since the epoch; 0 before it.
pub(crate) fn millis(platform: &dyn Platform) -> i64 {
  let since = since_epoch(platform).as_millis();
  i64::try_from(since).unwrap_or(i64::MAX)
}

/// A number from 0 to 1.
pub(crate) fn fraction(platform: &dyn Platform) -> f64 {
  // As many bits as the number can hold.
  (platform.random() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A new [version 7](https://www.rfc-editor.org/rfc/rfc9562#section-5.7) uuid:
/// the time, and chance.
pub(crate) fn new_uuid(platform: &dyn Platform) -> Uuid {
  let millis = u64::try_from(since_epoch(platform).as_millis());
  let mut random = [0; 10];
  let (first, second) = (platform.random(), platform.random());
  random[..8].copy_from_slice(&first.to_le_bytes());
  random[8..].copy_from_slice(&second.to_le_bytes()[..2]);
  let millis = millis.unwrap_or(u64::MAX);
  uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

fn since_epoch(platform: &dyn Platform) -> Duration {
  let since = platform.now().duration_since(UNIX_EPOCH);
  since.unwrap_or_default()
}
