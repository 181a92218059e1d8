//! What is kept although nothing happens with it: a failed download that can be
//! continued, and a background fetch whose event could not be delivered.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::Job;
use super::Jobs;
use super::restore;
use super::row;
use super::settle;
use crate::engine::context::Context;
use crate::engine::outcome::DeleteOutcome;
use crate::engine::outcome::RedeliverOutcome;
use crate::engine::outcome::RetryOutcome;
use crate::engine::registration_events::OnUndelivered;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::platform::millis;
use crate::snapshot::Retained;
use crate::spec::BackgroundFetch;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchRecord;
use crate::spec::BackgroundFetchResponse;
use crate::spec::BackgroundFetchResult;
use crate::spec::RecordResult;
use crate::store::Change;
use crate::store::RecordBodies;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;

/// The clock on the wall may be set, so it is asked at least this often.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60);

/// How long to wait before a deletion that has failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// Where a background fetch is continued, see [`Engine::retry_at`](crate::engine::Engine::retry_at).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
  /// Where it is to be had now.
  pub url: Url,
  /// Takes the place of [`RealmOptions::embedder_data`](crate::engine::RealmOptions).
  pub embedder_data: String,
}

pub(crate) async fn retry(
  context: &Arc<Context>,
  jobs: &Arc<Jobs>,
  key: BackgroundFetchKey,
  moved: Option<Moved>,
) -> Result<RetryOutcome, StoreError> {
  let Some(job) = jobs.get(key) else {
    return Ok(RetryOutcome::NotRetained);
  };
  let registration = job.registration.clone();
  let _queue = registration.edit_queue.lock(&job.id).await;
  if job.retained().is_none() {
    return Ok(RetryOutcome::NotRetained);
  }
  if !job.inspect(|p| settle::is_continuable(p.background_fetch())) {
    return Ok(RetryOutcome::NotFailed);
  }
  if registration.active(&job.id).is_some() {
    return Ok(RetryOutcome::IdInUse);
  }
  if moved.is_some() && job.records.len() != 1 {
    return Ok(RetryOutcome::ManyRequests);
  }
  // An attempt that has failed may still be storing its last bytes. They belong
  // to what is continued, and no more of them come behind it.
  for slot in &job.records {
    drop(slot.attempts.lock().await);
  }
  let mut row = continued_row(&job);
  restore::restore_records(context, &mut row).await;
  let (mut facts, unusable) = begin_unusable_again(&mut row);
  facts.push(Change::Retried { key });
  let mut stored = job.stored.clone();
  if let Some(Moved { url, embedder_data }) = moved {
    let request = Arc::make_mut(&mut row.background_fetch.records[0].request);
    request.url = url;
    let stored = Arc::make_mut(&mut stored);
    stored.embedder_data = embedder_data;
    stored.net_check = job.net_permission.has_check();
    facts.push(Change::Moved {
      key,
      record: 0,
      request: Box::new(request.clone()),
      environment: stored.to_json(),
    });
  }
  // Durable before anything of it happens.
  context.journal.commit(key, facts).await?;
  registration.withdraw_events(key);
  let permission = job.net_permission.clone();
  let again = row::make_known(context, jobs, row, stored, permission);
  job.set_retained(None);
  job.give_place_to(&again);
  restore::begin(context, again);
  context.delete_bodies(unusable).await;
  Ok(RetryOutcome::Retried)
}

pub(crate) async fn redeliver(
  context: &Arc<Context>,
  jobs: &Jobs,
  key: BackgroundFetchKey,
) -> Result<RedeliverOutcome, StoreError> {
  let Some(job) = jobs.get(key) else {
    return Ok(RedeliverOutcome::NotUndelivered);
  };
  let _queue = job.registration.edit_queue.lock(&job.id).await;
  let undelivered = job.retained().and_then(|r| r.undelivered);
  if undelivered.is_none() {
    return Ok(RedeliverOutcome::NotUndelivered);
  }
  let fact = Change::Redelivered { key };
  context.journal.commit(key, vec![fact]).await?;
  job.set_retained(None);
  job.registration.unfinished(1);
  context.notify_observers(&job);
  let (context, job) = (context.clone(), job.clone());
  context.clone().spawn(async move {
    if settle::before_event(&context, &job).await {
      job.registration.redeliver(key);
      job.registration.unfinished(-1);
    }
  });
  Ok(RedeliverOutcome::Redelivered)
}

/// The row of a failed background fetch that is continued: what has succeeded
/// stays, everything else has no result.
fn continued_row(job: &Job) -> StoredBackgroundFetch {
  let mut fetch = job.inspect(|p| p.background_fetch().clone());
  let mut bodies = Vec::new();
  for (index, record) in fetch.records.iter_mut().enumerate() {
    let slot = &job.records[index];
    let body = job.response_data(index).body();
    if record.response_data.result != Some(RecordResult::Success) {
      record.response_data = continued(record, body);
    }
    bodies.push(RecordBodies {
      request: slot.request_body,
      response: body,
      ..RecordBodies::default()
    });
  }
  StoredBackgroundFetch {
    key: job.key,
    scope: job.registration.scope.clone(),
    environment: String::new(),
    background_fetch: BackgroundFetch {
      result: BackgroundFetchResult::None,
      failure_reason: BackgroundFetchFailureReason::None,
      abort_all: false,
      paused: false,
      records_available: true,
      ..fetch
    },
    bodies,
    active: true,
    event_owed: false,
    abnormal_ends: 0,
    retained: None,
    created: 0,
  }
}

