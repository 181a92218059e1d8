//! Between the state machine's wish to fetch and the attempt that does: what
//! asks for a place on the wire, and what starts those that have one.

use std::sync::Arc;

use super::Job;
use super::Jobs;
use super::attempt;
use super::place::Place;
use super::record_slot::RecordStatus;
use crate::engine::context::Context;
use crate::engine::schedule::scheduler::AttemptId;
use crate::engine::schedule::scheduler::Start;
use crate::engine::until::until;

/// complete.11: the attempt wants to use the wire. One that has to wait for the
/// permission does that first, so that no place is kept for it.
pub(super) fn enqueue(
  context: &Arc<Context>,
  job: &Arc<Job>,
  status: &mut RecordStatus,
  record: usize,
  attempt: u32,
) {
  if !job.lacks_net_check() {
    return ask_for_place(context, job, record, attempt);
  }
  let Some(terminate) = status.begin(attempt, &context.stopping) else {
    return;
  };
  let (context, job) = (context.clone(), job.clone());
  context.clone().spawn(async move {
    let permitted = job.net_check(&context, record);
    if until(&terminate, permitted).await.is_some() {
      ask_for_place(&context, &job, record, attempt);
    }
  });
}

fn ask_for_place(context: &Context, job: &Job, record: usize, attempt: u32) {
  let attempt = AttemptId {
    key: job.key,
    record,
    attempt,
  };
  let origin = &job.registration.origin;
  let host = job.records[record].request.url.host_str();
  context
    .admission
    .enqueue(attempt, origin, host.unwrap_or_default());
}

/// Waits as long as the retry policy has said. There is nothing that tells
/// when the network is back, so it is tried.
pub(super) fn wait_until_available(
  context: &Context,
  job: &Job,
  status: &mut RecordStatus,
  record: usize,
  attempt: u32,
) {
  let attempt = AttemptId {
    key: job.key,
    record,
    attempt,
  };
  let time = status.retry_at.take();
  let time = time.unwrap_or_else(tokio::time::Instant::now);
  context.admission.retry_at(attempt, time);
}

/// Starts what may use the wire, as long as the engine runs.
pub(crate) async fn run(context: Arc<Context>, jobs: Arc<Jobs>) {
  while let Some(output) =
    until(&context.stopping, context.admission.next()).await
  {
    for next in output.start {
      start(&context, &jobs, next);
    }
    for AttemptId {
      key,
      record,
      attempt,
    } in output.retry
    {
      if let Some(job) = jobs.get(key) {
        job.update(|p, actions| p.available(record, attempt, actions));
      }
    }
  }
}

fn start(context: &Arc<Context>, jobs: &Jobs, Start { attempt, place }: Start) {
  let place = Place {
    context: context.clone(),
    id: place,
  };
  // Without one, the record is not needed any more.
  let Some(job) = jobs.get(attempt.key) else {
    return;
  };
  let AttemptId {
    record, attempt, ..
  } = attempt;
  let Some(terminate) = job.begin_attempt(context, record, attempt) else {
    return;
  };
  let context = context.clone();
  context.clone().spawn(async move {
    attempt::run(context, job, record, attempt, terminate).await;
    drop(place);
  });
}
