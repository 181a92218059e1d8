//! Whether a failed fetch is tried again, and when: what the engine holds for
//! [temporarily unavailable](https://wicg.github.io/background-fetch/#temporarily-unavailable).

use std::time::Duration;

use tokio::time::Instant;

use super::record_slot::Attempts;
use super::record_slot::Failure;
use super::record_slot::Retry;
use crate::engine::context::Context;
use crate::engine::schedule::retry_state::Decision;
use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::platform::fraction;
use crate::snapshot::Waiting;
use crate::telemetry;

/// What `error` is to an attempt: whether the resource is temporarily
/// unavailable, and until when, and the reason as human-readable text.
pub(super) fn failure(
  context: &Context,
  attempts: &mut Attempts,
  error: &NetworkError,
) -> Failure {
  context.online.failed(error.kind);
  let policy = &context.policies.retry;
  let reason = error.message.clone();
  let chance = fraction(&*context.platform);
  match attempts.retries.failed(error.kind, policy, chance) {
    Decision::Again { after, offline } => {
      let cause = if offline { "offline" } else { "network" };
      temporary(cause, offline, after, reason)
    }
    Decision::OfflineForTooLong => {
      Failure::last(reason + "; the network did not come back in time")
    }
    Decision::Final => Failure::last(reason),
  }
}

fn temporary(
  cause: &'static str,
  offline: bool,
  after: Duration,
  reason: String,
) -> Failure {
  telemetry::retry(cause, after, &reason);
  let retry = Retry {
    at: Instant::now() + after,
    waiting: Waiting {
      offline,
      reason: reason.clone(),
    },
  };
  Failure {
    diagnostic: reason,
    retry: Some(retry),
  }
}

/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The server has answered with a status that counts as a failure, for which
/// `reason` is the error message, and wants to be asked again `after` so long.
/// `None` when all tries are used up.
pub(super) fn bad_status(
  context: &Context,
  attempts: &mut Attempts,
  after: Option<Duration>,
  reason: String,
) -> Option<Failure> {
  let asked = after.unwrap_or_default().min(MAX_RETRY_AFTER);
  let failed = attempts.retries.failed(
    NetworkErrorKind::Interrupted,
    &context.policies.retry,
    fraction(&*context.platform),
  );
  let Decision::Again { after, .. } = failed else {
    return None;
  };
  Some(temporary("status", false, after.max(asked), reason))
}