/// What a record that has failed continues with: the response whose bytes are
/// stored. Not the page of an error, nor bytes that were all there and are
/// wrong.
fn continued(
  record: &BackgroundFetchRecord,
  body: Option<BodyId>,
) -> BackgroundFetchResponse {
  let data = &record.response_data;
  let error = RecordResult::Failure(BackgroundFetchFailureReason::FetchError);
  let is_usable = data.response.as_ref().is_some_and(|response| {
    let is_whole = response.complete_length() == Some(data.bytes());
    response.is_ok() && !(is_whole && data.result == Some(error))
  });
  match is_usable && body.is_some() {
    true => BackgroundFetchResponse {
      result: None,
      ..data.clone()
    },
    false => BackgroundFetchResponse::default(),
  }
}

/// Records without bytes that could be continued begin from scratch. Returns
/// the changes for the store, and the bodies that are not needed any more.
fn begin_unusable_again(
  row: &mut StoredBackgroundFetch,
) -> (Vec<Change>, Vec<BodyId>) {
  let key = row.key;
  let mut facts = Vec::new();
  let mut unusable = Vec::new();
  let records = row.background_fetch.records.iter_mut();
  for (index, (record, bodies)) in records.zip(&mut row.bodies).enumerate() {
    let data = &mut record.response_data;
    let is_usable = match data.result {
      Some(result) => result == RecordResult::Success,
      None => data.response.is_some(),
    };
    if is_usable {
      continue;
    }
    *data = BackgroundFetchResponse::default();
    bodies.diagnostic.clear();
    unusable.extend(bodies.response.take());
    facts.push(Change::Response {
      key,
      record: index,
      response: None,
      body: None,
    });
  }
  (facts, unusable)
}

pub(crate) async fn delete(
  context: &Arc<Context>,
  jobs: &Jobs,
  key: BackgroundFetchKey,
) -> Result<DeleteOutcome, StoreError> {
  let Some(job) = jobs.get(key) else {
    return Ok(DeleteOutcome::NotRetained);
  };
  let _queue = job.registration.edit_queue.lock(&job.id).await;
  if job.retained().is_none() {
    return Ok(DeleteOutcome::NotRetained);
  }
  settle::forget(context, &job).await?;
  job.registration.withdraw_events(key);
  job.set_retained(None);
  job.update(|p, _| p.clear_records_available());
  job.leave();
  job.update_instances(context);
  Ok(DeleteOutcome::Deleted)
}

/// Retains the background fetches of events that no worker has handled.
pub(crate) fn on_undelivered(jobs: &Arc<Jobs>) -> Arc<OnUndelivered> {
  let jobs = Arc::downgrade(jobs);
  Arc::new(move |undelivered| {
    let job = jobs.upgrade().and_then(|jobs| jobs.get(undelivered.key));
    let Some(job) = job else {
      return false;
    };
    let Some(context) = job.context.upgrade() else {
      return false;
    };
    context.clone().spawn(async move {
      retain(&context, &job, Some(undelivered.why)).await;
      job.registration.unfinished(-1);
    });
    true
  })
}

/// From now on the background fetch is kept, for the retention time.
pub(crate) async fn retain(
  context: &Arc<Context>,
  job: &Arc<Job>,
  undelivered: Option<String>,
) {
  let retained = Retained {
    since: millis(&*context.platform),
    undelivered,
  };
  let _queue = job.registration.edit_queue.lock(&job.id).await;
  if job.is_purged() {
    return;
  }
  job.set_retained(Some(retained.clone()));
  let key = job.key;
  let fact = Change::Retained { key, retained };
  if let Err(error) = context.journal.commit_or_enqueue(key, vec![fact]).await {
    // Until it is known its event may be fired again after a restart.
    tracing::error!(%error, "it is not durable yet that an event has ended");
  }
  context.retained.notify_one();
  context.notify_observers(job);
}

/// Deletes what is out of retention, forever.
pub(crate) async fn expire(context: &Arc<Context>, jobs: &Jobs) {
  loop {
    let mut sleep = MAX_SLEEP;
    let now = millis(&*context.platform);
    for (key, retained) in all_retained(jobs) {
      let left = left(&retained, context.policies.retention, now);
      if !left.is_zero() {
        sleep = sleep.min(left);
      } else if let Err(error) = delete(context, jobs, key).await {
        tracing::error!(%error, "what is out of retention cannot be deleted");
        sleep = sleep.min(RETRY_INTERVAL);
      }
    }
    let sleep = tokio::time::sleep(sleep);
    tokio::select! {
      biased;
      () = sleep => {}
      () = context.retained.notified() => {}
    }
  }
}

fn all_retained(jobs: &Jobs) -> Vec<(BackgroundFetchKey, Retained)> {
  let retained = |job: &Arc<Job>| Some((job.key, job.retained()?));
  jobs.all().iter().filter_map(retained).collect()
}

/// How long it is still kept. A clock that was set back does not keep it
/// longer than the whole time from now.
fn left(retained: &Retained, retention: Duration, now: i64) -> Duration {
  let past = u64::try_from(now.saturating_sub(retained.since)).unwrap_or(0);
  retention.saturating_sub(Duration::from_millis(past))
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn what_is_retained_is_kept_for_its_time() {
    let retained = Retained {
      since: 1_000,
      undelivered: None,
    };
    let left = |now| left(&retained, Duration::from_secs(5), now);
    assert_eq!(left(1_000), Duration::from_secs(5));
    assert_eq!(left(5_999), Duration::from_millis(1));
    assert_eq!(left(6_000), Duration::ZERO);
    assert_eq!(left(i64::MAX), Duration::ZERO);
    assert_eq!(left(-1), Duration::from_secs(5));
  }
}
