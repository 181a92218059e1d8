//! One fetch of one record: from the state machine's `Fetch` to the end of the
//! response's stream.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::Job;
use super::fetch_params::Attempt;
use super::fetch_params::params;
use super::record_slot::Attempts;
use super::record_slot::Failure;
use super::retry;
use super::transfer;
use crate::engine::context::Context;
use crate::engine::until::until;
use crate::network::FetchResponse;
use crate::network::NetworkError;
use crate::network::NetworkErrorKind;
use crate::network::RangeStart;
use crate::network::excerpt;
use crate::network::without_secrets;
use crate::spec::Decision;
use crate::spec::FetchStart;
use crate::spec::Response;
use crate::spec::Unavailability;
use crate::spec::Unusable;
use crate::spec::retry_after;
use crate::store::Change;
use crate::telemetry;
use crate::telemetry::AttemptFacts;
use crate::telemetry::AttemptOutcome;
use crate::telemetry::AttemptUnderWay;

/// Runs the attempt, which has a place on the wire, until it ends or
/// `terminate` is cancelled.
pub(crate) async fn run(
  context: Arc<Context>,
  job: Arc<Job>,
  record: usize,
  number: u32,
  terminate: CancellationToken,
) {
  let net_check = job.net_check(&context, record);
  let Some(net_check) = until(&terminate, net_check).await else {
    return;
  };
  // The attempt before this one may still be appending its last bytes.
  let mut attempts = job.records[record].attempts.lock().await;
  let Some(start) = job.update(|p, _| p.start_fetch(record, number)) else {
    return;
  };
  let attempt = Attempt {
    context: &context,
    job: &job,
    record,
    number,
    terminate: &terminate,
    net_check: &net_check,
  };
  let under_way = begin(attempt, start.range_start);
  let span = under_way.span().clone();
  let outcome = fetch(attempt, &mut attempts, start).instrument(span).await;
  let stored = job.inspect(|p| p.extents(record).total());
  under_way.end(outcome, stored);
  job.update(|p, _| p.end_attempt(record));
}

/// What is seen of the attempt from outside.
fn begin(attempt: Attempt<'_>, from: u64) -> AttemptUnderWay {
  let request = &attempt.job.records[attempt.record].request;
  let facts = AttemptFacts {
    record: attempt.record,
    number: attempt.number,
    method: &request.method,
    url: &without_secrets(&request.url),
    from,
  };
  AttemptUnderWay::begin(&attempt.job.span, &facts)
}

/// complete.11, from the request to the end of the response's body.
async fn fetch(
  attempt: Attempt<'_>,
  attempts: &mut Attempts,
  start: FetchStart,
) -> AttemptOutcome {
  let Attempt {
    context,
    job,
    record,
    number,
    terminate,
    ..
  } = attempt;
  let fetch = context.network.fetch(params(attempt, start.identity, {
    let first_byte = start.range_start;
    (first_byte > 0).then(|| RangeStart {
      first_byte,
      last_byte: None,
      validator: start.validator.clone(),
    })
  }));
  let fetch = async {
    if !job.records[record].request.is_get() {
      commit_sent(context, job, record).await?;
    }
    fetch.await
  };
  match until(terminate, fetch).await {
    None => AttemptOutcome::Stopped,
    Some(Err(error)) => {
      let failure = retry::failure(context, attempts, &error);
      let unavailability = failure.unavailability();
      job.update_failed(record, failure, |p, actions| {
        p.process_network_error(record, number, false, unavailability, actions)
      });
      outcome_of(unavailability)
    }
    Some(Ok(fetched)) => answered(attempt, attempts, fetched).await,
  }
}

/// How an attempt has ended that has failed.
pub(super) fn outcome_of(unavailability: Unavailability) -> AttemptOutcome {
  match unavailability {
    Unavailability::Temporary => AttemptOutcome::Retry,
    Unavailability::Final => AttemptOutcome::Failed,
  }
}

