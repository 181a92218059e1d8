//! When a process is killed.

use std::time::Duration;
use std::time::Instant;

use fastrand::Rng;

use crate::child::Said;
use support::FaultServer;

/// A moment in the life of a process, told by what it has done since it was
/// started.
pub enum Moment {
  /// It has said so many lines about progress.
  Json(u32),
  /// Its script has said something that begins so, so many times, and then so
  /// much time has passed.
  Console(&'static str, u32, Duration),
  /// The server has seen so many requests in all.
  Requests(usize),
  /// So much time has passed.
  At(Instant),
}

impl Moment {
  pub fn of_script(dice: &mut Rng, server: &FaultServer) -> Self {
    let said = |line, most, dice: &mut Rng| {
      let after = Duration::from_millis(dice.u64(0..30));
      Self::Console(line, dice.u32(1..most), after)
    };
    match dice.u32(0..12) {
      0 | 1 => said("BEGIN", 5, dice),
      // The pause of the handler is over after 15 ms: then it is deleted.
      2 | 3 => said("EVENT", 5, dice),
      // The last one has a body, which is stored first.
      4 | 5 => Self::Console("STARTING", dice.u32(1..6), Duration::ZERO),
      6 => said("REGISTERED", 6, dice),
      7 => said("ABORTED", 2, dice),
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
    match (&mut *self, said) {
      (Self::Json(left), Said::Json(_)) => *left = left.saturating_sub(1),
      (Self::Console(begin, left, after), Said::Console(line))
        if line.starts_with(*begin) =>
      {
        *left = left.saturating_sub(1);
        if *left == 0 {
          *self = Self::At(Instant::now() + *after);
        }
      }
      _ => {}
    }
  }

  pub fn has_come(&self, server: &FaultServer) -> bool {
    match self {
      Self::Json(left) => *left == 0,
      Self::Console(..) => false,
      Self::Requests(count) => server.requests().len() >= *count,
      Self::At(time) => Instant::now() >= *time,
    }
  }
}
