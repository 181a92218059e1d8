//! The end of a registration: its background fetches end with it, without an
//! event.

use std::sync::Arc;

use url::Url;

use super::Job;
use super::Jobs;
use crate::engine::context::Context;
use crate::store::Change;
use crate::store::StoreError;

/// Aborts and forgets every background fetch of the registration in `scope`,
/// and the registration.
pub(crate) async fn purge(context: Arc<Context>, jobs: Arc<Jobs>, scope: Url) {
  let registration = context.registrations.get(&scope);
  let _queue = registration.edit_queue.lock_all().await;
  let mut jobs = jobs.all();
  jobs.retain(|job| Arc::ptr_eq(&job.registration, &registration));
  for job in &jobs {
    job.purge();
    job.release();
    registration.remove_active(&job.id);
  }
  registration.forget_events();
  // After this, nothing of it comes back with a restart.
  if let Err(error) = remove_registration(&context, &scope).await {
    tracing::error!(%scope, %error, "a registration cannot be deleted");
  }
  let forgotten = jobs.iter().map(|job| {
    let forgotten = vec![Change::Forgotten { key: job.key }];
    context.journal.commit_or_enqueue(job.key, forgotten)
  });
  for result in futures::future::join_all(forgotten).await {
    if let Err(error) = result {
      tracing::error!(%scope, %error, "a background fetch cannot be deleted");
    }
  }
  for job in jobs {
    if job.is_settled() {
      settled(&context, &job).await;
    } else {
      // It settles, and is forgotten then.
      job.update(|p, actions| p.abort_all(actions));
    }
  }
}

async fn remove_registration(
  context: &Context,
  scope: &Url,
) -> Result<(), StoreError> {
  context.store.get()?.remove_registration(scope).await
}

/// Nothing of a purged background fetch is running any more.
pub(crate) async fn settled(context: &Arc<Context>, job: &Arc<Job>) {
  job.update(|p, _| {
    if p.background_fetch().result == crate::spec::BackgroundFetchResult::None {
      p.settle(false);
    }
    p.clear_records_available();
  });
  job.update_instances(context);
  // What was noted meanwhile is of no use.
  let forgotten = vec![Change::Forgotten { key: job.key }];
  if let Err(error) =
    context.journal.commit_or_enqueue(job.key, forgotten).await
  {
    tracing::error!(%error, "a background fetch cannot be deleted yet");
  }
  job.leave();
  // They are not read any more, even if the row is still there.
  context.delete_bodies(job.discard_bodies()).await;
}
