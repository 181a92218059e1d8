//! How many fetches the process's limit of open files allows at once.

use rustix::process::Resource;
use rustix::process::getrlimit;

/// A fetch on its way has a socket and a file; for a moment also the file of
/// the body it sends.
const OF_A_FETCH: u64 = 3;

/// What the store, the runtime and the embedder keep open, roughly.
const OF_ALL_ELSE: u64 = 64;

/// `wanted`, or as many as may be open. More would not be quicker: they would
/// fail.
pub(crate) fn max_concurrent(wanted: usize) -> usize {
  let Some(limit) = getrlimit(Resource::Nofile).current else {
    return wanted;
  };
  let possible = limit.saturating_sub(OF_ALL_ELSE) / OF_A_FETCH;
  let possible = usize::try_from(possible).unwrap_or(usize::MAX).max(1);
  if possible < wanted {
    tracing::warn!(
      "{possible} fetches run at once instead of {wanted}: the process may \
       not open more than {limit} files"
    );
  }
  wanted.min(possible)
}
