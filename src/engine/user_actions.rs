//! What the user does to a background fetch, by way of a display, the command
//! line or the embedder: abort, pause, unpause, click.

use std::sync::Arc;

use super::Engine;
use super::context::Context;
use super::job::Job;
use crate::ids::BackgroundFetchKey;
use crate::spec::FunctionalEvent;
use crate::store::Change;
use crate::store::StoreError;

impl Engine {
  /// Aborts a background fetch: `abort()` of a script, or the user's wish.
  ///
  /// # Errors
  ///
  /// The store cannot remember it; then nothing has changed.
  pub async fn abort(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<bool, StoreError> {
    let Some(job) = self.context().job(key) else {
      return Ok(false);
    };
    let context = self.context().clone();
    let abort = async move { abort(&context, &job).await };
    // What is durable has to happen, even if nobody waits for it any more.
    self.context().run_to_completion(abort).await?
  }

  /// Sets the paused flag: the user wants the background fetch to wait.
  /// Returns false when it cannot be paused (a request that is not a `GET`
  /// has begun), is paused already or has settled.
  ///
  /// # Errors
  ///
  /// The store cannot remember it yet; it is paused all the same.
  pub async fn pause(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<bool, StoreError> {
    self.set_paused(key, true).await
  }

  /// Unsets the paused flag, and begins what is quarantined. Returns false when
  /// neither was so.
  ///
  /// # Errors
  ///
  /// The store cannot remember it yet; the background fetch continues all the
  /// same.
  pub async fn unpause(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<bool, StoreError> {
    self.set_paused(key, false).await
  }

  async fn set_paused(
    &self,
    key: BackgroundFetchKey,
    paused: bool,
  ) -> Result<bool, StoreError> {
    let context = self.context();
    let Some(job) = context.job(key) else {
      return Ok(false);
    };
    let released = !paused && job.release();
    let changed = job.update(|p, actions| match paused {
      true => p.pause(actions),
      false => p.unpause(actions),
    });
    if changed {
      let mut facts = vec![Change::Paused { key, paused }];
      if released {
        facts.push(Change::Released { key });
      }
      context.journal.commit_or_enqueue(facts).await?;
    }
    Ok(changed)
  }

  /// [Fires a background fetch click event](https://wicg.github.io/background-fetch/#fire-a-background-fetch-click-event-algorithm):
  /// the user has activated its display. Returns false when there is no such
  /// background fetch.
  pub fn click(&self, key: BackgroundFetchKey) -> bool {
    let Some(job) = self.context().job(key) else {
      return false;
    };
    let registration = job.registration.clone();
    // click.1, display.9, automation.7
    registration.fire(FunctionalEvent::Click, key);
    true
  }
}

/// abort.3: Enqueue to the active background fetches edit queue.
async fn abort(context: &Context, job: &Arc<Job>) -> Result<bool, StoreError> {
  // abort.1, abort.2; the user's way to abort is display.7
  let registration = &job.registration;
  let _queue = registration.edit_queue.lock().await;
  // abort.3.1 to abort.3.3: does not contain background fetch: false
  if !registration.contains_background_fetch(&job.id, job.key) {
    return Ok(false);
  }
  // Durable before the answer.
  let aborted = Change::Aborted { key: job.key };
  context.journal.commit(&[aborted]).await?;
  // abort.3.4: Remove activeBgFetches[id].
  registration.remove_active(&job.id);
  job.release();
  // abort.3.5 is the caller's; abort.3.6: Set the abort all flag.
  job.update(|p, actions| p.abort_all(actions));
  Ok(true)
}
