//! What the user does to a background fetch, by way of a display, the command
//! line or the embedder: abort, pause, unpause, click.

use super::Engine;
use super::context::Context;
use super::job::Jobs;
use super::outcome::AbortOutcome;
use super::outcome::ClickOutcome;
use super::outcome::PauseOutcome;
use super::outcome::UnpauseOutcome;
use super::registration::Registration;
use crate::display::UserAction;
use crate::display::UserActions;
use crate::ids::BackgroundFetchKey;
use crate::spec::BackgroundFetchResult;
use crate::spec::FetchMachine;
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
  ) -> Result<AbortOutcome, StoreError> {
    let Some(job) = self.jobs().get(key) else {
      return Ok(AbortOutcome::NotActive);
    };
    let (context, jobs) = (self.context().clone(), self.jobs().clone());
    let (registration, id) = (job.registration.clone(), job.id.clone());
    let abort =
      async move { abort(&context, &jobs, &registration, &id, key).await };
    // What is durable has to happen, even if nothing waits for it any more.
    self.context().run_to_completion(abort).await?
  }

  /// Sets the paused flag: the user wants the background fetch to wait.
  ///
  /// # Errors
  ///
  /// The store cannot remember it yet; it is paused all the same.
  pub async fn pause(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<PauseOutcome, StoreError> {
    let Some(job) = self.jobs().get(key) else {
      return Ok(PauseOutcome::NotActive);
    };
    let outcome = job.update(|p, actions| {
      let (was_settled, was_paused) = state(p);
      match p.pause(actions) {
        true => PauseOutcome::Paused,
        false if was_settled => PauseOutcome::NotActive,
        false if was_paused => PauseOutcome::AlreadyPaused,
        false => PauseOutcome::CannotPause,
      }
    });
    if outcome == PauseOutcome::Paused {
      let paused = Change::Paused { key, paused: true };
      let journal = &self.context().journal;
      journal.commit_or_enqueue(key, vec![paused]).await?;
    }
    Ok(outcome)
  }

  /// Unsets the paused flag, and begins what is quarantined.
  ///
  /// # Errors
  ///
  /// The store cannot remember it yet; the background fetch continues all the
  /// same.
  pub async fn unpause(
    &self,
    key: BackgroundFetchKey,
  ) -> Result<UnpauseOutcome, StoreError> {
    let Some(job) = self.jobs().get(key) else {
      return Ok(UnpauseOutcome::NotActive);
    };
    let released = job.release();
    let outcome = job.update(|p, actions| {
      let (was_settled, was_paused) = state(p);
      match p.unpause(actions) {
        true => UnpauseOutcome::Unpaused,
        false if was_settled || was_paused => UnpauseOutcome::NotActive,
        false => UnpauseOutcome::NotPaused,
      }
    });
    if outcome == UnpauseOutcome::Unpaused {
      let mut changes = vec![Change::Paused { key, paused: false }];
      if released {
        changes.push(Change::Released { key });
      }
      let journal = &self.context().journal;
      journal.commit_or_enqueue(key, changes).await?;
    }
    Ok(outcome)
  }

  /// [Fires a background fetch click event](https://wicg.github.io/background-fetch/#fire-a-background-fetch-click-event-algorithm):
  /// the user has activated its display.
  pub fn click(&self, key: BackgroundFetchKey) -> ClickOutcome {
    let Some(job) = self.jobs().get(key) else {
      return ClickOutcome::Unknown;
    };
    let registration = job.registration.clone();
    // click.1, display.9, automation.7: fire the click event.
    registration.fire(FunctionalEvent::Click, key);
    ClickOutcome::Fired
  }
}

/// Whether it has settled, and whether it is paused.
fn state(machine: &FetchMachine) -> (bool, bool) {
  let fetch = machine.background_fetch();
  (fetch.result != BackgroundFetchResult::None, fetch.paused)
}

impl Engine {
  /// For a display, without keeping the engine.
  pub(super) fn user_actions(&self) -> UserActions {
    let engine = self.downgrade();
    UserActions::new(move |action| {
      if let Some(engine) = engine.upgrade() {
        let context = engine.context().clone();
        context.spawn(async move {
          if let Err(error) = act(&engine, action).await {
            tracing::error!("what the user wants cannot be stored: {error}");
          }
        });
      }
    })
  }
}

async fn act(engine: &Engine, action: UserAction) -> Result<(), StoreError> {
  match action {
    UserAction::Abort(key) => engine.abort(key).await.map(drop),
    UserAction::Pause(key) => engine.pause(key).await.map(drop),
    UserAction::Unpause(key) => engine.unpause(key).await.map(drop),
    UserAction::Click(key) => {
      let _ = engine.click(key);
      Ok(())
    }
    UserAction::ClickNotification { id, action } => {
      let action = action.as_deref().unwrap_or_default();
      let _ = engine.click_notification(id, action);
      Ok(())
    }
    UserAction::DismissNotification { id } => {
      let _ = engine.dismiss_notification(id);
      Ok(())
    }
  }
}

/// abort.3: Enqueue to the active background fetches edit queue.
async fn abort(
  context: &Context,
  jobs: &Jobs,
  registration: &Registration,
  id: &str,
  key: BackgroundFetchKey,
) -> Result<AbortOutcome, StoreError> {
  // abort.1, abort.2; the user's way to abort is display.7
  let _queue = registration.edit_queue.lock(id).await;
  // Who was in the queue before may have put another job in its place.
  let Some(job) = jobs.get(key) else {
    return Ok(AbortOutcome::NotActive);
  };
  // abort.3.1 to abort.3.3: does not contain background fetch: false
  if !registration.contains_background_fetch(&job.id, job.key) {
    return Ok(AbortOutcome::NotActive);
  }
  // Durable before the answer.
  let aborted = Change::Aborted { key: job.key };
  context.journal.commit(job.key, vec![aborted]).await?;
  // abort.3.4: it is not an active background fetch any more.
  registration.remove_active(&job.id);
  job.release();
  // abort.3.5 is the caller's; abort.3.6: Set the abort all flag.
  job.update(|p, actions| p.abort_all(actions));
  Ok(AbortOutcome::Aborted)
}
