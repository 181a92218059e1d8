//! Continuing where an earlier process was stopped.

use std::collections::HashSet;
use std::sync::Arc;

use url::Url;

use super::Job;
use super::Jobs;
use super::orphans;
use super::restore_record;
use super::restore_record::RecordRef;
use super::row;
use super::row::StoredEnvironment;
use crate::engine::context::Context;
use crate::engine::net_permission::NetPermission;
use crate::ids::BodyId;
use crate::spec::BackgroundFetchResult;
use crate::spec::FunctionalEvent;
use crate::store::Change;
use crate::store::DamagedRow;
use crate::store::StoreError;
use crate::store::StoredBackgroundFetch;

/// How many background fetches are claimed at once.
const CLAIM: usize = 1000;

/// Takes everything from the store that is there: begins again what has not
/// settled, fires the events that are owed, and deletes the bodies that no row
/// knows.
pub(crate) async fn restore(
  context: &Arc<Context>,
  jobs: &Arc<Jobs>,
) -> Result<(), StoreError> {
  let store = context.store.take_over().await?;
  let owner = store.ownership().await?;
  let (caches, deleted) = context.caches.load().await?;
  let mut known = HashSet::new();
  for of_origin in caches {
    // What a script has cached is in use from the start.
    if let Ok(url) = Url::parse(&of_origin.origin) {
      context.quota(&url).take(of_origin.bytes);
    }
    known.extend(of_origin.bodies);
  }
  context.delete_bodies(deleted.bodies).await;
  for database in context.indexed_db.load().await? {
    if let Ok(url) = Url::parse(&database.origin) {
      let quota = context.quota(&url);
      context.indexed_db.add(database, quota);
    }
  }
  let mut restored = Restored::default();
  let claim = || store.metadata.claim(owner, CLAIM);
  let mut rows = claim().await?;
  while !rows.is_empty() {
    // The next ones are read meanwhile.
    let restore = restored.add(context, jobs, rows);
    let (more, ()) = tokio::join!(claim(), restore);
    rows = more?;
  }
  let Restored {
    known: of_rows,
    jobs: all,
    damaged,
    ..
  } = restored;
  known.extend(of_rows);
  context.start_writing();
  for damage in damaged {
    forget_damaged(context, damage).await?;
  }
  orphans::collect(context, &known).await?;
  // What was found is progress: it has to count before this process can die
  // of going on.
  if let Err(error) = context.journal.flush().await {
    tracing::error!(%error, "what was found cannot be made durable yet");
  }
  // A worker that starts finds every background fetch, and one that has an
  // event finds its worker.
  if context.service_workers.has_host() {
    let registrations = store.metadata.registrations().await?;
    context.service_workers.restore(registrations);
  }
  for job in all {
    begin(context, job);
  }
  Ok(())
}

/// What was made of the rows.
#[derive(Default)]
struct Restored {
  jobs: Vec<Arc<Job>>,
  damaged: Vec<DamagedRow>,
  /// The bodies that they speak of.
  known: Vec<BodyId>,
  /// Most background fetches have the environment of the one before.
  last: Option<(String, Arc<StoredEnvironment>)>,
}

impl Restored {
  async fn add(
    &mut self,
    context: &Arc<Context>,
    jobs: &Arc<Jobs>,
    rows: Vec<Result<StoredBackgroundFetch, DamagedRow>>,
  ) {
    for row in rows {
      let restored = match row {
        Ok(row) => self.restore_row(context, jobs, row).await,
        Err(damage) => Err(damage),
      };
      match restored {
        Ok(job) => self.jobs.push(job),
        Err(damage) => self.damaged.push(damage),
      }
    }
  }

  fn environment(
    &mut self,
    text: &str,
  ) -> serde_json::Result<Arc<StoredEnvironment>> {
    if let Some((_, last)) = self.last.as_ref().filter(|(of, _)| of == text) {
      return Ok(last.clone());
    }
    let stored = Arc::new(serde_json::from_str(text)?);
    self.last = Some((text.to_owned(), Arc::clone(&stored)));
    Ok(stored)
  }

