//! The end of a registration: its background fetches end with it, and nobody is
//! told.

use std::sync::Arc;

use url::Url;

use super::Run;
use crate::engine::context::Shared;
use crate::store::Fact;

/// Aborts and forgets every background fetch of the registration in `scope`,
/// and the registration.
pub(crate) async fn purge(shared: Arc<Shared>, scope: Url) {
  let registration = shared.registrations.get(&scope);
  let _queue = registration.edit_queue.lock().await;
  let runs: Vec<Arc<Run>> = {
    let runs = shared.runs.lock();
    let own = runs
      .values()
      .filter(|r| Arc::ptr_eq(&r.registration, &registration));
    own.cloned().collect()
  };
  for run in &runs {
    run.purge();
    run.release();
    registration.remove_active(run);
  }
  registration.forget_events();
  // After this, nothing of it comes back with a restart.
  if let Err(error) = shared.store.facts.remove_registration(&scope).await {
    tracing::error!(%scope, %error, "a registration cannot be deleted");
  }
  let forgotten = runs.iter().map(|run| Fact::Forgotten { key: run.key });
  if let Err(error) = shared.checkpoint.write_or_note(forgotten.collect()).await
  {
    tracing::error!(%scope, %error, "background fetches cannot be deleted");
  }
  for run in runs {
    if run.is_settled() {
      settled(&shared, &run).await;
    } else {
      // It settles, and is forgotten then.
      run.tell(|p, actions| p.abort_all(actions));
    }
  }
}

/// Nothing of a purged background fetch is going on any more.
pub(crate) async fn settled(shared: &Arc<Shared>, run: &Arc<Run>) {
  run.tell(|p, _| {
    if p.background_fetch().result == crate::spec::BackgroundFetchResult::None {
      p.settle(false);
    }
    p.records_unavailable();
  });
  let result = run.look(|p| p.background_fetch().result);
  run.set_settled(result);
  run.update_instances(shared);
  // What was noted meanwhile is of no use.
  let forgotten = vec![Fact::Forgotten { key: run.key }];
  if let Err(error) = shared.checkpoint.write_or_note(forgotten).await {
    tracing::error!(%error, "a background fetch cannot be deleted yet");
  }
  shared.runs.lock().remove(&run.key);
  // Nobody is going to read them, also when the row is still there.
  shared.delete_bodies(run.discard_bodies()).await;
}
