//! Whether a failed fetch is tried again, and when: what the engine holds for
//! [temporarily unavailable](https://wicg.github.io/background-fetch/#temporarily-unavailable).

use std::time::Duration;

use tokio::time::Instant;

use super::Job;
use super::fetch_params::Attempt;
use super::record_slot::Attempts;
use crate::engine::context::Context;
use crate::engine::schedule::retry_state::Decision;
use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::platform::fraction;
use crate::snapshot::Waiting;
use crate::spec::Unavailability;
use crate::telemetry;

/// Says whether the resource is temporarily unavailable, and keeps the reason
/// as human-readable text.
pub(crate) fn note_failure(
  context: &Context,
  job: &Job,
  record: usize,
  attempts: &mut Attempts,
  error: &NetworkError,
) -> Unavailability {
  context.online.failed(error.kind);
  let policy = &context.policies.retry;
  let slot = &job.records[record];
  let mut reason = error.message.clone();
  let chance = fraction(&*context.platform);
  let failed = attempts.retries.failed(error.kind, policy, chance);
  let unavailability = match failed {
    Decision::Again { after, offline } => {
      *slot.retry_at.lock() = Some(Instant::now() + after);
      let cause = if offline { "offline" } else { "network" };
      telemetry::retry(cause, after, &reason);
      let reason = reason.clone();
      *slot.waiting.lock() = Some(Waiting { offline, reason });
      Unavailability::Temporary
    }
    Decision::OfflineForTooLong => {
      reason += "; the network did not come back in time";
      Unavailability::Final
    }
    Decision::Final => Unavailability::Final,
  };
  *slot.diagnostic.lock() = reason;
  unavailability
}

/// The longest wait that a server may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The server has answered with a status that counts as a failure, for which
/// `reason` is the sentence, and wants to be asked again `after` so long. Says
/// whether there is a try left.
pub(crate) fn note_status(
  attempt: Attempt<'_>,
  attempts: &mut Attempts,
  after: Option<Duration>,
  reason: String,
) -> bool {
  let asked = after.unwrap_or_default().min(MAX_RETRY_AFTER);
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  let failed = attempts.retries.failed(
    NetworkErrorKind::Interrupted,
    &context.policies.retry,
    fraction(&*context.platform),
  );
  let Decision::Again { after, .. } = failed else {
    return false;
  };
  let slot = &job.records[record];
  let after = after.max(asked);
  telemetry::retry("status", after, &reason);
  *slot.retry_at.lock() = Some(Instant::now() + after);
  slot.diagnostic.lock().clone_from(&reason);
  *slot.waiting.lock() = Some(Waiting {
    offline: false,
    reason,
  });
  true
}
