//! The end of [perform a background fetch](https://wicg.github.io/background-fetch/#perform-a-background-fetch-algorithm):
//! what is enqueued to the active background fetches edit queue, and what
//! follows the event.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::until;
use super::purge;
use super::run::Run;
use super::shared::Shared;
use crate::spec::FunctionalEvent;
use crate::store::Fact;

/// How long to wait before a result that could not be made durable is tried
/// again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// perform.8
pub(super) async fn settle(shared: Arc<Shared>, run: Arc<Run>) {
  let registration = &run.registration;
  // What takes long comes first: in the queue others would wait for it.
  if let Err(error) = shared.checkpoint.write(Vec::new()).await {
    tracing::error!(%error, "a result cannot be made durable yet");
  }
  // perform.8: Enqueue the following steps to swRegistration's active
  // background fetches edit queue:
  let _queue = registration.edit_queue.lock().await;
  if run.is_purged() {
    purge::settled(&shared, &run).await;
    registration.unfinished(-1);
    return;
  }
  // perform.8.1 to perform.8.3: If activeBgFetches contains background fetch
  // bgFetch, remove it.
  let was_active = registration.contains_background_fetch(&run);
  if was_active {
    registration.remove_active(&run);
  }
  // perform.8.4 to perform.8.6
  let event = run.tell(|p, _| p.settle(was_active));
  let (result, failure_reason) = run.look(|p| {
    let background_fetch = p.background_fetch();
    (background_fetch.result, background_fetch.failure_reason)
  });
  // The result is durable before anybody hears of it.
  let settled = Fact::Settled {
    key: run.key,
    result,
    failure_reason,
  };
  let mut facts = vec![settled];
  while let Err(error) =
    shared.checkpoint.write(std::mem::take(&mut facts)).await
  {
    tracing::error!(%error, "a result cannot be made durable; trying again");
    let wait = tokio::time::sleep(TRY_AGAIN);
    if until(&shared.stopping, wait).await.is_none() {
      return;
    }
  }
  run.set_settled(result);
  // perform.8.7: Update background fetch instances.
  run.update_instances(&shared);
  announce(&shared, run.clone(), event);
}

/// perform.8.8 to perform.8.12: Fire a functional event. The registration has
/// counted the background fetch as unfinished; the event that is owed now
/// takes the place of that.
pub(super) fn announce(
  shared: &Arc<Shared>,
  run: Arc<Run>,
  event: FunctionalEvent,
) {
  let before = shared.config.before_event.clone();
  let stopping = shared.stopping.clone();
  shared.spawn(async move {
    if let Some(before) = before {
      let before = before(run.snapshot());
      if until(&stopping, before).await.is_none() {
        return;
      }
    }
    let registration = run.registration.clone();
    if !run.is_purged() {
      registration.fire(event, run);
    }
    registration.unfinished(-1);
  });
}

/// The event is no longer active: perform.8.12.1 is over. The registration
/// counts the background fetch until the rest of this is done, too.
pub(super) fn event_handled(
  shared: Arc<Shared>,
  event: FunctionalEvent,
  run: Arc<Run>,
) {
  if event == FunctionalEvent::Click {
    return;
  }
  // perform.8.12.2: Unset bgFetch's records available flag.
  run.tell(|p, _| p.records_unavailable());
  // perform.8.12.3: Update background fetch instances.
  run.update_instances(&shared);
  // Its records cannot be reached any more. The registration is not idle until
  // they are gone, so that whoever waits for the end finds no rest.
  shared.clone().spawn(async move {
    let forgotten = Fact::Forgotten { key: run.key };
    if let Err(error) = shared.checkpoint.write(vec![forgotten]).await {
      // The row stays for now; the event is fired again after a restart,
      // which an event that is delivered at least once may be.
      tracing::error!(%error, "a settled background fetch cannot be deleted");
    }
    shared.runs.lock().remove(&run.key);
    shared.delete_bodies(run.discard_bodies()).await;
    run.registration.unfinished(-1);
  });
}
