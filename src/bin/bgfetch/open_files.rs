//! How many files and sockets the process may have open.

use rustix::process::Resource;
use rustix::process::Rlimit;
use rustix::process::getrlimit;
use rustix::process::setrlimit;

/// Each fetch that is on its way has a socket and a file. More than this is
/// not needed, and macOS refuses more than 10,240.
const ENOUGH: u64 = 10_000;

/// Lifts the limit that a shell sets (1,024 on Linux, 256 on macOS) as far as
/// the system allows. When it does not, there is what there was.
pub fn allow_many() {
  let limit = getrlimit(Resource::Nofile);
  let most = limit.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
  // `None` is no limit at all.
  if limit.current.is_some_and(|current| current < most) {
    let more = Rlimit {
      current: Some(most),
      ..limit
    };
    let _ = setrlimit(Resource::Nofile, more);
  }
}

/// How many files may be saved at once. Each has a few files open; where the
/// process may have many it is more, for they share the flushes.
pub fn saved_at_once() -> usize {
  let limit = getrlimit(Resource::Nofile).current.unwrap_or(ENOUGH);
  usize::try_from(limit / OF_A_SAVING)
    .unwrap_or(MOST_SAVED)
    .clamp(FEWEST_SAVED, MOST_SAVED)
}

/// The limit for each that is saved: the rest is for the engine.
const OF_A_SAVING: u64 = 32;
const FEWEST_SAVED: usize = 8;
const MOST_SAVED: usize = 256;