  async fn restore_row(
    &mut self,
    context: &Arc<Context>,
    jobs: &Arc<Jobs>,
    mut row: StoredBackgroundFetch,
  ) -> Result<Arc<Job>, DamagedRow> {
    let bodies = row.bodies.iter();
    let bodies = bodies.flat_map(|b| [b.request, b.response]).flatten();
    self.known.extend(bodies);
    let stored = match self.environment(&row.environment) {
      Ok(stored) => stored,
      Err(error) => {
        return Err(DamagedRow {
          key: row.key,
          id: Some(row.background_fetch.id),
          scope: Some(row.scope),
          message: format!("its environment cannot be read: {error}"),
        });
      }
    };
    restore_records(context, &mut row).await;
    let is_quarantined = is_quarantined(context, &row);
    // What is not begun waits as it does while it is paused.
    row.background_fetch.paused |= is_quarantined;
    let permission =
      NetPermission::restored(&context.policies, stored.net_check);
    let job = row::make_known(context, jobs, row, stored, permission);
    if is_quarantined {
      job.quarantine();
    }
    Ok(job)
  }
}

/// Whether a background fetch whose records were restored is held back. Not
/// when there is nothing left to begin, and not when the process that died had
/// come further than its rows say.
fn is_quarantined(context: &Context, row: &StoredBackgroundFetch) -> bool {
  if !row.is_quarantined() {
    return false;
  }
  let mut records = row.background_fetch.records.iter().zip(&row.bodies);
  let has_progressed =
    records.any(|(r, bodies)| r.response_data.extents.total() > bodies.most);
  let mut records = row.background_fetch.records.iter();
  let is_unfinished = records.any(|r| r.response_data.result.is_none());
  if has_progressed || !is_unfinished {
    context
      .journal
      .enqueue_urgent(Change::Released { key: row.key });
    return false;
  }
  true
}

/// Finds out how much of each record is there.
pub(crate) async fn restore_records(
  context: &Arc<Context>,
  row: &mut StoredBackgroundFetch,
) {
  let settled = row.background_fetch.result != BackgroundFetchResult::None;
  let records = row.background_fetch.records.iter_mut();
  for (index, (record, bodies)) in records.zip(&mut row.bodies).enumerate() {
    let record_ref = RecordRef {
      context,
      key: row.key,
      record: index,
      settled,
    };
    restore_record::restore(record_ref, record, bodies).await;
  }
}

/// Begins what was restored, or continued.
pub(crate) fn begin(context: &Arc<Context>, job: Arc<Job>) {
  let failure_reason = job.inspect(|p| p.background_fetch().failure_reason);
  if let Some(retained) = job.retained() {
    if retained.undelivered.is_some() {
      let event = FunctionalEvent::for_result(failure_reason);
      job.registration.restore_undelivered(event, job.key);
    }
    return context.notify_observers(&job);
  }
  if job.is_quarantined() {
    // It does not count as unfinished.
    tracing::warn!(
      id = job.id,
      "it was under way when processes died, and is not begun again before it \
       is unpaused"
    );
  } else {
    job.registration.unfinished(1);
  }
  if job.is_settled() {
    let event = FunctionalEvent::for_result(failure_reason);
    super::settle::announce(context, job.clone(), event);
  } else {
    job.update(|p, actions| p.begin(actions));
  }
  context.notify_observers(&job);
}

/// A row that cannot be read cannot be performed: its background fetch is
/// given up, with a word in the log, and the others continue.
async fn forget_damaged(
  context: &Context,
  damaged: DamagedRow,
) -> Result<(), StoreError> {
  let DamagedRow {
    key, id, message, ..
  } = damaged;
  let id = id.unwrap_or_default();
  tracing::error!(
    id,
    message,
    "a stored background fetch is damaged and was given up"
  );
  let forgotten = vec![Change::Forgotten { key }];
  context.journal.commit(key, forgotten).await
}
