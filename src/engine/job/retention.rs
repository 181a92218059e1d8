//! What is kept although nothing happens with it: a failed download that can be
//! continued, and a background fetch whose event could not be delivered.

use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use url::Url;

use super::Run;
use super::restore;
use super::restore::StoredEnvironment;
use super::settle;
use crate::engine::Engine;
use crate::engine::context::Shared;
use crate::ids::BackgroundFetchKey;
use crate::ids::BodyId;
use crate::spec::BackgroundFetch;
use crate::spec::BackgroundFetchFailureReason;
use crate::spec::BackgroundFetchRecord;
use crate::spec::BackgroundFetchResponse;
use crate::spec::BackgroundFetchResult;
use crate::spec::RecordResult;
use crate::store::Fact;
use crate::store::RecordBodies;
use crate::store::Retained;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;

/// The clock on the wall may be set, so it is asked at least this often.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60);

/// How long to wait before a deletion that has failed is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// Where a background fetch is continued, see [`Engine::retry_at`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
  pub url: Url,
  /// Takes the place of [`RealmFacts::embedder_data`](crate::engine::RealmFacts).
  pub embedder_data: String,
}

impl Engine {
  /// Continues a failed background fetch that is
  /// [retained](crate::snapshot::BackgroundFetchSnapshot::retained): it is
  /// active again, and its records that have failed are fetched, from where
  /// their stored bytes end. A request that is not a `GET` is sent again.
  /// Returns false, and changes nothing, when there is none, when it has
  /// succeeded or was aborted, or when another one with its id is active.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then it stays as it was.
  pub async fn retry(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<bool, StoreError> {
    let shared = self.shared().clone();
    let retry = async move { retry(&shared, key, None).await };
    self.shared().to_the_end(retry).await?
  }

  /// The same with another URL for its one request, where what is stored is
  /// to be had now: it is continued if the server shows that it has the same
  /// there. Returns false, too, when it has more than one request.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then it stays as it was.
  pub async fn retry_at(
    &self,
    key: BackgroundFetchKey,
    moved: Moved,
  ) -> Result<bool, StoreError> {
    let shared = self.shared().clone();
    let retry = async move { retry(&shared, key, Some(moved)).await };
    self.shared().to_the_end(retry).await?
  }

  /// Fires an event again that could not be delivered: see
  /// [`Retained::undelivered`]. It has as many tries as before. Returns false
  /// when there is none.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then it stays as it was.
  pub async fn redeliver(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<bool, StoreError> {
    let shared = self.shared().clone();
    let redeliver = async move { redeliver(&shared, key).await };
    self.shared().to_the_end(redeliver).await?
  }

  /// Deletes a background fetch that is
  /// [retained](crate::snapshot::BackgroundFetchSnapshot::retained), with its
  /// bytes. Returns false, and changes nothing, when there is none.
  ///
  /// # Errors
  ///
  /// The store cannot forget it; then it stays.
  pub async fn delete(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<bool, StoreError> {
    let shared = self.shared().clone();
    let delete = async move { delete(&shared, key).await };
    self.shared().to_the_end(delete).await?
  }
}

async fn retry(
  shared: &Arc<Shared>,
  key: BackgroundFetchKey,
  moved: Option<Moved>,
) -> Result<bool, StoreError> {
  let Some(run) = shared.run(key) else {
    return Ok(false);
  };
  let registration = run.registration.clone();
  let _queue = registration.edit_queue.lock().await;
  let has_failed = run.look(|p| settle::is_continuable(p.background_fetch()));
  let is_free = registration.active(&run.id).is_none();
  let can_move = moved.is_none() || run.records.len() == 1;
  if run.retained().is_none() || !has_failed || !is_free || !can_move {
    return Ok(false);
  }
  let mut row = continued_row(&run);
  restore::restore_records(shared, &mut row).await;
  let (mut facts, unusable) = begin_unusable_again(&mut row);
  facts.push(Fact::Retried { key });
  let mut stored = StoredEnvironment {
    environment: run.environment.clone(),
    embedder_data: run.embedder_data.clone(),
    keep_failed: run.keep_failed,
    net_check: run.net_permission.has_check(),
  };
  if let Some(Moved { url, embedder_data }) = moved {
    let request = &mut row.background_fetch.records[0].request;
    request.url = url;
    stored.embedder_data = embedder_data;
    facts.push(Fact::Moved {
      key,
      record: 0,
      request: Box::new(request.clone()),
      environment: stored.to_json(),
    });
  }
  // Durable before anything of it happens.
  shared.checkpoint.write(&facts).await?;
  registration.withdraw_events(key);
  let permission = run.net_permission.clone();
  let again = restore::make_known(shared, row, stored, permission);
  run.set_retained(None);
  run.give_place_to(&again);
  restore::begin(shared, again);
  shared.delete_bodies(unusable).await;
  Ok(true)
}

async fn redeliver(
  shared: &Arc<Shared>,
  key: BackgroundFetchKey,
) -> Result<bool, StoreError> {
  let Some(run) = shared.run(key) else {
    return Ok(false);
  };
  let _queue = run.registration.edit_queue.lock().await;
  let undelivered = run.retained().map(|retained| retained.undelivered);
  if undelivered.is_none_or(|why| why.is_empty()) {
    return Ok(false);
  }
  let fact = Fact::Redelivered { key };
  shared.checkpoint.write(&[fact]).await?;
  run.set_retained(None);
  run.registration.unfinished(1);
  shared.tell_observers(&run);
  let (shared, run) = (shared.clone(), run.clone());
  shared.clone().spawn(async move {
    if settle::before_event(&shared, &run).await {
      run.registration.redeliver(key);
      run.registration.unfinished(-1);
    }
  });
  Ok(true)
}

/// The row of a failed background fetch that is continued: what has succeeded
/// stays, everything else has no result.
fn continued_row(run: &Run) -> StoredBackgroundFetch {
  let mut fetch = run.look(|p| p.background_fetch().clone());
  let mut bodies = Vec::new();
  for (index, record) in fetch.records.iter_mut().enumerate() {
    let slot = &run.records[index];
    let body = run.response_data(index).body();
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
    key: run.key,
    scope: run.registration.scope.clone(),
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
    let is_whole = response.complete_length() == Some(data.bytes);
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
/// what the store has to be told, and the bodies that nobody needs any more.
fn begin_unusable_again(
  row: &mut StoredBackgroundFetch,
) -> (Vec<Fact>, Vec<BodyId>) {
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
    facts.push(Fact::Response {
      key,
      record: index,
      response: None,
      body: None,
    });
  }
  (facts, unusable)
}

async fn delete(
  shared: &Arc<Shared>,
  key: BackgroundFetchKey,
) -> Result<bool, StoreError> {
  let Some(run) = shared.run(key) else {
    return Ok(false);
  };
  let _queue = run.registration.edit_queue.lock().await;
  if run.retained().is_none() {
    return Ok(false);
  }
  settle::forget(shared, &run).await?;
  run.registration.withdraw_events(key);
  run.set_retained(None);
  run.tell(|p, _| p.records_unavailable());
  shared.runs.lock().remove(&key);
  run.update_instances(shared);
  Ok(true)
}

/// From now on the background fetch is kept, for the retention time.
pub(crate) async fn retain(
  shared: &Arc<Shared>,
  run: &Arc<Run>,
  undelivered: String,
) {
  let retained = Retained {
    since: now(),
    undelivered,
  };
  let _queue = run.registration.edit_queue.lock().await;
  if run.is_purged() {
    return;
  }
  run.set_retained(Some(retained.clone()));
  let key = run.key;
  let fact = Fact::Retained { key, retained };
  if let Err(error) = shared.checkpoint.write_or_note(vec![fact]).await {
    // Until it is known its event may be fired again after a restart.
    tracing::error!(%error, "it is not durable yet that an event has ended");
  }
  shared.retained.notify_one();
  shared.tell_observers(run);
}

/// Deletes what is out of retention, forever.
pub(crate) async fn expire(shared: &Arc<Shared>) {
  loop {
    let mut sleep = MAX_SLEEP;
    for (key, retained) in all_retained(shared) {
      let left = left(&retained, shared.config.retention, now());
      if !left.is_zero() {
        sleep = sleep.min(left);
      } else if let Err(error) = delete(shared, key).await {
        tracing::error!(%error, "what is out of retention cannot be deleted");
        sleep = sleep.min(RETRY_INTERVAL);
      }
    }
    let sleep = tokio::time::sleep(sleep);
    tokio::select! {
      () = sleep => {}
      () = shared.retained.notified() => {}
    }
  }
}

fn all_retained(shared: &Shared) -> Vec<(BackgroundFetchKey, Retained)> {
  let runs = shared.runs.lock();
  let retained = |run: &Arc<Run>| Some((run.key, run.retained()?));
  runs.values().filter_map(retained).collect()
}

/// How long it is still kept. A clock that was set back does not keep it
/// longer than the whole time from now.
fn left(retained: &Retained, retention: Duration, now: i64) -> Duration {
  let past = u64::try_from(now.saturating_sub(retained.since)).unwrap_or(0);
  retention.saturating_sub(Duration::from_millis(past))
}

/// Milliseconds since the epoch.
fn now() -> i64 {
  let since = SystemTime::now().duration_since(UNIX_EPOCH);
  since.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
  use super::*;

  #[test]
  fn what_is_retained_is_kept_for_its_time() {
    let retained = Retained {
      since: 1_000,
      undelivered: String::new(),
    };
    let left = |now| left(&retained, Duration::from_secs(5), now);
    assert_eq!(left(1_000), Duration::from_secs(5));
    assert_eq!(left(5_999), Duration::from_millis(1));
    assert_eq!(left(6_000), Duration::ZERO);
    assert_eq!(left(i64::MAX), Duration::ZERO);
    assert_eq!(left(-1), Duration::from_secs(5));
  }
}
