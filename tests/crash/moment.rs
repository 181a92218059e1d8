//! When a process is killed.

use std::time::Duration;
use std::time::Instant;

use fastrand::Rng;

use crate::child::Said;
use crate::support::FaultServer;

/// A moment in the life of a process, told by what it has done since it was
/// started.
pub enum Moment {
  /// It has said so many lines about progress.
  Json(u32),
  /// Its script has said something that begins so, so many times.
  Console(&'static str, u32),
  /// The server has seen so many requests in all.
  Requests(usize),
  /// So much time has passed.
  At(Instant),
}

impl Moment {
  pub fn of_script(dice: &mut Rng, server: &FaultServer) -> Self {
    match dice.u32(0..10) {
      0 | 1 => Self::Console("BEGIN", dice.u32(1..5)),
      2 | 3 => Self::Console("EVENT", dice.u32(1..5)),
      4 => Self::Console("REGISTERED", dice.u32(1..6)),
      5 => Self::Console("ABORTED", 1),
      _ => Self::of_transfer(dice, server),
    }
  }

  pub fn of_transfer(dice: &mut Rng, server: &FaultServer) -> Self {
    match dice.u32(0..3) {
      0 => Self::Json(dice.u32(1..25)),
      1 => Self::Requests(server.requests().len() + dice.usize(1..8)),
      _ => {
        let after = Duration::from_millis(dice.u64(0..900));
        Self::At(Instant::now() + after)
      }
    }
  }

  /// The process has said this.
  pub fn hear(&mut self, said: &Said) {
    match (self, said) {
      (Self::Json(left), Said::Json(_)) => *left = left.saturating_sub(1),
      (Self::Console(begin, left), Said::Console(line))
        if line.starts_with(*begin) =>
      {
        *left = left.saturating_sub(1);
      }
      _ => {}
    }
  }

  pub fn has_come(&self, server: &FaultServer) -> bool {
    match self {
      Self::Json(left) | Self::Console(_, left) => *left == 0,
      Self::Requests(count) => server.requests().len() >= *count,
      Self::At(time) => Instant::now() >= *time,
    }
  }
}
