//! The end of [perform a background fetch](https://wicg.github.io/background-fetch/#machine-a-background-fetch-algorithm):
//! what is enqueued to the active background fetches edit queue, and what
//! follows the event.

use std::sync::Arc;
use std::time::Duration;

use super::Job;
use super::purge;
use super::retention;
use crate::engine::context::Context;
use crate::engine::journal::value::MAX_BACKOFF;
use crate::engine::until::until;
use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetch;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchResult;
use crate::spec::FunctionalEvent;
use crate::store::Change;
use crate::store::StoreError;
use crate::telemetry;

/// How long to wait before a result that could not be made durable is tried
/// again; twice as long each time, up to [`MAX_BACKOFF`].
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How often that is done for a database that has failed: two and a half
/// minutes in all, as long as a disk or a network share takes that comes back.
/// After that the row is damaged, and stays so, and those that wait for the end
/// of the registration's work need not wait for it. For a disk without space,
/// and for a store that is away, there is no limit.
const TRIES: u32 = 9;

/// perform.8, as often as the store needs to make the result durable: one that
/// is not may not be announced. Where that does not help, and when the engine
/// ends, the next one settles the background fetch.
pub(crate) async fn settle(context: Arc<Context>, job: Arc<Job>) {
  let mut retry = Retry::default();
  loop {
    let mut settled = try_settle(&context, &job).await;
    if settled.as_ref().is_err_and(StoreError::is_full) {
      // What failed needs its bytes no longer: they make room for the result.
      context.delete_bodies(job.discard_unexposed()).await;
      settled = try_settle(&context, &job).await;
    }
    let Err(error) = settled else { return };
    tracing::error!(
      %error,
      id = job.id,
      "the result of a background fetch cannot be made durable yet"
    );
    if !retry.wait(&context, &error).await {
      // The next start settles it.
      if !context.stopping.is_cancelled() {
        job.registration.unfinished(-1);
      }
      return;
    }
  }
}

/// What the store has refused is tried again.
struct Retry {
  wait: Duration,
  /// How often the database has failed.
  tries: u32,
}

impl Default for Retry {
  fn default() -> Self {
    Self {
      wait: FIRST_WAIT,
      tries: 0,
    }
  }
}

impl Retry {
  /// Waits until it is to be tried again. False when that does not help, or the
  /// engine ends.
  async fn wait(&mut self, context: &Context, error: &StoreError) -> bool {
    match error {
      StoreError::Closed | StoreError::TakenOver { .. } => return false,
      StoreError::Database(_) => self.tries += 1,
      _ => {}
    }
    if self.tries > TRIES {
      tracing::error!("it is left to the next start");
      return false;
    }
    let waited = tokio::time::sleep(self.wait);
    self.wait = (self.wait * 2).min(MAX_BACKOFF);
    until(&context.stopping, waited).await.is_some()
  }
}

/// An error means that nothing has changed.
async fn try_settle(
  context: &Arc<Context>,
  job: &Arc<Job>,
) -> Result<(), StoreError> {
  let registration = &job.registration;
  // perform.8: Enqueue the following steps to swRegistration's active
  // background fetches edit queue:
  let _queue = registration.edit_queue.lock(&job.id).await;
  if job.is_purged() {
    purge::settled(context, job).await;
    registration.unfinished(-1);
    return Ok(());
  }
  // perform.8.1, perform.8.2: If activeBgFetches contains background fetch …
  let was_active = registration.contains_background_fetch(&job.id, job.key);
  // The result is durable before it is announced, and all bytes before it. A
  // record that has lost bytes meanwhile has failed, and the result is another
  // one.
  let settled = loop {
    let settled = job.inspect(|p| p.outcome(was_active));
    let committed = commit_settled(context, job.key, settled).await;
    let is_still_so = job.inspect(|p| p.outcome(was_active)) == settled;
    match committed {
      Ok(()) if is_still_so => break settled,
      Ok(()) => {}
      Err(StoreError::Unsynced { .. }) if !is_still_so => {}
      Err(error) => return Err(error),
    }
  };
  let (result, failure_reason) = settled;
  // perform.8.3: … bgFetch, remove it.
  if was_active {
    registration.remove_active(&job.id);
  }
  // perform.8.4 to perform.8.6: set the failure reason and the result.
  let event = job.update(|p, _| p.settle(was_active));
  telemetry::settled(&job.span, result.as_str(), failure_reason.as_str());
  // perform.8.7: Update background fetch instances.
  job.update_instances(context);
  announce(context, job.clone(), event);
  Ok(())
}