/// complete.11, from the response's head to the end of its body.
async fn answered(
  attempt: Attempt<'_>,
  attempts: &mut Attempts,
  fetched: FetchResponse,
) -> AttemptOutcome {
  let Attempt {
    context,
    job,
    record,
    number,
    terminate,
    ..
  } = attempt;
  let FetchResponse { response, body } = fetched;
  telemetry::answered(response.status);
  attempts.retries.online();
  context.online.answered();
  if let Some(failure) = temporary_failure(attempt, attempts, &response) {
    let temporary = failure.unavailability();
    job.update_failed(record, failure, |p, actions| {
      p.process_network_error(record, number, false, temporary, actions)
    });
    return AttemptOutcome::Retry;
  }
  let Some(decision) = job.inspect(|p| p.judge(record, number, &response))
  else {
    return AttemptOutcome::Stopped;
  };
  if let Decision::Interrupted(unusable) = &decision {
    let error = NetworkError {
      kind: NetworkErrorKind::Interrupted,
      message: sent(&response, unusable),
    };
    let failure = retry::failure(context, attempts, &error);
    let unavailability = failure.unavailability();
    job.update_failed(record, failure, |p, actions| {
      p.process_unusable_response(
        record,
        number,
        unusable,
        unavailability,
        actions,
      )
    });
    return outcome_of(unavailability);
  }
  let without_body = match decision {
    Decision::Complete => AttemptOutcome::Complete,
    Decision::AskForTheWhole(_) => AttemptOutcome::Retry,
    Decision::Fail(..) => AttemptOutcome::Failed,
    Decision::Begin(_) | Decision::Continue(_) | Decision::Interrupted(_) => {
      AttemptOutcome::Stopped
    }
  };
  let head = response.clone();
  job.update_answered(record, reason(&decision, &response), |p, actions| {
    p.process_response(record, number, response, actions)
  });
  if terminate.is_cancelled() {
    return without_body;
  }
  match transfer::transfer(attempt, attempts, &head, body).await {
    AttemptOutcome::Stopped => without_body,
    outcome => outcome,
  }
}

/// Deviation E20: the failure that `response` counts as when the retry policy
/// takes its status for a resource that is temporarily unavailable. `None` when
/// it does not, or when all tries are used up.
fn temporary_failure(
  attempt: Attempt<'_>,
  attempts: &mut Attempts,
  response: &Response,
) -> Option<Failure> {
  let Attempt {
    context,
    job,
    record,
    ..
  } = attempt;
  let statuses = &context.policies.retry.statuses;
  let is_temporary = statuses.contains(
    response.status,
    job.stored.environment.policy,
    job.stored.keep_failed,
  );
  if !is_temporary || !job.records[record].request.is_get() {
    return None;
  }
  let after = retry_after(response, context.platform.now());
  retry::bad_status(context, attempts, after, bad_status(response))
}

/// Why a response with this verdict makes its record fail, or did so much as
/// to be asked for in another way, human-readable.
fn reason(decision: &Decision, response: &Response) -> String {
  match decision {
    Decision::Begin(_) if !response.is_ok() => bad_status(response),
    Decision::Fail(_, Unusable::Status(_)) => bad_status(response),
    Decision::AskForTheWhole(unusable)
    | Decision::Interrupted(unusable)
    | Decision::Fail(_, unusable) => sent(response, unusable),
    Decision::Begin(_) | Decision::Continue(_) | Decision::Complete => {
      String::new()
    }
  }
}

/// The sentence for something unusable that the server sent.
pub(crate) fn sent(response: &Response, unusable: &Unusable) -> String {
  format!("{} sent {unusable}", server(response))
}

/// A request that is not a `GET` must not be sent again after a crash, since it
/// may have reached the server.
async fn commit_sent(
  context: &Context,
  job: &Job,
  record: usize,
) -> Result<(), NetworkError> {
  let key = job.key;
  let written = context
    .journal
    .commit(key, vec![Change::Sent { key, record }])
    .await;
  written.map_err(|error| NetworkError {
    kind: NetworkErrorKind::Refused,
    message: error.to_string(),
  })
}

/// The status of a response, human-readable.
fn bad_status(response: &Response) -> String {
  let Response {
    status,
    status_message,
    ..
  } = response;
  let server = server(response);
  let status_message = excerpt(status_message);
  let answered = format!("{server} answered {status} {status_message}");
  answered.trim_end().to_string()
}

/// Where a response came from, human-readable.
fn server(response: &Response) -> String {
  let url = response.url_list.last().map(without_secrets);
  url.unwrap_or_else(|| "the server".to_string())
}