async fn commit_settled(
  context: &Context,
  key: BackgroundFetchKey,
  (result, failure_reason): (
    BackgroundFetchResult,
    BackgroundFetchFailureReason,
  ),
) -> Result<(), StoreError> {
  let settled = Change::Settled {
    key,
    result,
    failure_reason,
  };
  context.journal.commit(key, vec![settled]).await
}

/// perform.8.8, perform.8.9 and perform.8.13: Fire a functional event. The
/// registration has counted the background fetch as unfinished; the event that
/// is owed now takes the place of that.
pub(crate) fn announce(
  context: &Arc<Context>,
  job: Arc<Job>,
  event: FunctionalEvent,
) {
  let context = context.clone();
  context.clone().spawn(async move {
    // Others may need the space, however long the event takes.
    if !job.stored.keep_failed {
      context.delete_bodies(job.discard_unexposed()).await;
    }
    if !before_event(&context, &job).await {
      return;
    }
    let registration = job.registration.clone();
    if !job.is_purged() {
      registration.fire(event, job.key);
    }
    registration.unfinished(-1);
  });
}

/// What the embedder does before the event. False when the engine ends.
pub(crate) async fn before_event(context: &Context, job: &Job) -> bool {
  let Some(before) = &context.policies.before_event else {
    return true;
  };
  until(&context.stopping, before.before_event(job.snapshot()))
    .await
    .is_some()
}

/// The event is no longer active: perform.8.13.1 is over. The registration
/// counts the background fetch until the rest of this is done, too.
pub(crate) fn event_handled(
  context: Arc<Context>,
  event: FunctionalEvent,
  job: Arc<Job>,
) {
  if event == FunctionalEvent::Click {
    return;
  }
  // perform.8.13.2: Unset bgFetch's records available flag.
  job.update(|p, _| p.clear_records_available());
  // perform.8.13.3: Update background fetch instances.
  job.update_instances(&context);
  // Its records cannot be reached any more. The registration is not idle until
  // they are gone, so that a caller that waits for the end finds nothing left
  // of it.
  context.clone().spawn(async move {
    let failed = job.inspect(|p| is_continuable(p.background_fetch()));
    if job.stored.keep_failed && failed {
      retention::retain(&context, &job, None).await;
      return job.registration.unfinished(-1);
    }
    forget_at_last(&context, &job).await;
    job.leave();
    job.registration.unfinished(-1);
  });
}

/// Forgets it as soon as the store can. Until its row is gone the event may be
/// fired again after a restart, as one that is delivered at least once may be;
/// where the row is damaged, or the engine ends, that is so.
async fn forget_at_last(context: &Context, job: &Job) {
  let mut retry = Retry::default();
  while let Err(error) = forget(context, job).await {
    tracing::error!(
      %error,
      id = job.id,
      "a settled background fetch cannot be deleted yet"
    );
    if !retry.wait(context, &error).await {
      return;
    }
  }
}

/// Whether it has failed, and was not aborted.
pub(crate) fn is_continuable(fetch: &BackgroundFetch) -> bool {
  fetch.result == BackgroundFetchResult::Failure
    && fetch.failure_reason != BackgroundFetchFailureReason::Aborted
}

/// Forgets a background fetch whose event was handled, with its bodies.
pub(crate) async fn forget(
  context: &Context,
  job: &Job,
) -> Result<(), StoreError> {
  let forgotten = || vec![Change::Forgotten { key: job.key }];
  let mut written = context.journal.commit(job.key, forgotten()).await;
  if written.as_ref().is_err_and(StoreError::is_full) {
    // Nothing else of it gives space back.
    context.delete_bodies(job.discard_bodies()).await;
    let journal = &context.journal;
    written = journal.commit_or_enqueue(job.key, forgotten()).await;
  }
  written?;
  context.delete_bodies(job.discard_bodies()).await;
  Ok(())
}
